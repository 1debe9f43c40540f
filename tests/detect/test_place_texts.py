"""Places as events write them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from rarebit.detect.place_texts import place_of, places_of


@pytest.mark.parametrize(
    "text",
    ["48.85,2.35", " 48.85 , 2.35 ", "[2.35,48.85]", "[ 2.35, 48.85 ]", "POINT (2.35 48.85)", "point(2.35 48.85)"],
)
def test_every_form_is_read(text: str) -> None:
    assert place_of(text) == (48.85, 2.35)


@pytest.mark.parametrize(
    "text", ["", "Paris", "91,0", "0,181", "48.85", "1,2,3", "[1,2", "nan,nan", "u09tunq", "1e999,0"]
)
def test_what_is_no_place_is_infinite(text: str) -> None:
    assert place_of(text) == (np.inf, np.inf)


def test_columns_are_read_once_a_value_and_absent_ones_are_nan() -> None:
    column = pa.chunked_array([["1,2", None], ["1,2", "?"]])
    latitude, longitude = places_of(column)
    assert latitude.tolist()[:1] + latitude.tolist()[2:] == [1.0, 1.0, np.inf]
    assert np.isnan(latitude[1])
    assert longitude[2] == 2.0
    assert all(part.size == 0 for part in places_of(pa.array([], pa.string())))
