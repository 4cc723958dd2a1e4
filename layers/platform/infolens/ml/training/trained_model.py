"""What a training job leaves of every model: its weights, and beside them a record of what is known of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from infolens import codec
from infolens.ml.training.job import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance
    from torch import nn

    T = TypeVar("T", bound=DataclassInstance)

WEIGHTS = "model.safetensors"
RECORD = "training.json"


def write_weights(directory: Path, model: nn.Module) -> None:
    """Write every weight under its name, as transformers names its own file."""
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, directory / WEIGHTS)


def read_weights(directory: Path, model: nn.Module) -> None:
    """Put the weights into a model of their shape, which answers from then on as it was trained, without dropout.

    Every weight must be there under its name and in its shape, and none may be left over: S3's model took a checkpoint
    with other names, left its last layer as random as it began, and answered as if nothing had happened.

    Raises:
        TrainingError: the directory holds no weights, those of another model, or what is no number.
    """
    try:
        weights = load_file(directory / WEIGHTS)
        model.load_state_dict(weights, strict=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TrainingError(f"model: {WEIGHTS} in {directory} holds not the weights of this model: {error}") from error
    # What was learned alone: a buffer may well hold infinity, as the spread of a feature that never changes.
    wrong = [name for name, value in model.named_parameters() if not torch.isfinite(value).all()]
    if wrong:
        raise TrainingError(f"model: {', '.join(wrong)} in {WEIGHTS} hold what is no number")
    model.eval()


def write_record(directory: Path, record: DataclassInstance, kind: str = "") -> None:
    """Write a record in words that people can read, with its kind where a task has models of several."""
    plain = asdict(record) | ({"kind": kind} if kind else {})
    (directory / RECORD).write_text(json.dumps(plain, indent=2, sort_keys=True))


def read_record(record: type[T], directory: Path, kind: str = "") -> T:
    """Read what `write_record` wrote.

    Raises:
        TrainingError: the directory holds no trained model, one of another kind, or a record that is not this one's.
    """
    if (found := kind_of(directory)) != kind:
        raise TrainingError(f"model: {directory} holds {found or 'another model'}, and no {kind or record.__name__}")
    try:
        return codec.from_json(record, (directory / RECORD).read_bytes())
    except ValidationError as error:
        raise TrainingError(f"model: {RECORD} in {directory} is no {record.__name__}: {error}") from error


def kind_of(directory: Path) -> str:
    """Say which kind of model was trained, by its record; "" where its task has one kind alone.

    Raises:
        TrainingError: the directory holds no trained model.
    """
    path = directory / RECORD
    if not path.is_file():
        raise TrainingError(f"model: no {RECORD} in {directory}")
    try:
        return str(json.loads(path.read_bytes()).get("kind", ""))
    except ValueError as error:
        raise TrainingError(f"model: {RECORD} in {directory} cannot be read: {error}") from error
