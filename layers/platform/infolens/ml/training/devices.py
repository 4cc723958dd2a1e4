"""Chooses where training runs and in which precision, by what the machine has."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class Device:
    """A torch device with the precision of its matrix products."""

    kind: str
    """"cuda" or "cpu"."""
    precision: torch.dtype

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which forward passes run."""
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.kind, dtype=self.precision)

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaler; it does something only for float16, whose gradients underflow."""
        return torch.amp.GradScaler(self.kind, enabled=self.precision == torch.float16)


def best_device(*, half_precision: bool) -> Device:
    """Take a GPU where there is one.

    Args:
        half_precision: use 16 bits where the hardware multiplies them; not worth it for tiny models, whose time goes
            into everything but matrix products.
    """
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    if not half_precision:
        return Device(kind, torch.float32)
    if kind == "cuda":
        return Device(kind, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
    return Device(kind, torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32)  # noqa: SLF001
