"""What training runs leave for others to find: the model that was trained, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainedModel:
    """`runs/<task>/<run>/trained.json`: the training of a run is done, whatever becomes of the rest."""

    task: str
    run_id: str
    dataset_id: str
    code_version: str
    job: str
    """Name of the training job."""
    status: str
    """"Completed"."""
    model_uri: str
    """s3:// of its model.tar.gz."""


@dataclass(frozen=True)
class Turn:
    """`turns/<task>.json`: the execution whose turn it is, or was; the turn is over when that execution is."""

    execution_arn: str
    dataset_id: str
    taken_at: str
    """ISO 8601, UTC."""
