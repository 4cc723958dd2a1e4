"""What a training or export job is given, whatever its task."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class TrainingError(RuntimeError):
    """A job cannot do its work; the message is for the person who started it."""


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from; it travels with the trained model into the bundle's manifest."""

    task: str
    run_id: str
    dataset_id: str
    code_version: str


class Tracker(Protocol):
    """Where a run is told beside its log."""

    def settings(self, values: Mapping[str, object]) -> None:
        """Tell the settings of the run; raises nothing."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Tell numbers of one step; raises nothing."""


@dataclass(frozen=True)
class TrainingJob:
    """One call of `tasks/<task>/train.py: train`."""

    provenance: Provenance
    dataset: Path
    """Directory with the Parquet parts of the dataset."""
    output: Path
    """Directory for the trained model; it exists and is empty."""
    checkpoints: Path | None
    """Directory that outlives the job, where an interrupted one left its state; None keeps none."""
    profile: str
    base_model: str
    """Hub id or directory of a pretrained encoder; "" takes the profile's own."""
    seed: int
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    """Fields of the task's profile that this run sets otherwise, as text."""
    tracker: Tracker | None = None
    """Experiment tracking, where there is any."""


@dataclass(frozen=True)
class ExportJob:
    """One call of `tasks/<task>/export.py: export`."""

    model: Path
    """Directory with the trained model, as training left it."""
    dataset: Path
    """Directory with the Parquet parts of the dataset the model was trained on."""
    output: Path
    """Directory that gets `bundle/`, reference.json, and in `exact/` what `training/quantisation.py` says."""


AnyProfile = TypeVar("AnyProfile")


def profile_named(profiles: Mapping[str, AnyProfile], name: str) -> AnyProfile:
    """Find a task's profile.

    Raises:
        TrainingError: there is no such profile; the message lists those there are.
    """
    if name not in profiles:
        raise TrainingError(f"profile: {name!r} is none of {', '.join(profiles)}")
    return profiles[name]


def with_hyperparameters(profile: AnyProfile, given: Mapping[str, str]) -> AnyProfile:
    """Give `profile` (a dataclass) with the fields that `given` names, read as the type that the field has there.

    Raises:
        TrainingError: there is no such field, it is none that a run may set, or the text is no such value.
    """
    known: dict[str, Any] = {one.name: getattr(profile, one.name) for one in fields(profile)}  # type: ignore[arg-type]
    simple = {name: value for name, value in known.items() if isinstance(value, (bool, int, float, str))}
    changed: dict[str, Any] = {}
    for name, text in given.items():
        if name not in simple:
            raise TrainingError(f"hyperparameter {name!r}: the profile has no such setting; it has {', '.join(simple)}")
        changed[name] = _read_as(simple[name], name, text)
    return replace(profile, **changed)  # type: ignore[type-var]


def _read_as(default: float | str, name: str, text: str) -> float | str:
    if isinstance(default, str):
        return text
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.strip().casefold()]
        return type(default)(text)
    except (KeyError, ValueError) as error:
        raise TrainingError(f"hyperparameter {name!r}: {text!r} is no {type(default).__name__}") from error
