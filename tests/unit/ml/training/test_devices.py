"""The device is what the machine has; 16 bits are used only where they are asked for."""

import pytest
import torch

from infolens.ml.training.devices import Device, best_device


def test_full_precision_unless_asked():
    """A tiny model trains in 32 bits everywhere."""
    assert best_device(half_precision=False).precision == torch.float32


def test_kind_is_there():
    """The device named can hold a tensor."""
    device = best_device(half_precision=True)
    assert torch.ones(1, device=device.kind).device.type == device.kind


@pytest.mark.parametrize(
    ("asked", "multiplies", "precision"),
    [(False, True, torch.float32), (True, True, torch.bfloat16), (True, False, torch.float16)],
)
def test_gpu_is_taken_where_there_is_one(monkeypatch, asked, multiplies, precision):
    """In 16 bits where they are asked for: bfloat16 where the hardware has it, float16 on older ones."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: multiplies)
    assert best_device(half_precision=asked) == Device("cuda", precision)


@pytest.mark.parametrize(("multiplies", "precision"), [(True, torch.bfloat16), (False, torch.float32)])
def test_processor_multiplies_16_bits_only_where_it_can(monkeypatch, multiplies, precision):
    """Emulated, they would be slower than 32."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: multiplies)
    assert best_device(half_precision=True) == Device("cpu", precision)


def test_autocast_follows_the_precision():
    """Products are 16 bits wide inside the context of a 16-bit device, and 32 otherwise."""
    left = torch.ones(4, 4)
    with Device("cpu", torch.bfloat16).autocast():
        assert (left @ left).dtype == torch.bfloat16
    with Device("cpu", torch.float32).autocast():
        assert (left @ left).dtype == torch.float32


def test_scaling_is_for_float16():
    """Only float16 gradients need a scaled loss."""
    assert not Device("cpu", torch.bfloat16).scaler().is_enabled()
    assert Device("cpu", torch.float16).scaler().is_enabled()
