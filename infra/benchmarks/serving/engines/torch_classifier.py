"""transformers on torch, in eager mode: fp32, bf16, or dynamic int8 of its linear layers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from texts import Tokens, versions
from transformers import AutoModel

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, probabilities out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Load the encoder with the attention that transformers takes by itself, and quantise it where asked."""
        import numpy as np  # noqa: PLC0415 - for the head alone

        warnings.simplefilter("ignore")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        source = folder / model / "hf"
        encoder = AutoModel.from_pretrained(source, dtype=torch.float32).eval()
        head = np.load(source / "head.npz")
        linear = torch.nn.Linear(*head["weight"].T.shape)
        linear.weight.data, linear.bias.data = torch.from_numpy(head["weight"]), torch.from_numpy(head["bias"])
        if variant == "int8":
            encoder = torch.ao.quantization.quantize_dynamic(encoder, {torch.nn.Linear}, dtype=torch.qint8)
        elif variant == "bf16":
            encoder, linear = encoder.to(torch.bfloat16), linear.to(torch.bfloat16)
        self._first = bool(head["first"])
        self._encoder, self._head, self._tokens = encoder, linear, Tokens(source)
        self.files = [source / "model.safetensors"]
        self.versions = versions("torch", "transformers")

    def answer(self, item: dict[str, Any]) -> torch.Tensor:
        """Answer one text."""
        ids = torch.from_numpy(self._tokens.ids(item["text"]))
        states = self._encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return torch.softmax(self._head(states[:, 0] if self._first else states.mean(dim=1)), dim=-1)

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Probabilities of one text."""
        return [float(value) for value in self.answer(item)[0]]
