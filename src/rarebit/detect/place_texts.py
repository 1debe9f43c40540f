"""Places as events write them: ``"lat,lon"``, ``[lon, lat]``, ``{lat, lon}``, ``POINT (lon lat)``; their degrees."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.query.columns import text_sql

_NUMBER: Final = r"\s*([+-]?(?:\d{1,3}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,3})?)\s*"
_PLAIN: Final = re.compile(f"{_NUMBER},{_NUMBER}$")
_TURNED: Final = re.compile(rf"(?:\[{_NUMBER},{_NUMBER}\]|\s*POINT\s*\({_NUMBER}\s{_NUMBER}\)\s*)$", re.IGNORECASE)


def place_sql(name: str) -> str:
    """SQL for the text of a place, also of one that is kept as an object of latitude and longitude."""
    return f"COALESCE({text_sql(name)}, {text_sql(name + '.lat')} || ',' || {text_sql(name + '.lon')})"


def place_of(text: str) -> tuple[float, float]:
    """Latitude and longitude in degrees; infinite where the text names no place on the earth."""
    found = _PLAIN.match(text)
    if found:
        latitude, longitude = float(found[1]), float(found[2])
    else:
        turned = _TURNED.match(text)
        if not turned:
            return np.inf, np.inf
        longitude, latitude = (float(part) for part in turned.groups() if part is not None)
    if abs(latitude) > 90.0 or abs(longitude) > 180.0:  # noqa: PLR2004
        return np.inf, np.inf
    return latitude, longitude


def places_of(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes (float64[n] each) of texts; NaN where there is none, infinite where it is no place."""
    encoded = pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    degrees = np.array([*(place_of(text) for text in encoded.dictionary.to_pylist()), (np.nan, np.nan)], np.float64)
    places = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(degrees[places, 0]), np.ascontiguousarray(degrees[places, 1])
