"""Finds the borough of New York City by name, ZIP code or coordinates, by simple rules without boundary data; pure."""

from __future__ import annotations

BOROUGHS = ("BRONX", "BROOKLYN", "MANHATTAN", "QUEENS", "STATEN ISLAND")

_ZIP_PREFIXES = {
    "100": "MANHATTAN",
    "101": "MANHATTAN",
    "102": "MANHATTAN",
    "103": "STATEN ISLAND",
    "104": "BRONX",
    "110": "QUEENS",
    "111": "QUEENS",
    "112": "BROOKLYN",
    "113": "QUEENS",
    "114": "QUEENS",
    "116": "QUEENS",
}
"""First three digits of the ZIP codes that the Postal Service gave to each borough."""

SOUTH, NORTH, WEST, EAST = 40.49, 40.92, -74.26, -73.70
"""Degrees; what lies outside is not in the city."""

# Corners (latitude, longitude) of outlines drawn by hand along rivers and the Brooklyn-Queens line, some 200 m off at
# worst. Of 105,400 crashes of the public files whose borough is reported, 99.3 % lie in the outline of their borough
# (tests/integration/test_real_crash_risk.py).
_EAST_RIVER = ((40.6980, -74.0300), (40.7005, -74.0030), (40.7065, -73.9985), (40.7080, -73.9900), (40.7085, -73.9770))
_HARLEM_RIVER = (
    (40.7965, -73.9145),
    (40.8015, -73.9275),
    (40.8085, -73.9330),
    (40.8200, -73.9340),
    (40.8340, -73.9345),
    (40.8450, -73.9290),
    (40.8580, -73.9200),
    (40.8665, -73.9130),
    (40.8715, -73.9105),
    (40.8725, -73.9065),
    (40.8770, -73.9055),
    (40.8790, -73.9150),
)
_MANHATTAN = (
    *_EAST_RIVER,
    (40.7150, -73.9705),
    (40.7270, -73.9675),
    (40.7370, -73.9680),
    (40.7480, -73.9590),
    (40.7570, -73.9500),
    (40.7720, -73.9375),
    (40.7790, -73.9365),
    (40.7850, -73.9240),
    *_HARLEM_RIVER,
    (40.8790, -73.9400),
    (40.7500, -74.0300),
)
_BRONX = (
    (40.9200, -73.9250),
    (40.8790, -73.9290),
    *reversed(_HARLEM_RIVER),
    (40.7830, -73.8900),
    (40.8010, -73.8300),
    (40.7980, -73.7900),
    (40.8300, -73.7500),
    (40.8900, -73.7500),
    (40.9200, -73.8600),
)
_BROOKLYN = (
    *_EAST_RIVER,
    (40.7150, -73.9705),
    (40.7270, -73.9675),
    (40.7395, -73.9650),
    (40.7385, -73.9550),
    (40.7365, -73.9440),
    (40.7295, -73.9335),
    (40.7265, -73.9280),
    (40.7165, -73.9245),
    (40.7115, -73.9215),
    (40.7075, -73.9210),
    (40.6990, -73.9065),
    (40.6945, -73.9020),
    (40.6890, -73.9000),
    (40.6845, -73.8945),
    (40.6860, -73.8870),
    (40.6925, -73.8690),
    (40.6925, -73.8665),
    (40.6790, -73.8625),
    (40.6680, -73.8570),
    (40.6550, -73.8560),
    (40.6400, -73.8450),
    (40.6050, -73.8500),
    (40.5760, -73.8800),
    (40.5670, -73.9450),
    (40.5670, -74.0200),
    (40.6000, -74.0550),
    (40.6500, -74.0500),
)
_OUTLINES = {"MANHATTAN": _MANHATTAN, "BRONX": _BRONX, "BROOKLYN": _BROOKLYN}

_STATEN_ISLAND_EAST, _STATEN_ISLAND_NORTH = -74.05, 40.652
"""Degrees: the Narrows and the Kill Van Kull; a box is enough for an island."""

_QUEENS_WEST = -73.9635
"""Degrees: Long Island City ends there; what lies further west in no outline is water or New Jersey."""


def borough_named(raw: str) -> str:
    """Give the borough that a text names in any case and spacing, or "" when it names none."""
    name = " ".join(raw.upper().split())
    return name if name in BOROUGHS else ""


def borough_of_zip(raw: str) -> str:
    """Give the borough of a ZIP code ("11201", "11201-1234", "11201.0"), or "" when it is in none."""
    digits = raw.strip().partition("-")[0].partition(".")[0]
    return _ZIP_PREFIXES.get(digits[:3], "") if digits.isascii() and digits.isdigit() and len(digits) == 5 else ""


def borough_at(latitude: float, longitude: float) -> str:
    """Give the borough at a point (degrees), or "" outside the city; 0/0, a missing position, is outside."""
    if not (SOUTH <= latitude <= NORTH and WEST <= longitude <= EAST):
        return ""
    if longitude < _STATEN_ISLAND_EAST and latitude < _STATEN_ISLAND_NORTH:
        return "STATEN ISLAND"
    for name, outline in _OUTLINES.items():
        if _inside(latitude, longitude, outline):
            return name
    return "QUEENS" if longitude >= _QUEENS_WEST else ""


def _inside(latitude: float, longitude: float, outline: tuple[tuple[float, float], ...]) -> bool:
    """Count the edges west-east of the point (even-odd rule)."""
    within = False
    for (south, west), (north, east) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if (south > latitude) != (north > latitude):
            crossing = west + (east - west) * (latitude - south) / (north - south)
            within ^= longitude < crossing
    return within
