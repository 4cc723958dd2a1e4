"""Plants dirt among the sample rows that a task makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    Row = dict[str, str]


def perhaps_dirty(  # noqa: PLR0913 - the three kinds of dirt and how much of it
    source: random.Random,
    row: Row,
    earlier: Sequence[Row],
    *,
    dirt: float,
    refused: Sequence[tuple[Row, str]],
    soiled: Callable[[random.Random, Row], Row],
) -> Row:
    """Give `row`, or with the chance `dirt` something else in its place; the first row is never dirty.

    Args:
        source: the random numbers of the sample.
        row: a clean row.
        earlier: rows made so far; a third of the dirt repeats one of them.
        dirt: share of rows that are dirty.
        refused: rows that the schema must refuse, each with the field it must name; a third of the dirt.
        soiled: dirties a row in a way that cleaning takes out again; a third of the dirt.
    """
    if not earlier or source.random() >= dirt:
        return row
    kind = source.randrange(3)
    if kind == 0:
        return dict(source.choice(earlier))
    return dict(source.choice(refused)[0]) if kind == 1 else soiled(source, row)
