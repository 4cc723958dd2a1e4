"""Turns a task's search space into the request of a SageMaker tuning job. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

from infolens.contracts.evaluation import Direction
from infolens.usecases.training_order import TrainingRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import Search
    from infolens.usecases.training_order import Tuning

_STRATEGIES = ("Grid", "Random")
_MOST_PARALLEL = 10
_MOST_JOBS = 750
_MOST_VALUES = 30
"""Of one parameter; the three are SageMaker's quotas."""
_RANDOM_JOBS = 10

Ranges = dict[str, "Sequence[float | int | str]"]


def ranges_of(tuning: Tuning, search: Search, fixed: Mapping[str, object]) -> Ranges:
    """Give the values to try of each parameter.

    Args:
        tuning: what is asked for.
        search: what the task says can be varied.
        fixed: hyperparameters that the order sets.

    Raises:
        TrainingRefusedError: strategy, parameters or numbers are none that can be run; the message says which.
    """
    if tuning.strategy not in _STRATEGIES:
        raise TrainingRefusedError(f"tuning: strategy {tuning.strategy!r} is none of {', '.join(_STRATEGIES)}")
    ranges: Ranges = dict(tuning.parameters or search.parameters)
    unknown = sorted(set(ranges) - set(search.parameters))
    if unknown:
        known = ", ".join(search.parameters)
        raise TrainingRefusedError(f"tuning: {', '.join(unknown)} cannot be varied; the task's search has {known}")
    twice = sorted(set(ranges) & {name.replace("-", "_") for name in fixed})
    if twice:
        raise TrainingRefusedError(f"tuning: {', '.join(twice)} cannot be both varied and set as hyperparameter")
    for name, values in ranges.items():
        if not 1 <= len(values) <= _MOST_VALUES:
            raise TrainingRefusedError(f"tuning: {name} has {len(values)} values; 1 to {_MOST_VALUES} can be tried")
    if not 1 <= tuning.parallel <= _MOST_PARALLEL:
        raise TrainingRefusedError(f"tuning: {tuning.parallel} trainings at once; 1 to {_MOST_PARALLEL} are possible")
    if not 0 <= tuning.max_jobs <= _MOST_JOBS:
        raise TrainingRefusedError(f"tuning: {tuning.max_jobs} trainings; at most {_MOST_JOBS} are possible")
    number = combinations(ranges)
    if tuning.strategy == "Grid" and number > (tuning.max_jobs or _MOST_JOBS):
        raise TrainingRefusedError(
            f"tuning: the grid has {number} combinations, more than the {tuning.max_jobs or _MOST_JOBS} trainings "
            "allowed; name fewer values, or search at random"
        )
    return ranges


def combinations(ranges: Ranges) -> int:
    """How many different trainings a grid has."""
    return math.prod(len(values) for values in ranges.values())


def trainings(tuning: Tuning, ranges: Ranges) -> int:
    """How many trainings a search runs at most."""
    number = combinations(ranges)
    return number if tuning.strategy == "Grid" else min(tuning.max_jobs or _RANDOM_JOBS, number)


def job_name(task: str, execution: str) -> str:
    """Name a tuning job, less its attempt: SageMaker takes 32 characters, too few for a run's name."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in task[:13]).strip("-")
    return f"{plain}-{hashlib.sha256(execution.encode()).hexdigest()[:10]}-tune"


def configuration(tuning: Tuning, search: Search, ranges: Ranges, seed: int) -> dict[str, object]:
    """Build HyperParameterTuningJobConfig."""
    limits: dict[str, object] = {"MaxParallelTrainingJobs": tuning.parallel}
    if tuning.strategy == "Random":  # the size of a grid is its combinations'
        limits["MaxNumberOfTrainingJobs"] = trainings(tuning, ranges)
    categories = [
        # As JSON, like all hyperparameters; train.py reads them as the type that the profile's field has.
        {"Name": name, "Values": [json.dumps(value) for value in values]}
        for name, values in ranges.items()
    ]
    return {
        "Strategy": tuning.strategy,
        "HyperParameterTuningJobObjective": {
            "Type": "Maximize" if search.direction is Direction.HIGHER else "Minimize",
            "MetricName": search.objective,
        },
        "ResourceLimits": limits,
        "ParameterRanges": {"CategoricalParameterRanges": categories},
        "TrainingJobEarlyStoppingType": "Auto" if tuning.early_stop else "Off",
        "RandomSeed": seed,
    }
