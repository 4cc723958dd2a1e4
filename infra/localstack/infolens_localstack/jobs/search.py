"""What a tuning job decides: which values to try, which trial is the best, which one is not worth going on with. Pure.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
"""

import itertools
import math
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

_KINDS = ("CategoricalParameterRanges", "IntegerParameterRanges", "ContinuousParameterRanges")
_DRAWS = 100


class RangesRefused(ValueError):  # noqa: N818 (an answer about a request, not a fault of this program)
    """The tuning job cannot be planned; the message is SageMaker's or says what the embedded cloud lacks."""


def planned(configuration: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """Return the hyperparameters of each trial, in the order in which they are tried.

    Args:
        configuration: HyperParameterTuningJobConfig.
        name: the tuning job's, which seeds a random search without RandomSeed.

    Raises:
        RangesRefused: strategy, ranges or limits do not fit together.
    """
    ranges = configuration.get("ParameterRanges", {})
    most = configuration["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    categories = {each["Name"]: list(each["Values"]) for each in ranges.get(_KINDS[0], [])}
    numbers = {kind: ranges.get(kind, []) for kind in _KINDS[1:]}
    if not categories and not any(numbers.values()):
        raise RangesRefused("ParameterRanges names no parameter.")
    if configuration["Strategy"] == "Grid":
        return _grid(categories, any(numbers.values()), most)
    if configuration["Strategy"] != "Random":
        raise RangesRefused("The embedded cloud searches with the strategies Grid and Random only.")
    if most is None:
        raise RangesRefused("MaxNumberOfTrainingJobs must be given for the strategy Random.")
    source = random.Random(str(configuration.get("RandomSeed", name)))  # noqa: S311 (no secret)
    found: list[dict[str, str]] = []
    for _ in range(most * _DRAWS):
        drawn = {each: source.choice(values) for each, values in categories.items()}
        drawn |= {each["Name"]: _number(source, kind, each) for kind, all_ in numbers.items() for each in all_}
        if drawn not in found:
            found.append(drawn)
        if len(found) == most:
            break
    return found


def _grid(categories: Mapping[str, list[str]], has_numbers: bool, most: int | None) -> list[dict[str, str]]:
    if has_numbers:
        raise RangesRefused("Only categorical parameters are supported for the strategy Grid.")
    combinations = [dict(zip(categories, values, strict=True)) for values in itertools.product(*categories.values())]
    if most is not None and most != len(combinations):
        raise RangesRefused(
            "For the strategy Grid, MaxNumberOfTrainingJobs must equal the number of distinct categorical "
            f"combinations, {len(combinations)}, or not be given; it is {most}."
        )
    return combinations


def _number(source: random.Random, kind: str, given: Mapping[str, str]) -> str:
    low, high = float(given["MinValue"]), float(given["MaxValue"])
    if given.get("ScalingType") == "Logarithmic":
        drawn = math.exp(source.uniform(math.log(low), math.log(high)))
    else:
        drawn = source.uniform(low, high)
    return str(round(drawn)) if kind == _KINDS[1] else repr(drawn)


def best(values: Mapping[str, float], direction: str) -> str | None:
    """Return the trial with the best final value ("Maximize" or "Minimize"), the earlier one of equals."""
    if not values:
        return None
    return max(values, key=values.__getitem__) if direction == "Maximize" else min(values, key=values.__getitem__)


def not_worth_going_on(own: Sequence[float], earlier: Sequence[Sequence[float]], direction: str) -> bool:
    """Say whether the median rule of early stopping ends a trial.

    Args:
        own: the trial's objective after each report so far.
        earlier: the same of the trials that ran to their end.
        direction: "Maximize" or "Minimize".
    """
    count = len(own)
    averages = [statistics.fmean(values[:count]) for values in earlier if values[:count]]
    if not averages:
        return False
    median = statistics.median(averages)
    return own[-1] < median if direction == "Maximize" else own[-1] > median
