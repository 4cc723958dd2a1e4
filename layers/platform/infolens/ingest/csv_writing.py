"""Writes CSV files that a spreadsheet can open without running anything in them.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return would be a formula there; it is written with an
apostrophe (`'`) in front, which spreadsheets show as text. Plain numbers such as -73.98 are no formulas and stay.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_PERHAPS_MARKED = frozenset({*_FORMULA_STARTS, "'"})
"""First characters of cells that have to be looked at; most cells begin with another."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def safe_cell(value: str) -> str:
    """Give a cell that no spreadsheet takes for a formula; `without_formula_mark` gives every value back."""
    return f"'{value}" if _needs_mark(value) else value


def without_formula_mark(value: str) -> str:
    """Give the cell that `safe_cell` was given."""
    return value[1:] if value.startswith("'") and _needs_mark(value) else value


def _needs_mark(value: str) -> bool:
    if value[:1] not in _PERHAPS_MARKED:
        return False
    bare = value.lstrip("'")  # or nobody could tell "'=1" that an editor wrote from a "=1" that we marked
    return bare.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(bare)


def csv_bytes(table: Iterable[Iterable[str]]) -> bytes:
    """Write rows as UTF-8 CSV after RFC 4180 (CRLF, quoted where needed), each cell safe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # CRLF: with "\n" alone a lone "\r" in a cell would not be quoted
    writer.writerows([safe_cell(cell) for cell in row] for row in table)
    return text.getvalue().encode()
