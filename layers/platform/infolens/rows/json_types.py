"""Names the JSON type of a value in a refusal's words."""

from __future__ import annotations

_NAMES = {"bool": "a boolean", "int": "a number", "float": "a number", "list": "a list", "dict": "an object"}


def json_type(value: object) -> str:
    """Say what a JSON value is: "null", "a boolean", "a number", "a list", "an object"; others by their own name."""
    if value is None:
        return "null"
    return _NAMES.get(type(value).__name__, type(value).__name__)
