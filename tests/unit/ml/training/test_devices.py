"""The device is what the machine has; 16 bits are used only where they are asked for."""

import torch

from infolens.ml.training.devices import Device, best_device


def test_full_precision_unless_asked():
    """A tiny model trains in 32 bits everywhere."""
    assert best_device(half_precision=False).precision == torch.float32


def test_kind_is_there():
    """The device named can hold a tensor."""
    device = best_device(half_precision=True)
    assert torch.ones(1, device=device.kind).device.type == device.kind


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
