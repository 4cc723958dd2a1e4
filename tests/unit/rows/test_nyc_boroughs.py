"""Boroughs are found by name, ZIP code and place, and nothing outside the city is in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.rows.nyc_boroughs import BOROUGHS, borough_at, borough_named, borough_of_zip


@pytest.mark.parametrize(
    ("raw", "borough"),
    [
        ("QUEENS", "QUEENS"),
        (" staten   island ", "STATEN ISLAND"),
        ("Bronx", "BRONX"),
        ("GOTHAM", ""),
        ("", ""),
        ("QUEENS, NY", ""),
    ],
)
def test_names(raw, borough):
    """A name does in any case and spacing; another text names no borough."""
    assert borough_named(raw) == borough


@pytest.mark.parametrize(
    ("raw", "borough"),
    [
        ("10001", "MANHATTAN"),
        ("10282", "MANHATTAN"),
        ("10301", "STATEN ISLAND"),
        ("10451", "BRONX"),
        ("11004", "QUEENS"),
        ("11101", "QUEENS"),
        ("11201", "BROOKLYN"),
        ("11354", "QUEENS"),
        ("11434", "QUEENS"),
        ("11691", "QUEENS"),
        (" 11201-1234 ", "BROOKLYN"),
        ("11201.0", "BROOKLYN"),
        ("10501", ""),
        ("1120", ""),
        ("112011", ""),
        ("", ""),
        ("ABCDE", ""),
        ("١١٢٠١", ""),
    ],
)
def test_zip_codes(raw, borough):
    """The first three of five digits tell the borough; what is none of the city's tells none."""
    assert borough_of_zip(raw) == borough


@pytest.mark.parametrize(
    ("place", "latitude", "longitude", "borough"),
    [
        ("City Hall", 40.7127, -74.0060, "MANHATTAN"),
        ("Inwood", 40.8677, -73.9212, "MANHATTAN"),
        ("Roosevelt Island", 40.7610, -73.9500, "MANHATTAN"),
        ("Yankee Stadium", 40.8296, -73.9262, "BRONX"),
        ("City Island", 40.8470, -73.7870, "BRONX"),
        ("Coney Island", 40.5749, -73.9859, "BROOKLYN"),
        ("Greenpoint", 40.7304, -73.9515, "BROOKLYN"),
        ("East New York", 40.6590, -73.8759, "BROOKLYN"),
        ("Long Island City", 40.7447, -73.9485, "QUEENS"),
        ("Ridgewood", 40.7044, -73.9018, "QUEENS"),
        ("Rockaway Beach", 40.5860, -73.8110, "QUEENS"),
        ("JFK", 40.6413, -73.7781, "QUEENS"),
        ("St. George", 40.6437, -74.0736, "STATEN ISLAND"),
        ("Newark", 40.7357, -74.1724, ""),
        ("Hoboken", 40.7440, -74.0324, ""),
        ("Yonkers", 40.9312, -73.8987, ""),
        ("nowhere", 0.0, 0.0, ""),
        ("swapped", -73.9262, 40.8296, ""),
    ],
)
def test_places(place, latitude, longitude, borough):
    """Well-known places lie in their boroughs."""
    assert borough_at(latitude, longitude) == borough, place


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_any_place(latitude, longitude):
    """Any two numbers are in a borough or in none."""
    assert borough_at(latitude, longitude) in {*BOROUGHS, ""}


@given(st.text(max_size=30))
def test_any_text(raw):
    """Any text names a borough or none."""
    assert borough_named(raw) in {*BOROUGHS, ""}
    assert borough_of_zip(raw) in {*BOROUGHS, ""}
