"""Rows of news_summary are taken, cleaned or refused with the field and the limit."""

import pytest

from infolens.contracts.task import RowRejected
from infolens.tasks.news_summary.schema import MAX_TEXT, MIN_TEXT, SCHEMA


@pytest.mark.parametrize(
    ("length", "taken"), [(MIN_TEXT - 1, False), (MIN_TEXT, True), (MAX_TEXT, True), (MAX_TEXT + 1, False)]
)
def test_length_of_a_text(length, taken):
    """The limits themselves are taken, one character more or less is refused."""
    if taken:
        assert SCHEMA.check({"text": "x" * length}) == {"text": "x" * length}
    else:
        with pytest.raises(RowRejected, match=f"{length} characters") as refusal:
            SCHEMA.check({"text": "x" * length})
        assert refusal.value.field == "text"
