"""Unit tests of `infolens.rows.json_types`."""

import pytest

from infolens.rows.json_types import json_type


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ([], "a list"),
        ({}, "an object"),
        ("x", "str"),
    ],
)
def test_each_type_has_its_words(value, words):
    """A boolean is no number, although Python takes it for one."""
    assert json_type(value) == words
