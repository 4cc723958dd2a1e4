"""Labels that are told later about answers of news_summary: the summary that an editor wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.ml.rouge import common_subsequence, f_measure, rouge_words
from infolens.rows.json_types import json_type
from infolens.rows.text_cleaning import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LABEL = 4_000
"""Characters of an editor's summary: some thousand tokens, eight times the longest that is answered (128)."""

ALIKE = 0.5
"""ROUGE-L of two summaries from which they say the same: half of their words, in the same order."""


class SummaryFeedback:
    """`infolens.contracts.observation.Feedback` of news_summary."""

    def check_label(self, label: object) -> object:
        """See Feedback: a text with a word in it."""
        if not isinstance(label, str):
            raise RowRejected("label", f"must be the editor's summary as a string, not {json_type(label)}")
        if len(label) > MAX_LABEL:
            raise RowRejected("label", f"has {len(label)} characters; at most {MAX_LABEL} are taken")
        cleaned = clean_text(label)
        if not rouge_words(cleaned):
            raise RowRejected("label", "has no word in it; the editor's summary is needed")
        return cleaned

    def score(self, answer: Mapping[str, object], label: object) -> float:
        """See Feedback: ROUGE-L, the F-measure of the longest common subsequence of words (Lin 2004, "ROUGE")."""
        return _rouge_l(_summary(answer), str(label))

    def agree(self, one: Mapping[str, object], other: Mapping[str, object]) -> bool:
        """See Feedback: equal, or half of the words alike; two empty ones agree."""
        first, second = _summary(one), _summary(other)
        return first == second or _rouge_l(first, second) >= ALIKE

    def null(self, answer: Mapping[str, object]) -> bool:
        """See Feedback: no word at all."""
        return not rouge_words(_summary(answer))

    def kind(self, answer: Mapping[str, object]) -> str:  # noqa: ARG002 - the contract's signature
        """See Feedback: summaries are all of one kind."""
        return ""


FEEDBACK = SummaryFeedback()


def _summary(answer: Mapping[str, object]) -> str:
    summary = answer.get("summary")
    return summary if isinstance(summary, str) else ""


def _rouge_l(one: str, other: str) -> float:
    first, second = rouge_words(one), rouge_words(other)
    return f_measure(common_subsequence(first, second), len(first), len(second))
