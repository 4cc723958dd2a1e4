"""What state an alarm should be in, given its last data points. Pure.

Follows "How alarm state is evaluated when data is missing", its two tables included:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from infolens_localstack.metrics.store import Point

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

COMPARISONS: Final[dict[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True)
class AlarmRule:
    """When an alarm alarms: M of N periods beyond the threshold."""

    threshold: float
    comparison: str
    evaluation_periods: int
    datapoints_to_alarm: int
    missing: str = "missing"
    """TreatMissingData: missing, ignore, breaching or notBreaching."""

    @property
    def periods_looked_at(self) -> int:
        """Periods that are read: more than N, so that older points can bridge a gap (AWS does not say how many)."""
        return self.evaluation_periods + max(self.evaluation_periods // 3, 2)

    def breaches(self, value: float) -> bool:
        """Return whether one value is beyond the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Judgement:
    """The state an alarm should have, and why."""

    state: State
    reason: str


def judge(rule: AlarmRule, points: Sequence[Point | None]) -> Judgement | None:
    """Return the state that follows from the points; None: stay as you are.

    Args:
        rule: the alarm's rule.
        points: one entry a period, oldest first, `rule.periods_looked_at` of them; None where there was no data.
    """
    real = [point for point in points if point is not None]
    needed = rule.evaluation_periods - len(real)
    if not real:
        return _without_data(rule)
    newest = real[-rule.evaluation_periods :]
    breaching = [point for point in newest if rule.breaches(point.value)]
    filled = needed if needed > 0 and rule.missing == "breaching" else 0
    if len(breaching) + filled >= rule.datapoints_to_alarm:
        return Judgement("ALARM", _told(rule, breaching, newest, "OK -> ALARM"))
    if needed > 0 and rule.missing in {"missing", "ignore"} and _premature(rule, points):
        if rule.missing == "ignore":
            return None
        return Judgement("ALARM", _told(rule, breaching, newest, "OK -> ALARM"))
    quiet = [point for point in newest if not rule.breaches(point.value)]
    return Judgement("OK", _told(rule, quiet, newest, "ALARM -> OK", negated=True))


def _without_data(rule: AlarmRule) -> Judgement | None:
    count = rule.evaluation_periods
    plural = ("s", "s were") if count > 1 else ("", " was")
    seen = (
        f"no datapoints were received for {count} period{plural[0]} and {count} missing datapoint{plural[1]} treated as"
    )
    match rule.missing:
        case "ignore":
            return None
        case "breaching":
            return Judgement("ALARM", f"Threshold Crossed: {seen} [Breaching].")
        case "notBreaching":
            return Judgement("OK", f"Threshold Crossed: {seen} [NonBreaching].")
        case _:
            return Judgement("INSUFFICIENT_DATA", f"Insufficient Data: {seen} [Missing].")


def _premature(rule: AlarmRule, points: Sequence[Point | None]) -> bool:
    """Return whether all there is breaches, and the oldest of it is at least as old as the datapoints to alarm."""
    oldest = next((place for place, point in enumerate(points) if point is not None), len(points))
    old_enough = len(points) - oldest >= rule.datapoints_to_alarm
    return old_enough and all(point is None or rule.breaches(point.value) for point in points)


def _told(
    rule: AlarmRule, said: Sequence[Point], newest: Sequence[Point], transition: str, *, negated: bool = False
) -> str:
    values = ", ".join(
        f"{point.value} ({datetime.fromtimestamp(point.timestamp, UTC):%d/%m/%y %H:%M:%S})" for point in said
    )
    verb = ("was" if len(said) == 1 else "were") + (" not" if negated else "")
    compared = COMPARISONS[rule.comparison][1]
    least = rule.evaluation_periods - rule.datapoints_to_alarm + 1 if negated else rule.datapoints_to_alarm
    return (
        f"Threshold Crossed: {len(said)} out of the last {len(newest)} datapoints [{values}] {verb} {compared} "
        f"the threshold ({rule.threshold}) "
        f"(minimum {least} datapoint{'s' if least > 1 else ''} for {transition} transition)."
    )
