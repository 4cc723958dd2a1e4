"""Labels that are told later about answers of movie_recommendation: the movie that the user chose next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.rows.json_types import json_type
from infolens.tasks.movie_recommendation.schema import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

HIT_AT = 10
"""Places that count, as in the gates' Hit@10 (S2, S3)."""

ALIKE = 0.5
"""Share of the movies of the longer answer that two answers need in common."""


class RecommendationFeedback:
    """`infolens.contracts.observation.Feedback` of movie_recommendation."""

    def check_label(self, label: object) -> object:
        """See Feedback: the id of a movie, as a number or as text."""
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise RowRejected("label", f"must be the id of a movie, from 0 to {MAX_ID}, not {json_type(label)}")
        text = str(label).strip()
        # Only ASCII digits: int() would take "1_0" and other scripts' digits, and no id is longer than the largest.
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID):
            raise RowRejected("label", f"{text[:60]!r} is no id of a movie, a whole number from 0 to {MAX_ID}")
        return int(text)

    def score(self, answer: Mapping[str, object], label: object) -> float:
        """See Feedback: 1 where the movie is among the first ten."""
        return float(label in _items(answer)[:HIT_AT])

    def agree(self, one: Mapping[str, object], other: Mapping[str, object]) -> bool:
        """See Feedback: half of the movies in common, in any order; two empty answers agree."""
        first, second = _items(one), _items(other)
        return len(set(first) & set(second)) >= ALIKE * max(len(first), len(second))

    def null(self, answer: Mapping[str, object]) -> bool:
        """See Feedback: no movie at all, or one and the same in several places."""
        items = _items(answer)
        return not items or len(set(items)) < len(items)

    def kind(self, answer: Mapping[str, object]) -> str:  # noqa: ARG002 - the contract's signature
        """See Feedback: there are as many answers as lists of movies."""
        return ""


FEEDBACK = RecommendationFeedback()


def _items(answer: Mapping[str, object]) -> list[int]:
    items = answer.get("top_items")
    return [item for item in items if isinstance(item, int)] if isinstance(items, list | tuple) else []
