"""transformers' `generate` on torch, in eager mode: fp32, bf16, or dynamic int8 of its linear layers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from texts import Tokens, versions
from transformers import AutoModelForSeq2SeqLM

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, tokens out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Load the model with the attention that transformers takes by itself, and quantise it where asked."""
        warnings.simplefilter("ignore")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        source = folder / model / "hf"
        loaded = AutoModelForSeq2SeqLM.from_pretrained(source, dtype=torch.float32).eval()
        if variant == "int8":
            loaded = torch.ao.quantization.quantize_dynamic(loaded, {torch.nn.Linear}, dtype=torch.qint8)
        elif variant == "bf16":
            loaded = loaded.to(torch.bfloat16)
        self._model, self._tokens = loaded, Tokens(source)
        self.files = [source / "model.safetensors"]
        self.versions = versions("torch", "transformers")

    def answer(self, item: dict[str, Any]) -> list[int]:
        """Write."""
        ids = torch.from_numpy(self._tokens.ids(item["text"]))
        return generated(self._model, ids, item)

    def outcome(self, item: dict[str, Any]) -> list[int]:
        """Give the tokens."""
        return self.answer(item)


def generated(model: Any, ids: torch.Tensor, item: dict[str, Any]) -> list[int]:  # noqa: ANN401 - whoever has `generate`
    """Write as many tokens as the item says, without the start."""
    written = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=item["written"],
        min_new_tokens=item["written"],
        num_beams=item["beams"],
        early_stopping=item["beams"] > 1,
        no_repeat_ngram_size=item["no_repeat"],
        do_sample=False,
    )
    return [int(token) for token in written[0, 1:]]
