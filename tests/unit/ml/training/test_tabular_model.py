"""Probabilities are those of the numbers of events, sum to one, and survive saving and export."""

from __future__ import annotations

import math

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.stats import nbinom

from infolens.ml.training.job import Provenance, TrainingError
from infolens.ml.training.tabular_export import to_onnx
from infolens.ml.training.tabular_model import TabularModel, TabularRecord, TabularShape, load, save

SHAPE = TabularShape(
    labels=("many", "some", "none"), columns=3, hidden=4, classes=((2, 1, 1, 0, 0), (2, 2, 1, 1, 0)), beyond=0
)
RECORD = TabularRecord(Provenance("any", "run", "data", "code"), SHAPE, {"validation_loss": 1.0}, {"seed": 1})


def model(seed: int = 1) -> TabularModel:
    """A model with random weights."""
    torch.manual_seed(seed)
    made = TabularModel(SHAPE, dropout=0.0).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    made.learn_scale(rows(200))
    return made


def rows(count: int, seed: int = 3) -> torch.Tensor:
    """Random rows of both groups."""
    source = torch.Generator().manual_seed(seed)
    made = torch.randn((count, 5), generator=source)
    made[:, 0] = (made[:, 0] > 0).float()
    return made


def test_untrained():
    """Without training there is no correction: the number to expect is the one that the row gives."""
    untrained = TabularModel(SHAPE, dropout=0.5).eval()
    assert torch.equal(untrained.log_rate(rows(5)), rows(5)[:, 1])


@torch.no_grad()
def test_against_scipy():
    """A class has the probability that the negative binomial gives to its numbers."""
    made, given = model(), rows(20)
    found, rate, size = made(given).numpy(), made.log_rate(given).exp().numpy(), made.log_size.exp().numpy()
    for row, mean, probabilities in zip(given, rate, found, strict=True):
        group = int(row[0])
        n = float(size[group])
        mass = nbinom.pmf(np.arange(5), n, n / (n + float(mean)))
        expected = np.zeros(3)
        np.add.at(expected, list(SHAPE.classes[group]), mass)
        expected[SHAPE.beyond] += 1.0 - mass.sum()
        assert probabilities == pytest.approx(expected, abs=2e-5)


@torch.no_grad()
def test_likelihood():
    """The log-likelihood is that of the same distribution."""
    made, given = model(), rows(6)
    events = torch.tensor([0.0, 1.0, 2.0, 3.0, 9.0, 40.0])
    size = made.log_size.exp()[given[:, 0].long()].numpy()
    rate = made.log_rate(given).exp().numpy()
    expected = nbinom.logpmf(events.numpy(), size, size / (size + rate))
    assert made.log_likelihood(given, events).numpy() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("logarithm", [-20.0, -3.0, 0.0, 5.0, 8.0])
def test_sums_to_one(logarithm):
    """However few or many are expected, the probabilities are numbers from 0 to 1 that sum to one."""
    given = rows(50)
    given[:, 1] = logarithm
    found = model()(given)
    assert torch.all(torch.isfinite(found))
    assert torch.all((found >= 0) & (found <= 1))
    assert torch.allclose(found.sum(dim=1), torch.ones(50), atol=1e-6)


@torch.no_grad()
def test_far_outside_what_was_seen():
    """Features a thousand times as large as in training change the expected number 20 times at most."""
    made, given = model(), rows(50)
    given[:, 2:] *= 1_000.0
    assert torch.all((made.log_rate(given) - given[:, 1]).abs() <= 3.0)
    given[:, 2:] *= 1_000.0
    assert torch.equal(made.log_rate(given), made.log_rate(given * torch.tensor([1, 1, 2, 2, 2])))


@torch.no_grad()
def test_a_feature_that_never_changed():
    """A feature that was the same on all training rows says nothing when it changes later."""
    made, given = model(), rows(50)
    constant = given.clone()
    constant[:, 4] = 0.7
    made.learn_scale(constant)
    assert torch.equal(made.log_rate(constant), made.log_rate(given))
    assert torch.all(torch.isfinite(made(given)))


@torch.no_grad()
def test_saved_and_loaded(tmp_path):
    """A model comes back with its record and answers the same."""
    save(tmp_path, model(), RECORD)
    again, record = load(tmp_path)
    assert record == RECORD
    assert torch.equal(again(rows(20)), model()(rows(20)))


def test_nothing_to_load(tmp_path):
    """A folder without a model is an error in words."""
    with pytest.raises(TrainingError, match=r"no training\.json"):
        load(tmp_path)


@torch.no_grad()
def test_exported(tmp_path):
    """The ONNX model answers as the trained one, for any number of rows."""
    to_onnx(model(), 2, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for count in (1, 2, 30):
        [found] = session.run(["probabilities"], {"features": rows(count).numpy()})
        assert found == pytest.approx(model()(rows(count)).numpy(), abs=1e-6)


def test_size_is_learned():
    """Events that vary more than chance lower the size of the distribution."""
    made = TabularModel(TabularShape(("a", "b"), 1, 0, ((0, 1),), 1), 0.0)
    given = torch.zeros((400, 3))
    given[:, 1] = math.log(10.0)
    events = torch.tensor([2.0, 18.0] * 200)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        (-made.log_likelihood(given, events).mean()).backward()
        optimizer.step()
    assert 1.0 < float(made.log_size.detach().exp()[0]) < 3.0
