"""A small network that answers how likely each number of events is, and so each class of numbers; saved and loaded.

Classes that are ranges of a count are learned better from the count than from the class: ten crashes say more than
"Average". The number is taken to be negative binomial (Poisson whose rate varies from day to day); the network corrects
the logarithm of an expected number, and the probability of a class is that of the numbers in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from infolens.ml.training.job import Provenance  # noqa: TC001 - codec resolves it at run time
from infolens.ml.training.trained_model import read_record, read_weights, write_record, write_weights

if TYPE_CHECKING:
    from pathlib import Path

_FARTHEST = 2.5
"""Standard deviations of a feature beyond which a value is no news: an answer far outside what was seen stays sane."""

_CONSTANT = 1e-6
"""Spread of a feature that is the same on every row, but for rounding."""

_LARGEST_CORRECTION = 3.0
"""Times e^3 = 20 in either direction."""


@dataclass(frozen=True)
class TabularShape:
    """What it takes to build the network again."""

    labels: tuple[str, ...]
    columns: int
    """Features beside the two that every row begins with: its group and the logarithm of the expected number."""
    hidden: int
    """Width of the hidden layer; 0 has none."""
    classes: tuple[tuple[int, ...], ...]
    """Group -> class of each number of events 0, 1, ...; larger numbers are of class `beyond`."""
    beyond: int


@dataclass(frozen=True)
class TabularRecord:
    """What is known of a trained model, kept beside its weights."""

    provenance: Provenance
    shape: TabularShape
    metrics: dict[str, float]
    """Validation metrics of the weights that were kept."""
    settings: dict[str, object]
    """The profile as used, and the seed."""


class TabularModel(nn.Module):
    """Probabilities of the labels from rows of features, shape (rows, 2 + columns)."""

    mean: Tensor
    spread: Tensor
    members: Tensor
    numbers: Tensor
    overflow: Tensor

    def __init__(self, shape: TabularShape, dropout: float) -> None:
        """Begin with no correction at all: an untrained model answers from the expected number."""
        super().__init__()
        labels = len(shape.labels)
        self.register_buffer("mean", torch.zeros(shape.columns))
        self.register_buffer("spread", torch.ones(shape.columns))
        table = torch.tensor(shape.classes, dtype=torch.int64)
        self.register_buffer("members", nn.functional.one_hot(table, labels).float())
        self.register_buffer("numbers", torch.arange(table.shape[1], dtype=torch.float32))
        self.register_buffer("overflow", nn.functional.one_hot(torch.tensor(shape.beyond), labels).float())
        last = nn.Linear(shape.hidden or shape.columns, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.correction: nn.Module = last
        if shape.hidden:
            self.correction = nn.Sequential(
                nn.Linear(shape.columns, shape.hidden), nn.SiLU(), nn.Dropout(dropout), last
            )
        # Logarithm of how many like events vary together (the size of the distribution), one for each group.
        self.log_size = nn.Parameter(torch.full((len(shape.classes),), 3.0))

    @torch.no_grad()
    def learn_scale(self, rows: Tensor) -> None:
        """Take mean and spread of each feature from the training rows."""
        self.mean.copy_(rows[:, 2:].mean(dim=0))
        spread = rows[:, 2:].std(dim=0, correction=0)
        # A feature that never changed teaches its weights nothing: it must not speak when it changes after training.
        self.spread.copy_(torch.where(spread > _CONSTANT, spread, torch.inf))

    def log_rate(self, rows: Tensor) -> Tensor:
        """Logarithm of the number of events to expect, shape (rows,)."""
        scaled = ((rows[:, 2:] - self.mean) / self.spread).clamp(-_FARTHEST, _FARTHEST)
        correction = self.correction(scaled).squeeze(1).clamp(-_LARGEST_CORRECTION, _LARGEST_CORRECTION)
        return cast("Tensor", rows[:, 1] + correction)

    def log_likelihood(self, rows: Tensor, events: Tensor) -> Tensor:
        """Logarithm of the probability of these numbers of events, shape (rows,)."""
        size = self.log_size[rows[:, 0].long()]
        return _log_binomial(self.log_rate(rows), size, events, _log_coefficient(size, events))

    def coefficients(self) -> Tensor:
        """Part of the log-probabilities that no feature changes, shape (groups, numbers)."""
        return _log_coefficient(self.log_size[:, None], self.numbers[None])

    def forward(self, rows: Tensor) -> Tensor:
        """Give probabilities, shape (rows, labels); every row sums to one."""
        return self.answer(rows, self.coefficients())

    def answer(self, rows: Tensor, coefficients: Tensor) -> Tensor:
        """Give probabilities with coefficients that were computed before (ONNX has no logarithm of gamma)."""
        group = rows[:, 0].long()
        logarithms = _log_binomial(
            self.log_rate(rows)[:, None], self.log_size[group][:, None], self.numbers[None], coefficients[group]
        )
        share = torch.matmul(torch.exp(logarithms)[:, None, :], self.members[group]).squeeze(1)
        rest = (1.0 - share.sum(dim=1, keepdim=True)).clamp_min(0.0)
        found = share + rest * self.overflow
        return found / found.sum(dim=1, keepdim=True)


class FrozenTabularModel(nn.Module):
    """A trained model as it is exported, with its coefficients worked out."""

    coefficients: Tensor

    def __init__(self, model: TabularModel) -> None:
        """Take a trained model."""
        super().__init__()
        self.model = model
        self.register_buffer("coefficients", model.coefficients().detach())

    def forward(self, rows: Tensor) -> Tensor:
        """Give probabilities, as TabularModel."""
        return self.model.answer(rows, self.coefficients)


def _log_coefficient(log_size: Tensor, events: Tensor) -> Tensor:
    size = torch.exp(log_size)
    return torch.lgamma(events + size) - torch.lgamma(size) - torch.lgamma(events + 1.0)


def _log_binomial(log_rate: Tensor, log_size: Tensor, events: Tensor, coefficient: Tensor) -> Tensor:
    """Log-probability of the negative binomial with this mean and size (variance = mean + mean**2 / size)."""
    total = torch.log(torch.exp(log_rate) + torch.exp(log_size))
    return coefficient + torch.exp(log_size) * (log_size - total) + events * (log_rate - total)


def save(directory: Path, model: TabularModel, record: TabularRecord) -> None:
    """Write weights and record."""
    write_weights(directory, model)
    write_record(directory, record)


def load(directory: Path) -> tuple[TabularModel, TabularRecord]:
    """Read a trained model for inference.

    Raises:
        TrainingError: see `trained_model`.
    """
    record = read_record(TabularRecord, directory)
    model = TabularModel(record.shape, dropout=0.0)
    read_weights(directory, model)
    return model, record
