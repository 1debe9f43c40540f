"""Distances on the earth, as a sphere."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

EARTH_KM: Final = 6371.0088
"""Mean radius."""
FARTHEST_KM: Final = float(np.pi * EARTH_KM)

Floats = NDArray[np.float64]


def distance_km(latitude: Floats, longitude: Floats, other_latitude: Floats, other_longitude: Floats) -> Floats:
    """Great-circle distance by the haversine formula (float64, the broadcast shape); degrees in, kilometres out."""
    one, other = np.radians(latitude), np.radians(other_latitude)
    turn = np.radians(other_longitude) - np.radians(longitude)
    half = np.sin((other - one) / 2.0) ** 2 + np.cos(one) * np.cos(other) * np.sin(turn / 2.0) ** 2
    found: Floats = 2.0 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    return found
