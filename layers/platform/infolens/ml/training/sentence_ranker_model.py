"""The sentence ranker that is trained: features and word vectors of sentences beside the article's mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from infolens.ml.sentence_features import FEATURES
from infolens.ml.sentence_ranker import MAX_PIECES, TOKENIZER_FILE
from infolens.ml.sentence_selection import SelectionRules  # noqa: TC001 - codec resolves it at run time
from infolens.ml.tokens import TextTokens
from infolens.ml.training.job import Provenance  # noqa: TC001 - codec resolves it at run time
from infolens.ml.training.trained_model import read_record, read_weights, write_record, write_weights

if TYPE_CHECKING:
    from pathlib import Path

KIND = "sentence_ranker"

TYPICAL_LENGTH = 4.2
"""Natural logarithm of 67 words: where the length head begins, so that its weights need not find it."""

_FEATURE_LIMIT = 5.0
"""Standard deviations; an article of one endless table must not throw the model out of what it knows."""


@dataclass(frozen=True)
class RankerShape:
    """What is needed beside the weights to build the model anew."""

    vocabulary: int
    word_size: int
    hidden: int
    members: int
    """Networks that are trained apart and whose chances are averaged."""


@dataclass(frozen=True)
class RankerRecord:
    """What is known of a trained ranker, kept beside its weights."""

    provenance: Provenance
    shape: RankerShape
    rules: SelectionRules
    metrics: dict[str, float]
    settings: dict[str, object]


class RankerMember(nn.Module):
    """One network: logits of sentences and the logarithm of the wanted number of words."""

    def __init__(self, shape: RankerShape, dropout: float) -> None:
        """Build with random weights; `dropout` stands before every layer."""
        super().__init__()
        self.words = nn.Embedding(shape.vocabulary, shape.word_size, padding_idx=0)
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[0] = 0.0
        self.read = nn.Linear(len(FEATURES) + shape.word_size, shape.hidden)
        self.judge = nn.Linear(2 * shape.hidden + shape.word_size, shape.hidden)
        self.chance = nn.Linear(shape.hidden, 1)
        self.length = nn.Linear(shape.hidden + shape.word_size + 1, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, pieces: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits, shape (articles, sentences), and lengths, shape (articles,).

        Args:
            features: standardised, shape (articles, sentences, features).
            pieces: token ids, 0 behind the last, shape (articles, sentences, pieces).
            mask: 1.0 where there is a sentence, shape (articles, sentences).
        """
        there = (pieces > 0).to(features.dtype).unsqueeze(-1)
        means = (self.words(pieces) * there).sum(dim=2) / there.sum(dim=2).clamp(min=1.0)
        states = self.dropout(torch.relu(self.read(torch.cat([features, self.dropout(means)], dim=-1))))
        weights = (mask / mask.sum(dim=1, keepdim=True)).unsqueeze(-1)
        article, article_words = (states * weights).sum(dim=1), (means * weights).sum(dim=1)
        context = torch.cat([article, article_words], dim=-1)
        spread = context.unsqueeze(1).expand(-1, features.shape[1], -1)
        judged = torch.relu(self.judge(self.dropout(torch.cat([states, spread], dim=-1))))
        logits = self.chance(self.dropout(judged)).squeeze(-1)
        size = torch.log1p(there.sum(dim=(1, 2, 3))).unsqueeze(-1) - 6.0  # six: an article of 400 pieces is the middle
        length = self.length(torch.cat([self.dropout(context), size], dim=-1)).squeeze(-1)
        return logits, length + TYPICAL_LENGTH


class RankerModel(nn.Module):
    """All members over one standardisation of the features."""

    def __init__(self, shape: RankerShape, dropout: float) -> None:
        """Build with random weights and a standardisation that changes nothing."""
        super().__init__()
        self.members = nn.ModuleList(RankerMember(shape, dropout) for _ in range(shape.members))
        self.register_buffer("middle", torch.zeros(len(FEATURES)))
        self.register_buffer("spread", torch.ones(len(FEATURES)))

    def standardised(self, features: Tensor) -> Tensor:
        """Give features around 0 with a spread of about 1."""
        moved = (features - cast("Tensor", self.middle)) / cast("Tensor", self.spread)
        return moved.clamp(-_FEATURE_LIMIT, _FEATURE_LIMIT)

    def forward(self, features: Tensor, pieces: Tensor) -> tuple[Tensor, Tensor]:
        """Give what is served: mean chances, shape (articles, sentences), and mean log lengths; no padded sentences."""
        known = self.standardised(features)
        mask = torch.ones_like(known[:, :, 0])
        both = [member(known, pieces, mask) for member in self.members]
        chances = torch.stack([torch.sigmoid(logits) for logits, _ in both]).mean(dim=0)
        return chances, torch.stack([length for _, length in both]).mean(dim=0)


def save(directory: Path, model: RankerModel, record: RankerRecord) -> None:
    """Write weights and record; the tokenizer lies there already."""
    write_weights(directory, model)
    write_record(directory, record, KIND)


def load(directory: Path) -> tuple[RankerModel, TextTokens, RankerRecord]:
    """Read a trained ranker for inference.

    Raises:
        TrainingError: see `trained_model`.
    """
    record = read_record(RankerRecord, directory, KIND)
    model = RankerModel(record.shape, dropout=0.0)
    read_weights(directory, model)
    return model, TextTokens(directory / TOKENIZER_FILE, MAX_PIECES), record
