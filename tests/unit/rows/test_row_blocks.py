"""A block of rows is each of its rows, one by one."""

from __future__ import annotations

import pytest

from infolens.contracts.task import CleanBlock
from infolens.rows.row_blocks import clean_columns, clean_each
from infolens.rows.split import digest_of
from infolens.tasks.movie_recommendation.schema import SCHEMA as RATINGS
from infolens.tasks.news_category.schema import SCHEMA

BODY = "The goalkeeper saved a penalty kick."


def test_kept_and_rejected_rows():
    """A row is kept with its values, digest and split, or rejected with field and reason; positions are the block's."""
    block = clean_each(SCHEMA, {"text": [BODY, "short", f" {BODY}\n", "x"], "label": ["Sports", "8", "8", ""]})
    reason = "has 5 characters after cleaning; at least 15 are needed"
    identity = "thegoalkeepersavedapenaltykick"
    assert block.kept == [0, 2]
    assert block.values == {"text": [BODY, BODY], "label": ["Sports", "Sports"]}
    assert block.digests == [digest_of(identity)] * 2
    assert block.splits == [SCHEMA.split({"text": BODY, "label": "Travel"})] * 2
    assert [(position, field) for position, field, _ in block.rejected] == [(1, "text"), (3, "label")]
    assert block.rejected[0] == (1, "text", reason)


@pytest.mark.parametrize("columns", [{}, {"text": [], "label": []}])
def test_an_empty_block(columns):
    """No row is no row, and still has the columns of a clean one."""
    assert clean_each(SCHEMA, columns) == CleanBlock([], {"text": [], "label": []}, [], [], [])


def test_columns_of_unequal_length():
    """Cells that belong to no row are a fault of whoever calls, not rows to lose."""
    with pytest.raises(ValueError, match="zip"):
        clean_each(SCHEMA, {"text": [BODY, BODY], "label": ["Sports"]})


def test_columns_read_one_by_one():
    """Each distinct cell is read once, and a row with two wrong cells is refused for the first."""
    seen: list[str] = []

    def user(cell: str) -> int:
        seen.append(cell)
        return RATINGS.clean({"user_id": cell, "item_id": "1", "rating": "1", "timestamp": "881250949"})["user_id"]

    columns = {
        "user_id": ["7", "7", "x", "7"],
        "item_id": ["1", "2", "y", "y"],
        "rating": ["5", "4.5", "5", "5"],
        "timestamp": ["881250949"] * 4,
    }
    right = {name: cells[0] for name, cells in columns.items()}
    read = {
        name: lambda cell, name=name: RATINGS.clean(right | {name: cell})[name]
        for name in ("item_id", "rating", "timestamp")
    }
    block = clean_columns(RATINGS, columns, {"user_id": user, **read})
    assert sorted(seen) == ["7", "x"]
    assert block == clean_each(RATINGS, columns)
    assert block.kept == [0, 1]
    assert [(position, field) for position, field, _ in block.rejected] == [(2, "user_id"), (3, "item_id")]
