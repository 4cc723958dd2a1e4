"""Finds a task's fields in the header of a CSV file whatever their case, order or known name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SEPARATORS = re.compile(r"[\s\-.]+")


def column_name(raw: str) -> str:
    """Give a header cell in the form in which names are compared: lower case, underscores, no byte-order mark."""
    return _SEPARATORS.sub("_", raw.replace("\ufeff", "").strip().strip("\"'").strip().casefold())


def bind_columns(header: Sequence[str], names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Find each field of `names` (field -> names that would do) in the header -> position; absent fields are left out.

    Raises:
        RowRejected: two columns would do for one field; the reason names both.
    """
    bound: dict[str, int] = {}
    for field, known in names.items():
        found = [position for position, cell in enumerate(header) if column_name(cell) in known]
        if len(found) > 1:
            columns = " and ".join(repr(header[position]) for position in found)
            raise RowRejected(field, f"is given twice, by columns {columns}; leave one of them")
        if found:
            bound[field] = found[0]
    return bound
