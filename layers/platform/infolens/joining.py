"""Joins what is known of one question: the answers of two versions, and the label that came later. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infolens.contracts.observation import CANDIDATE, CHAMPION, Answer, Joined, Label, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infolens.contracts.observation import Feedback

EXAMPLE_CHARACTERS = 300
"""Of an answer that another version disagrees with: enough for a person to see why."""


def standing_label(labels: Sequence[Label]) -> Label | None:
    """Give the label that stands: the newest; of two that were told at the same moment, always the same one."""
    return max(labels, key=lambda label: (label.at, json.dumps(label.label, sort_keys=True)), default=None)


def join(answers: Sequence[Answer], labels: Sequence[Label], feedback: Feedback) -> tuple[Joined, ...]:
    """Join everything that is known of one prediction, in whatever order it came -> one record per rollout.

    Args:
        answers: of one prediction, at most one per version; those of no rollout are passed over.
        labels: every label that was told about it, corrections included.
        feedback: how the task's answers compare.
    """
    told = standing_label(labels)
    joined = []
    for rollout_id in sorted({answer.rollout_id for answer in answers if answer.rollout_id}):
        of_this = sorted((x for x in answers if x.rollout_id == rollout_id), key=lambda x: (x.at, x.version))
        sides = {x.role: x for x in of_this}
        champion, candidate = sides.get(CHAMPION), sides.get(CANDIDATE)
        agree = _agree(champion, candidate, feedback)
        joined.append(
            Joined(
                rollout_id=rollout_id,
                task=of_this[0].task,
                prediction_id=of_this[0].prediction_id,
                at=of_this[0].at,
                parts=len(of_this) + len(labels),
                champion=_side(champion, told, feedback, differs=agree is False),
                candidate=_side(candidate, told, feedback, differs=agree is False),
                agree=agree,
                label=told.label if told else None,
            )
        )
    return tuple(joined)


def _agree(one: Answer | None, other: Answer | None, feedback: Feedback) -> bool | None:
    if one is None or other is None or one.answer is None or other.answer is None:
        return None
    return feedback.agree(one.answer, other.answer)


def _side(answer: Answer | None, told: Label | None, feedback: Feedback, *, differs: bool) -> Side | None:
    if answer is None:
        return None
    given = answer.answer
    return Side(
        version=answer.version,
        purpose=answer.purpose,
        failed=answer.failed,
        null=answer.null,
        kind=feedback.kind(given) if given else "",
        milliseconds=answer.milliseconds,
        cold=answer.cold,
        gb=answer.gb,
        score=feedback.score(given, told.label) if given is not None and told else None,
        answer=json.dumps(given, ensure_ascii=False)[:EXAMPLE_CHARACTERS] if differs else "",
        bucket=answer.bucket,
    )
