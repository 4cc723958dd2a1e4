"""The text classifier that is trained: a transformers encoder, mean pooling, one linear layer; and its files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, DistilBertConfig

from infolens.ml.text_classifier import TOKENIZER_FILE
from infolens.ml.tokens import TextTokens
from infolens.ml.training.job import Provenance, TrainingError

_WEIGHTS = "model.safetensors"
_DESCRIPTION = "training.json"


@dataclass(frozen=True)
class Shape:
    """What is needed beside the encoder's own config to build the model anew."""

    labels: tuple[str, ...]
    max_tokens: int
    direct: bool
    """The mean of the plain word vectors goes to the last layer beside the encoder's output. With some thousand rows
    the last layer learns from it at once, as fastText does, while the encoder adds what order and company tell."""


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
        self.direct = shape.direct
        dim = int(cast("Any", encoder).config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(dim * (2 if shape.direct else 1), len(shape.labels))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Give logits, shape (texts, labels), of ids and mask, shape (texts, tokens)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = _mean(states, attention_mask)
        if self.direct:
            words = cast("Any", self.encoder).get_input_embeddings()(input_ids)
            pooled = torch.cat([pooled, _mean(words, attention_mask)], dim=1)
        return cast("Tensor", self.head(self.dropout(pooled)))


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


@dataclass(frozen=True)
class EncoderSize:
    """How large a DistilBERT is; the real one is 768 wide with 6 layers of 12 heads."""

    dim: int
    layers: int
    heads: int


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
        # eager attention is what the ONNX export traces; the weights are the same for every implementation.
        encoder = AutoModel.from_pretrained(pretrained_directory(base_model), attn_implementation="eager")
    except (OSError, ValueError) as error:
        raise TrainingError(f"base-model: cannot load {base_model!r}: {error}") from error
    return cast("nn.Module", encoder)


def save(directory: Path, model: TextClassifierModel, record: TrainingRecord) -> None:
    """Write weights, encoder config and record; the tokenizer lies there already."""
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, directory / _WEIGHTS)
    cast("Any", model.encoder).config.save_pretrained(directory)
    (directory / _DESCRIPTION).write_text(json.dumps(asdict(record), indent=2, sort_keys=True))


def load_record(directory: Path) -> TrainingRecord:
    """Read the record that `save` wrote.

    Raises:
        TrainingError: the directory holds no trained model.
    """
    path = directory / _DESCRIPTION
    if not path.is_file():
        raise TrainingError(f"model: no {_DESCRIPTION} in {directory}")
    plain = json.loads(path.read_text())
    shape = plain["shape"]
    return TrainingRecord(
        provenance=Provenance(**plain["provenance"]),
        shape=Shape(tuple(shape["labels"]), shape["max_tokens"], shape["direct"]),
        metrics=plain["metrics"],
        settings=plain["settings"],
    )


def load(directory: Path) -> tuple[TextClassifierModel, TextTokens, TrainingRecord]:
    """Read a trained model for inference: every weight must be there and none may be left over.

    Raises:
        TrainingError: the directory holds no trained model.
    """
    record = load_record(directory)
    config = AutoConfig.from_pretrained(directory)
    model = TextClassifierModel(AutoModel.from_config(config, attn_implementation="eager"), record.shape, dropout=0.0)
    model.load_state_dict(load_file(directory / _WEIGHTS), strict=True)
    model.eval()
    return model, TextTokens(directory / TOKENIZER_FILE, record.shape.max_tokens), record
