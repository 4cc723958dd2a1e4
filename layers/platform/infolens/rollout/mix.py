"""Judges the mix of answers: whether any of them takes another share of all answers than with the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens.rollout.assessment import Assessment, Finding, Outcome, judge, percent, unclear
from infolens.rollout.budget import ALPHA_PROMOTE
from infolens.rollout.comparison import bound_mean, bound_rates, mean_of, weigh_mean, weigh_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens.contracts.rollout import Arm, Pairs

MAX_ANSWERS = 21
"""Answers that are told apart: the 20 most frequent and the rest. Fixed beforehand, since an answer that is first seen
late must not change the probability with which the others were tested."""

_SIDES = 2


def assess_mix(limit: float, champion: Arm, candidate: Arm, pairs: Pairs | None, alpha: float) -> Assessment:
    """Hold the share of each answer against the champion's: proved kept when every one is, broken when any one is not.

    To prove that all are kept needs no split of the error probability. To prove that one is not does, over answers and
    over rise and fall.
    """
    each = alpha / (_SIDES * MAX_ANSWERS)
    changes: list[_Change] | list[_PairedChange]
    if pairs is not None and pairs.gained is not None and pairs.lost is not None:
        names = sorted(pairs.gained.keys() | pairs.lost.keys()) or ["any"]
        changes = [
            _PairedChange(limit, each, name, pairs.gained.get(name, 0), pairs.lost.get(name, 0), pairs.pairs)
            for name in names
        ]
    elif champion.answers is None or candidate.answers is None:
        missing = candidate if candidate.answers is None else champion
        return unclear(f"the answers of version {missing.version} are not counted: no mix to compare")
    elif not any(champion.answers.values()) or not any(candidate.answers.values()):
        return unclear("no answer was seen of both versions yet: no mix to compare")
    else:
        changes = _changes(limit, each, champion.answers, candidate.answers)
    return _worst([judge(finding, each) for change in changes for finding in change.findings()])


def _worst(found: list[Assessment]) -> Assessment:
    worst = max(one.outcome for one in found)
    if worst is Outcome.PASSED:
        return Assessment(worst, lambda: f"{len(found) // _SIDES} answers keep their shares: {found[0].reason}")
    # Of those that are open, the one that takes longest; one that cannot be proved takes for ever.
    return max(
        (one for one in found if one.outcome is worst),
        key=lambda one: float("inf") if one.more is None else one.more,
    )


@dataclass(frozen=True)
class _Change:
    """How the share of one answer differs, on different requests: (times given, of so many answers)."""

    limit: float
    alpha: float
    name: str
    champion: tuple[int, int]
    candidate: tuple[int, int]

    def findings(self) -> list[Finding]:
        """Weigh rise and fall."""
        share, usual = (times / of for times, of in (self.candidate, self.champion))
        rise, fall = (weigh_rates(self.champion, self.candidate, side * self.limit) for side in (1, -1))
        return [
            Finding(self._words, self._least, self._most, share - usual > self.limit, rise, self.candidate[1]),
            Finding(self._words, self._least, self._most, usual - share > self.limit, fall, self.candidate[1]),
        ]

    def _words(self) -> str:
        (ours, of_ours), (theirs, of_theirs) = self.candidate, self.champion
        return (
            f"answer {self.name!r} {percent(ours / of_ours)} ({ours} of {of_ours}) against the champion's "
            f"{percent(theirs / of_theirs)} ({theirs} of {of_theirs}), accepted change {percent(self.limit)}"
        )

    def _least(self) -> str:
        return "a change of " + percent(bound_rates(self.champion, self.candidate, self.alpha, above=False))

    def _most(self) -> str:
        return percent(bound_rates(self.champion, self.candidate, ALPHA_PROMOTE, above=True))


@dataclass(frozen=True)
class _PairedChange:
    """How the share of one answer differs, on the same requests."""

    limit: float
    alpha: float
    name: str
    gained: int
    lost: int
    pairs: int

    def findings(self) -> list[Finding]:
        """Weigh rise and fall."""
        return [self._finding(self.gained, self.lost), self._finding(self.lost, self.gained)]

    def _finding(self, towards: int, away: int) -> Finding:
        moves = self._moves(towards, away)
        over = mean_of(moves) > self.limit
        weight = weigh_mean(moves, self.limit, below=not over)
        return Finding(self._words, self._least, self._most, over, weight, self.pairs)

    def _words(self) -> str:
        return (
            f"answer {self.name!r} on the same {self.pairs} requests: {self.gained} times by the candidate alone, "
            f"{self.lost} times by the champion alone, accepted change {percent(self.limit)}"
        )

    def _least(self) -> str:
        return "a change of " + percent(bound_mean(self._moves(self.gained, self.lost), self.alpha, above=False))

    def _most(self) -> str:
        return percent(bound_mean(self._moves(self.gained, self.lost), ALPHA_PROMOTE, above=True))

    def _moves(self, towards: int, away: int) -> dict[float, int]:
        return {1.0: towards, -1.0: away, 0.0: self.pairs - towards - away}


def _changes(limit: float, alpha: float, champion: Mapping[str, int], candidate: Mapping[str, int]) -> list[_Change]:
    theirs, ours = sum(champion.values()), sum(candidate.values())
    names = sorted(champion.keys() | candidate.keys())
    return [
        _Change(limit, alpha, name, (champion.get(name, 0), theirs), (candidate.get(name, 0), ours)) for name in names
    ]
