"""What a training or export job is given, whatever its task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class ExportJob:
    """One call of `tasks/<task>/export.py: export`."""

    model: Path
    """Directory with the trained model, as training left it."""
    dataset: Path
    """Directory with the Parquet parts of the dataset the model was trained on."""
    output: Path
    """Directory that gets `bundle/` and reference.json."""
