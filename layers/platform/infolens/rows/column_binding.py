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


def bind_titled_text(
    header: Sequence[str], titles: Sequence[str], texts: Sequence[str], labels: Sequence[str]
) -> dict[str, int]:
    """Find title, text and label in the header -> position; a title without a text is the text (headlines alone).

    Args:
        header: cells of the header.
        titles: names of the title, which may be absent.
        texts: names of the text.
        labels: names of the label; none when rows have none.

    Raises:
        RowRejected: there is neither a title nor a text, or no label; the reason lists the names that would do.
    """
    bound = bind_columns(header, {"title": titles, "text": texts} | ({"label": labels} if labels else {}))
    if "text" not in bound:
        if "title" not in bound:
            raise RowRejected("text", f"no such column; one of {', '.join([*titles, *texts])} is needed")
        bound["text"] = bound.pop("title")
    if labels and "label" not in bound:
        raise RowRejected("label", f"no such column; one of {', '.join(labels)} is needed")
    return bound
