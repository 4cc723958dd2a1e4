"""The text classifier that is trained: a transformers encoder, pooling, one linear layer; and its files.

Beside the encoder there may be a linear model of phrases, since the first thing that some thousand rows teach is which
words and pairs of words go with which label, and an encoder of that size learns it late and badly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, DistilBertConfig, PretrainedConfig, XLNetConfig

from infolens.ml.text_classifier import TOKENIZER_FILE
from infolens.ml.tokens import TextTokens
from infolens.ml.training.job import Provenance, TrainingError
from infolens.ml.training.subwords import PAD_ID
from infolens.ml.training.trained_model import read_record, read_weights, write_record, write_weights

if TYPE_CHECKING:
    from collections.abc import Iterable


POOLINGS = ("mean", "first")
"""What of the encoder's states goes to the last layer: the mean over the tokens, or the first token's alone, as in
transformers' own classifiers of the BERT family. The first is cheaper to serve (ADR 0022)."""


@dataclass(frozen=True)
class Phrases:
    """A linear model of phrases beside the encoder; each phrase of neighbour tokens falls into one of the buckets."""

    longest: int
    """Tokens of the longest phrase; 1 is single tokens alone."""
    buckets: int
    """Phrases that share a bucket share a weight; more than the vocabulary, some times the number of phrases seen."""


@dataclass(frozen=True)
class Shape:
    """What is needed beside the encoder's own config to build the model anew."""

    labels: tuple[str, ...]
    max_tokens: int
    direct: bool
    """The mean of the plain word vectors goes to the last layer beside the encoder's output. With some thousand rows
    the last layer learns from it at once, as fastText does, while the encoder adds what order and company tell."""
    encoder_tokens: int = 0
    """The encoder reads so many tokens, which costs time squared, and what stands beside it reads on to `max_tokens`;
    0 lets the encoder read all."""
    phrases: Phrases | None = None
    sentence_ends: bool = False
    """Texts that are too long are cut behind a whole sentence, in training, parity and serving alike."""
    pooling: str = "mean"
    """One of POOLINGS."""


@dataclass(frozen=True)
class TrainingRecord:
    """What is known of a trained model, kept beside its weights."""

    provenance: Provenance
    shape: Shape
    metrics: dict[str, float]
    """Validation metrics of the weights that were kept."""
    settings: dict[str, object]
    """The profile as used, the seed and the precision."""


class TextClassifierModel(nn.Module):
    """Logits of token ids."""

    def __init__(self, encoder: nn.Module, shape: Shape, dropout: float) -> None:
        """Put the last layer on an encoder of any family; `dropout` stands before it."""
        super().__init__()
        self.encoder = encoder
        self.direct, self.pooling = shape.direct, shape.pooling
        self.encoder_tokens = shape.encoder_tokens or shape.max_tokens
        dim = int(cast("Any", encoder).config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(dim * (2 if shape.direct else 1), len(shape.labels))
        self.phrases = None if shape.phrases is None else PhraseModel(shape.phrases, len(shape.labels))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Give logits, shape (texts, labels), of ids and mask, shape (texts, tokens)."""
        ids, mask = input_ids[:, : self.encoder_tokens], attention_mask[:, : self.encoder_tokens]
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = states[:, 0] if self.pooling == "first" else _mean(states, mask)
        if self.direct:
            words = cast("Any", self.encoder).get_input_embeddings()(input_ids)
            pooled = torch.cat([pooled, _mean(words, attention_mask)], dim=1)
        logits = cast("Tensor", self.head(self.dropout(pooled)))
        return logits if self.phrases is None else logits + self.phrases(input_ids, attention_mask)


class PhraseModel(nn.Module):
    """A linear model of which phrases occur: logarithms of counts times rarity, at length one, as in TF-IDF."""

    rarity: Tensor

    def __init__(self, phrases: Phrases, labels: int) -> None:
        """Begin with weights of zero and every bucket equally rare."""
        super().__init__()
        self.longest, self.buckets = phrases.longest, phrases.buckets
        self.register_buffer("rarity", torch.ones(phrases.buckets))
        self.linear = nn.Linear(phrases.buckets, labels, bias=False)
        nn.init.zeros_(self.linear.weight)

    @torch.no_grad()
    def learn_rarity(self, texts: Iterable[Tensor]) -> None:
        """Weigh each bucket by the logarithm of how few texts have it; `texts` are token ids, shape (tokens,)."""
        found, number = torch.zeros_like(self.rarity), 0
        for ids in texts:
            found += self.counts(ids[None], torch.ones_like(ids[None]))[0] > 0
            number += 1
        self.rarity.copy_(torch.log((1.0 + number) / (1.0 + found)) + 1.0)

    def counts(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Count phrases, shape (texts, buckets)."""
        rolled, present = input_ids, attention_mask
        places, weights = [torch.remainder(input_ids, self.buckets)], [present]  # single tokens do not share buckets
        for length in range(1, self.longest):
            # Ids stay below 2**20: no product reaches 2**63, whatever the machine.
            rolled = torch.remainder(rolled[:, :-1] * _ROLL, _MODULUS) + input_ids[:, length:]
            present = present[:, :-1] * attention_mask[:, length:]
            places.append(torch.remainder(torch.remainder(rolled * _SPREAD, _MODULUS), self.buckets))
            weights.append(present)
        at, weight = torch.cat(places, dim=1), torch.cat(weights, dim=1).float()
        empty = torch.zeros_like(weight[:, :1]).expand(-1, self.buckets)
        return empty.scatter_add(1, at, weight)

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Give what the linear layer sees, shape (texts, buckets); each text has length one."""
        weighed = torch.log1p(self.counts(input_ids, attention_mask)) * self.rarity
        return weighed / weighed.square().sum(dim=1, keepdim=True).add(1e-12).sqrt()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Give the part of the logits that phrases tell, shape (texts, labels)."""
        return cast("Tensor", self.linear(self.features(input_ids, attention_mask)))


_ROLL = 1_000_003
_SPREAD = 2_654_435_761  # Knuth's multiplicative hash: 2**32 over the golden ratio
_MODULUS = 2**31 - 1


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


@dataclass(frozen=True)
class EncoderSize:
    """How large an encoder is; the real DistilBERT is 768 wide with 6 layers of 12 heads, the real XLNet has 12."""

    dim: int
    layers: int
    heads: int
    family: str = "distilbert"
    """"distilbert" or "xlnet"."""


def small_encoder(size: EncoderSize, vocabulary: int, max_tokens: int, dropout: float) -> nn.Module:
    """Make an encoder of any size with random weights.

    Raises:
        TrainingError: there is no such family.
    """
    families = {"distilbert": small_distilbert, "xlnet": small_xlnet}
    if size.family not in families:
        raise TrainingError(f"profile: encoder family {size.family!r} is none of {', '.join(families)}")
    return families[size.family](size, vocabulary, max_tokens, dropout)


def small_distilbert(size: EncoderSize, vocabulary: int, max_tokens: int, dropout: float) -> nn.Module:
    """Make a DistilBERT of any size with random weights."""
    config = DistilBertConfig(
        vocab_size=vocabulary,
        dim=size.dim,
        n_layers=size.layers,
        n_heads=size.heads,
        hidden_dim=4 * size.dim,
        dropout=dropout,
        attention_dropout=dropout,
        max_position_embeddings=max_tokens,
    )
    return cast("nn.Module", AutoModel.from_config(config, attn_implementation="eager"))


def small_xlnet(size: EncoderSize, vocabulary: int, max_tokens: int, dropout: float) -> nn.Module:
    """Make an XLNet of any size with random weights; its positions are relative, so `max_tokens` says nothing to it."""
    del max_tokens
    config = XLNetConfig(
        vocab_size=vocabulary,
        d_model=size.dim,
        n_layer=size.layers,
        n_head=size.heads,
        d_inner=4 * size.dim,
        dropout=dropout,
        use_mems_eval=False,  # memories are for texts read in pieces; they would be outputs of the graph
        use_mems_train=False,
        pad_token_id=PAD_ID,
    )
    return cast("nn.Module", AutoModel.from_config(config))


def pretrained_directory(base_model: str) -> str:
    """Find what transformers can load: a hub id, a model directory, or a package that carries one as `model/`.

    Raises:
        TrainingError: it is a path, and there is no model.
    """
    path = Path(base_model)
    for candidate in (path, path / "model"):
        if (candidate / "config.json").is_file():
            return str(candidate)
    if path.is_absolute() or path.exists():
        raise TrainingError(f"base-model: no config.json in {base_model} or its folder model/")
    return base_model


def pretrained(base_model: str) -> nn.Module:
    """Load a pretrained encoder.

    Raises:
        TrainingError: it is not there, or cannot be fetched.
    """
    try:
        directory = pretrained_directory(base_model)
        config = AutoConfig.from_pretrained(directory)
        encoder = AutoModel.from_pretrained(directory, config=config, **_traceable(config))
    except (OSError, ValueError) as error:
        raise TrainingError(f"base-model: cannot load {base_model!r}: {error}") from error
    return cast("nn.Module", encoder)


def _traceable(config: PretrainedConfig) -> dict[str, str]:
    """Say how an encoder has to be built for the ONNX export to trace it, and switch off what is not for one text."""
    if config.model_type == "xlnet":  # it has one implementation of attention, and memories
        config.use_mems_eval = config.use_mems_train = False
        return {}
    return {"attn_implementation": "eager"}  # the weights are the same for every implementation


def save(directory: Path, model: TextClassifierModel, record: TrainingRecord) -> None:
    """Write weights, encoder config and record; the tokenizer lies there already."""
    write_weights(directory, model)
    cast("Any", model.encoder).config.save_pretrained(directory)
    write_record(directory, record)


def load(directory: Path) -> tuple[TextClassifierModel, TextTokens, TrainingRecord]:
    """Read a trained model for inference.

    Raises:
        TrainingError: see `trained_model`.
    """
    record = read_record(TrainingRecord, directory)
    config = AutoConfig.from_pretrained(directory)
    model = TextClassifierModel(AutoModel.from_config(config, **_traceable(config)), record.shape, dropout=0.0)
    read_weights(directory, model)
    shape = record.shape
    return model, TextTokens(directory / TOKENIZER_FILE, shape.max_tokens, sentence_ends=shape.sentence_ends), record
