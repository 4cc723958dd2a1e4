"""Judges how right the answers were, once labels have come: on the same requests where there are pairs."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from infolens.rollout.assessment import Assessment, Finding, Outcome, judge, unclear
from infolens.rollout.budget import ALPHA_PROMOTE
from infolens.rollout.comparison import bound_mean, mean_of, weigh_mean
from infolens.rollout.rates import assess_increase

if TYPE_CHECKING:
    from infolens.contracts.rollout import Arm, Labels

_HUNDREDTHS = 100


def assess_quality(  # noqa: PLR0913 - both sides' unpaired labels, the paired ones, and how to judge them
    margin: float, champion: Arm, candidate: Arm, labels: Labels | None, alpha: float, *, proved: bool = False
) -> Assessment:
    """Hold the score of labelled answers against the champion's.

    Labels of pairs count from the beginning of the rollout, since they come late: a label for an answer in the shadow
    says as much about the model when it arrives three steps later. They are of the shadow only, so that a proof that
    was reached there (`proved`) is not asked anew: Ville's inequality bounds that it ever came, not that it stays. From
    then on labels can only take the candidate back. Without pairs, the shares of right answers are compared.
    """
    if labels is not None:
        found = _paired(margin, labels, alpha)
        if proved and found.outcome is Outcome.UNCLEAR:
            return Assessment(Outcome.PASSED, lambda: f"{found.reason}; it was proved in the shadow")
        return found
    wrong = []
    for arm in (champion, candidate):
        if arm.labelled is None or arm.right is None:
            return unclear(f"no labels are collected for version {arm.version}: nothing is known of its quality")
        if not arm.labelled:
            return unclear(f"no label has come for version {arm.version} yet: nothing is known of its quality")
        wrong.append((arm.labelled - arm.right, arm.labelled))
    found = assess_increase("wrong answers", margin, wrong[0], wrong[1], alpha)
    if not found.more:
        return found
    return replace(found, more=ceil(found.more * candidate.requests / wrong[1][1]))


def _paired(margin: float, labels: Labels, alpha: float) -> Assessment:
    losses = {-hundredths / _HUNDREDTHS: count for hundredths, count in labels.differences.items()}
    labelled = sum(losses.values())
    if not labelled:
        return unclear("no label has come yet: nothing is known of the quality")
    mean = mean_of(losses)

    def seen() -> str:
        better = sum(count for loss, count in losses.items() if loss < 0)
        worse = sum(count for loss, count in losses.items() if loss > 0)
        return (
            f"quality on {labelled} labelled pairs (of {labels.pairs}): candidate better in {better}, "
            f"champion in {worse}, mean loss {mean:.4f}, accepted {margin:.4f}"
        )

    return judge(
        Finding(
            seen=seen,
            least=lambda: f"{bound_mean(losses, alpha, above=False):.4f}",
            most=lambda: f"{bound_mean(losses, ALPHA_PROMOTE, above=True):.4f}",
            over=mean > margin,
            weight=weigh_mean(losses, margin, below=mean <= margin),
            requests=max(labelled, labels.pairs),
        ),
        alpha,
    )
