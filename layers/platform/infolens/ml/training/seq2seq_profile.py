"""What is chosen before a BART is fine-tuned; apart from the training itself, which takes seconds to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoraSize:
    """Which matrices get a low-rank addition, and how large it is (Hu et al. 2021)."""

    rank: int
    alpha: int
    """The addition is scaled by alpha / rank."""
    dropout: float
    modules: tuple[str, ...]
    """Names of BART's linear layers."""


@dataclass(frozen=True)
class Seq2SeqProfile:
    """Everything that is chosen before training; the task states it, with reasons."""

    base_model: str
    """Hub id or directory of a pretrained BART."""
    max_input: int
    """Tokens of an article, special ones included; the rest is cut off."""
    max_output: int
    """Tokens of a summary."""
    epochs: int
    patience: int
    """Epochs without a better validation loss after which training stops."""
    batch_size: int
    accumulate: int
    """Batches whose gradients make one step."""
    lr: float
    warmup: float
    """Share of the steps in which the learning rate rises."""
    weight_decay: float
    label_smoothing: float
    no_repeat: int
    """This and the next five: see DecodingRules."""
    min_tokens: int
    beams: int
    length_penalty: float
    early_stopping: bool
    lookup: int
    half_precision: bool
    log_every: int
    """Steps between two lines of training loss."""
    validation_summaries: int
    """Validation rows that are also summarised after each epoch, for ROUGE; writing is slow."""
    lora: LoraSize
