"""Unit tests of `infolens.rows.utf8_cells`."""

from __future__ import annotations

from infolens.rows.utf8_cells import Utf8Cells


def test_reads_as_strings():
    """Whoever wants strings gets them, one by one, in part or all."""
    cells = Utf8Cells(["Café".encode(), b"", b"tea"])
    assert (len(cells), cells[0], cells[-1], list(cells)) == (3, "Café", "tea", ["Café", "", "tea"])
    assert cells[1:] == ["", "tea"]
    assert cells == Utf8Cells(["Café".encode(), b"", b"tea"])
    assert cells != ["Café", "", "coffee"]
    assert cells.chosen([True, False, True]) == ["Café", "tea"]


def test_text_is_put_in_place_of_another():
    """What a schema says of an unusual row takes the place of what arrays made of it."""
    cells = Utf8Cells([b"a", b"b"])
    cells[1] = "é"
    assert cells.utf8 == [b"a", "é".encode()]
    assert repr(cells) == "Utf8Cells(['a', 'é'])"
