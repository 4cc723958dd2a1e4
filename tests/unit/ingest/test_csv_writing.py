"""Unit tests of `infolens.ingest.csv_writing`."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.ingest.csv_writing import csv_bytes, safe_cell, without_formula_mark


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "=", "-", "+1-2", "--1", "-1e"])
def test_formulas_are_escaped(cell):
    """Every beginning that a spreadsheet takes for a formula gets an apostrophe in front."""
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "text", "a=b", "-73.98", "+40.7", "-1e-05", "-.5", "'quoted", "1-2"])
def test_other_cells_stay(cell):
    """Plain text and plain numbers, negative ones too, are written as they are."""
    assert safe_cell(cell) == cell


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1), max_size=5))
def test_what_is_written_reads_back(table):
    """Whatever the cells hold (quotes, lone carriage returns, newlines), a CSV reader gives them back."""
    text = csv_bytes(table).decode()
    expected = [[safe_cell(cell) for cell in row] for row in table]
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == expected


@given(st.text("'=+-@1a\t\r"))
def test_mark_can_be_taken_off(cell):
    """Every cell comes back as it was, those that an editor began with an apostrophe too."""
    assert without_formula_mark(safe_cell(cell)) == cell


@pytest.mark.parametrize("cell", ["'tis", "'", "'-7", "", "=1"])
def test_what_has_no_mark_stays(cell):
    """An apostrophe before anything but a formula is the editor's own."""
    assert without_formula_mark(cell) == cell
