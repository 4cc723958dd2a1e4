"""SSE-PT, the personalised transformer for sequences (Wu, Li, Hsieh and Sharpnack, RecSys 2020), and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from infolens.ml.sequential_recommender import CATALOGUE_FILE, Catalogue
from infolens.ml.training.job import Provenance, TrainingError
from infolens.ml.training.trained_model import read_record, read_weights, write_record, write_weights

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Shape:
    """What is needed to build the model anew."""

    items: int
    users: int
    """Known ones; the vector of everybody else comes on top."""
    item_dim: int
    user_dim: int
    max_length: int
    """Items of a sequence that are read, the latest ones."""
    blocks: int
    heads: int


@dataclass(frozen=True)
class SsePtRecord:
    """What is known of a trained model, kept beside its weights."""

    provenance: Provenance
    shape: Shape
    metrics: dict[str, float]
    """Validation metrics of the weights that were kept."""
    settings: dict[str, object]
    """The profile as used, the seed and the precision."""


class SsePt(nn.Module):
    """Logits of the next item at every place of a sequence.

    As in the paper, each place holds the vector of its item and, behind it, that of the user. Two things differ from
    it. Candidates are scored by the item vectors that are read at the input, over all items at once: under a softmax
    the paper's product with the user's own vector is equal for all candidates and falls out. And each item has a bias,
    so that popularity needs no room in the vectors.
    """

    def __init__(self, shape: Shape, dropout: float, embedding_dropout: float) -> None:
        """Make a model with random weights; places count from the end, so that the latest item always has the same."""
        super().__init__()
        width = shape.item_dim + shape.user_dim
        self.padding = shape.items
        self.items = nn.Embedding(shape.items + 1, shape.item_dim, padding_idx=self.padding)
        self.users = nn.Embedding(shape.users + 1, shape.user_dim)
        self.places = nn.Parameter(torch.empty(shape.max_length, width))
        self.blocks = nn.ModuleList(_Block(width, shape.heads, dropout) for _ in range(shape.blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, shape.item_dim)
        self.bias = nn.Parameter(torch.zeros(shape.items))
        self.dropout = nn.Dropout(embedding_dropout)
        for weight in (self.items.weight, self.users.weight, self.places):
            nn.init.normal_(weight, std=0.02)
        with torch.no_grad():
            self.items.weight[self.padding] = 0.0

    def states(self, items: Tensor, users: Tensor) -> Tensor:
        """Give the vector that is compared with the candidates, shape (sequences, places, item_dim).

        Args:
            items: item numbers, shape (sequences, places), padded in front with `padding`.
            users: user numbers, shape (sequences,).
        """
        length = items.shape[1]
        user = self.users(users).unsqueeze(1).expand(-1, length, -1)
        states = self.dropout(torch.cat([self.items(items), user], dim=2) + self.places[-length:])
        place = torch.arange(length, device=items.device)
        to_come = place.unsqueeze(0) > place.unsqueeze(1)
        # A place of padding sees itself alone: with nothing to look at, its softmax would be no number.
        other = place.unsqueeze(0) != place.unsqueeze(1)
        hidden = to_come | ((items == self.padding).unsqueeze(1) & other)
        for block in self.blocks:
            states = block(states, hidden.unsqueeze(1))
        return cast("Tensor", self.head(self.norm(states)))

    def logits(self, states: Tensor) -> Tensor:
        """Score all items, shape (..., items)."""
        return states @ self.items.weight[: self.padding].T + self.bias

    def forward(self, items: Tensor, user: Tensor) -> Tensor:
        """Give the logits of what comes after each whole sequence, shape (sequences, items)."""
        return self.logits(self.states(items, user)[:, -1])


class _Block(nn.Module):
    """Self-attention and a layer of twice the width, each behind its norm: the order that trains without warm-up."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.layer_norm = nn.LayerNorm(width)
        self.layer = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        """Give new states, shape (sequences, places, width); `hidden` is true where a row may not look."""
        sequences, places, width = states.shape
        split = (
            self.query_key_value(self.attention_norm(states))
            .reshape(sequences, places, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)
        )
        query, key, value = split[0], split[1], split[2]
        weights = (query @ key.transpose(2, 3) * self.scale).masked_fill(hidden, float("-inf")).softmax(dim=3)
        seen = (self.dropout(weights) @ value).transpose(1, 2).reshape(sequences, places, width)
        states = states + self.dropout(self.mix(seen))
        return cast("Tensor", states + self.dropout(self.layer(self.layer_norm(states))))


def save(directory: Path, model: SsePt, catalogue: Catalogue, record: SsePtRecord) -> None:
    """Write weights, catalogue and record."""
    write_weights(directory, model)
    catalogue.write(directory / CATALOGUE_FILE)
    write_record(directory, record)


def load(directory: Path) -> tuple[SsePt, Catalogue, SsePtRecord]:
    """Read a trained model for inference.

    Raises:
        TrainingError: see `trained_model`; or the catalogue is missing, broken or not the weights' own.
    """
    record = read_record(SsePtRecord, directory)
    try:
        catalogue = Catalogue.read(directory / CATALOGUE_FILE)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"model: no catalogue in {directory}: {error}") from error
    if (len(catalogue.items), len(catalogue.users)) != (record.shape.items, record.shape.users):
        raise TrainingError(f"model: {CATALOGUE_FILE} does not name the items and users that the weights are of")
    model = SsePt(record.shape, dropout=0.0, embedding_dropout=0.0)
    read_weights(directory, model)
    return model, catalogue, record
