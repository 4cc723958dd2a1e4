"""What is asked of the training state machine: the input of an execution, with its name."""

from __future__ import annotations

from dataclasses import dataclass, field


class TrainingRefusedError(ValueError):
    """There is nothing worth training; the message says what is missing."""


@dataclass(frozen=True)
class Tuning:
    """A search over hyperparameters instead of one training (S0-28)."""

    strategy: str
    """"Grid" or "Random"."""
    max_jobs: int = 0
    """Trainings at most; 0: all combinations of a grid, ten of a random search."""
    parallel: int = 2
    """Trainings at once."""
    early_stop: bool = True
    """Whether a training that is worse than the median of those before it is ended."""
    parameters: dict[str, list[float | int | str]] = field(default_factory=dict)
    """Fields of the profile -> values to try; {} takes all that the task's SEARCH names."""


@dataclass(frozen=True)
class Order:
    """Input of the training state machine, with the name of its execution."""

    task: str
    dataset_id: str
    run_id: str
    """Name of the execution."""
    reason: str = ""
    """Why it was started, for people."""
    profile: str = ""
    """Profile of the task's training configuration; "" takes the stack's."""
    max_seconds: int = 0
    """Limit of each job; 0 takes the stack's."""
    spot: bool | None = None
    """Train on spot instances, from checkpoint to checkpoint; None takes the stack's choice."""
    hyperparameters: dict[str, object] = field(default_factory=dict)
    """More hyperparameters for train.py."""
    tuning: Tuning | None = None
    """Search for the best hyperparameters; None trains once."""
    resume: str = ""
    """Run whose trained model is exported, checked and judged again, without another training."""
    give_way: bool = False
    """Whether it is given up when a newer dataset, which has an execution of its own, is there before its turn."""
    plan: dict[str, object] | None = None
    """Plan of the rollout that follows; None takes the task's own."""
