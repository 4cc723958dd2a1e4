"""The comment classifiers that are trained, patterns over words or a pretrained encoder, and their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from infolens.ml.comment_words import MARKS, NO_PIECE, WordShape
from infolens.ml.training.job import Provenance  # noqa: TC001 - codec resolves it at run time
from infolens.ml.training.trained_model import read_record, read_weights, write_record, write_weights

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class WordModelSize:
    """How large a model of words is, and how it is fed."""

    dim: int
    """Numbers of a word's vector."""
    channels: int
    """Patterns of each width."""
    widths: tuple[int, ...]
    """Words that a pattern spans; odd numbers."""
    input: WordShape
    term_share: float
    """Weight of the linear model of terms in the logit of a short comment; the patterns have the rest."""
    term_words: int
    """Words from which that weight falls, as one over the length: what most of a long comment is about says nothing of
    the one sentence that offends."""


@dataclass(frozen=True)
class WindowSize:
    """How a pretrained encoder is fed."""

    tokens: int
    """Ids of one window, special ones included."""
    overlap: int
    """Tokens that a window shares with the one before, so that no sentence is only seen in halves."""


@dataclass(frozen=True)
class CommentRecord:
    """What is known of a trained model, kept beside its weights."""

    provenance: Provenance
    labels: tuple[str, str]
    size: WordModelSize | WindowSize
    threshold: float
    """Probability from which a comment is called labels[1]; chosen on the validation split."""
    metrics: dict[str, float]
    """Validation metrics of the weights that were kept."""
    settings: dict[str, object] = field(default_factory=dict)
    """The profile as used, the seed and the precision."""


class WordModel(nn.Module):
    """Logit of a comment: word vectors from pieces, patterns over neighbours, the strongest of each, and the mean.

    A pattern counts wherever it stands, in a comment of 5,000 characters as in one of 50 (Kim 2014, with the word
    vectors of Bojanowski et al. 2017). Beside it stands a linear model of terms, which is not trained here but put in
    (`set_terms`): it knows rare words that gradients hardly move, and errs on other comments than the patterns do.
    """

    def __init__(self, size: WordModelSize, word_dropout: float = 0.0, dropout: float = 0.0) -> None:
        """Make one with random weights.

        Args:
            size: its sizes.
            word_dropout: share of words that are blanked in each training step, so that no single one decides.
            dropout: share of the numbers before the last layer, and half of it of those of a word, that are zeroed.
        """
        super().__init__()
        # Sparse gradients: a batch touches a tenth of the pieces, and Adam over all of them took most of a step.
        self.pieces = nn.EmbeddingBag(size.input.buckets, size.dim, mode="mean", sparse=True, padding_idx=NO_PIECE)
        self.marks = nn.Embedding(MARKS, size.dim)
        self.patterns = nn.ModuleList(
            nn.Conv1d(size.dim, size.channels, width, padding=width // 2) for width in size.widths
        )
        self.head = nn.Linear(size.channels * len(size.widths) + size.dim, 1)
        self.term_share, self.term_words = size.term_share, size.term_words
        self.terms: Tensor
        self.term_bias: Tensor
        self.register_buffer("terms", torch.zeros(2 * size.input.buckets))
        self.register_buffer("term_bias", torch.zeros(1))
        self.word_dropout = word_dropout
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            # A mean of some fifteen pieces of 0.3 has the length that a word vector of 0.1 a number would have.
            self.pieces.weight.normal_(0.0, 0.3)
            self.pieces.weight[NO_PIECE] = 0.0
            self.marks.weight.zero_()

    def forward(self, pieces: Tensor, places: Tensor, marks: Tensor, mask: Tensor) -> Tensor:
        """Give the logits of the patterns alone, shape (texts,); see `mixed`.

        Args:
            pieces: of the different words of the batch, shape (different words, pieces).
            places: which of them stands where, shape (texts, words).
            marks: shape (texts, words).
            mask: 1.0 where there is a word, shape (texts, words).
        """
        words = self.pieces(pieces)[places] + self.marks(marks)
        if self.training and self.word_dropout:
            words = words * (torch.rand(places.shape, device=words.device) >= self.word_dropout).unsqueeze(-1)
        words = nn.functional.dropout(words, self.dropout.p / 2, self.training) * mask.unsqueeze(-1)
        return self.of_words(words.transpose(1, 2), mask.unsqueeze(1))

    def set_terms(self, weights: NDArray[np.float32], bias: float) -> None:
        """Put in the linear model: a weight for each term, shape (2 * buckets,), and the bias."""
        self.terms.copy_(torch.from_numpy(weights))
        self.term_bias.fill_(bias)

    def mixed(self, patterns: Tensor, terms: Tensor, words: Tensor) -> Tensor:
        """Give the logit of the whole model from both parts' logits and the number of words, each of shape (texts,)."""
        share = self.term_share * torch.clamp(self.term_words / words, max=1.0)
        return (1.0 - share) * patterns + share * terms

    def of_words(self, words: Tensor, mask: Tensor) -> Tensor:
        """Give logits, shape (texts,), of words, shape (texts, dim, words), and mask, shape (texts, 1, words)."""
        seen = [(torch.relu(pattern(words)) * mask).amax(dim=2) for pattern in self.patterns]
        seen.append(words.sum(dim=2) / mask.sum(dim=2))
        return cast("Tensor", self.head(self.dropout(torch.cat(seen, dim=1)))).squeeze(1)


class ServedWordModel(nn.Module):
    """A WordModel as it is exported: one comment, no padding."""

    def __init__(self, model: WordModel) -> None:
        """Share the weights of `model`."""
        super().__init__()
        self.model = model

    def forward(self, pieces: Tensor, marks: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        """Give the logit, shape (1,); the arguments are those of `comment_classifier.WordPieces`."""
        real = (pieces != NO_PIECE).sum(dim=1, keepdim=True).clamp(min=1).to(torch.float32)
        found = nn.functional.embedding(pieces, self.model.pieces.weight).sum(dim=1) / real
        words = (found + self.model.marks(marks)).T.unsqueeze(0)
        mask = torch.ones_like(words[:, :1, :])
        linear = (self.model.terms[terms] * weights).sum(dim=0, keepdim=True) + self.model.term_bias
        return self.model.mixed(self.model.of_words(words, mask), linear, mask.sum(dim=(1, 2)))


class WindowModel(nn.Module):
    """Logit of each window of tokens: a transformers encoder, mean pooling, one linear layer."""

    def __init__(self, encoder: nn.Module, dropout: float = 0.0) -> None:
        """Put the last layer on an encoder of any family; `dropout` stands before it."""
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(int(cast("Any", encoder).config.hidden_size), 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Give logits, shape (windows,), of ids and mask, shape (windows, tokens)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return cast("Tensor", self.head(self.dropout(pooled))).squeeze(1)


class WindowedTexts(nn.Module):
    """A WindowModel as it is trained: the most suspicious window of a text decides, and alone learns from it."""

    def __init__(self, model: WindowModel) -> None:
        """Share the weights of `model`."""
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, text_of: Tensor) -> Tensor:
        """Give logits, shape (texts,); `text_of` numbers the text of each window, shape (windows,), from 0 on."""
        logits = self.model(input_ids, attention_mask).float()
        lowest = torch.full((int(text_of[-1]) + 1,), -torch.inf, device=logits.device)
        return lowest.scatter_reduce(0, text_of, logits, "amax")


def save(directory: Path, model: WordModel | WindowModel, record: CommentRecord) -> None:
    """Write weights and record, and an encoder's config; a tokenizer lies there already."""
    write_weights(directory, model)
    if isinstance(model, WindowModel):
        cast("Any", model.encoder).config.save_pretrained(directory)
    write_record(directory, record)


def load(directory: Path) -> tuple[WordModel | WindowModel, CommentRecord]:
    """Read a trained model for inference.

    Raises:
        TrainingError: see `trained_model`.
    """
    record = read_record(CommentRecord, directory)
    model: WordModel | WindowModel
    if isinstance(record.size, WordModelSize):
        model = WordModel(record.size)
    else:
        config = AutoConfig.from_pretrained(directory)
        model = WindowModel(AutoModel.from_config(config, attn_implementation="eager"))
    read_weights(directory, model)
    return model, record
