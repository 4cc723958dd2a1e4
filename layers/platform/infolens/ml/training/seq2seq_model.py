"""The BART that is trained: loading, the low-rank matrices that learn, and the files of the merged result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor, nn
from transformers import AutoTokenizer, BartForConditionalGeneration

from infolens.ml.decoding import DecodingRules
from infolens.ml.encoder_decoder import TOKENIZER_FILE
from infolens.ml.training.job import Provenance, TrainingError
from infolens.ml.training.text_classifier_model import pretrained_directory
from infolens.ml.training.trained_model import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftModel

    from infolens.ml.training.seq2seq_profile import LoraSize, Seq2SeqProfile

KIND = "encoder_decoder"


@dataclass(frozen=True)
class Seq2SeqRecord:
    """What is known of a trained encoder-decoder, kept beside its weights."""

    provenance: Provenance
    max_input: int
    rules: DecodingRules
    metrics: dict[str, float]
    settings: dict[str, object]


def pretrained(base_model: str, max_input: int) -> BartForConditionalGeneration:
    """Load a pretrained BART.

    Raises:
        TrainingError: it is not there or cannot be fetched, is no BART, or has not as many positions as are asked for.
    """
    if not base_model:
        raise TrainingError("base-model: an encoder-decoder needs a pretrained one")
    try:
        # eager attention is what the ONNX export traces; the weights are the same for every implementation.
        model = BartForConditionalGeneration.from_pretrained(
            pretrained_directory(base_model), attn_implementation="eager"
        )
    except (OSError, ValueError) as error:
        raise TrainingError(f"base-model: cannot load {base_model!r}: {error}") from error
    positions = int(cast("Any", model.config).max_position_embeddings)
    if positions < max_input:
        raise TrainingError(f"base-model: {base_model!r} has {positions} positions, the profile asks for {max_input}")
    return cast("BartForConditionalGeneration", model)


def write_tokenizer(base_model: str, directory: Path) -> None:
    """Put the tokenizer of a pretrained model beside the trained one."""
    tokenizer = AutoTokenizer.from_pretrained(pretrained_directory(base_model))
    tokenizer.backend_tokenizer.save(str(directory / TOKENIZER_FILE))


def with_lora(model: BartForConditionalGeneration, size: LoraSize) -> PeftModel:
    """Freeze a model and add low-rank matrices, which alone are trained (S0-29)."""
    config = LoraConfig(
        task_type=TaskType.SEQ_2_SEQ_LM,
        r=size.rank,
        lora_alpha=size.alpha,
        lora_dropout=size.dropout,
        target_modules=list(size.modules),
    )
    return cast("PeftModel", get_peft_model(cast("Any", model), config))


def merged(model: nn.Module) -> BartForConditionalGeneration:
    """Add the low-rank matrices to the weights they belong to: what is exported is a plain BART, no slower for LoRA."""
    return cast("BartForConditionalGeneration", cast("Any", model).merge_and_unload())


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """Copy the weights that learn, which are all that changes."""
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def put_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put back what `trained_weights` copied."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(value)


def rules_of(model: BartForConditionalGeneration, profile: Seq2SeqProfile) -> DecodingRules:
    """Say how summaries are written: what the pretrained model was made for, with the profile's choices."""
    config = cast("Any", model.generation_config)
    return DecodingRules(
        start_id=int(config.decoder_start_token_id),
        end_id=int(config.eos_token_id),
        max_tokens=profile.max_output,
        forced_first_id=config.forced_bos_token_id,
        forced_end=config.forced_eos_token_id is not None,
        no_repeat=profile.no_repeat,
        min_tokens=profile.min_tokens,
        beams=profile.beams,
        length_penalty=profile.length_penalty,
        early_stopping=profile.early_stopping,
        lookup=profile.lookup,
    )


def save(directory: Path, model: BartForConditionalGeneration, record: Seq2SeqRecord) -> None:
    """Write merged weights, config and record; the tokenizer lies there already."""
    cast("Any", model).float().cpu().save_pretrained(directory)
    write_record(directory, record, KIND)


def load(directory: Path) -> tuple[BartForConditionalGeneration, Seq2SeqRecord]:
    """Read a trained encoder-decoder for inference, in 32 bits.

    Raises:
        TrainingError: see `trained_model`.
    """
    record = read_record(Seq2SeqRecord, directory, KIND)
    model = BartForConditionalGeneration.from_pretrained(directory, attn_implementation="eager", dtype=torch.float32)
    model.eval()
    return cast("BartForConditionalGeneration", model), record
