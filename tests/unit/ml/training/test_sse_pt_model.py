"""SSE-PT looks only back, reads any length, and its files are loaded whole or not at all."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from infolens.ml.training.job import TrainingError
from infolens.ml.training.sse_pt_model import load
from sse_pt_fakes import CATALOGUE, SHAPE, tiny_model

PADDING = SHAPE.items


@pytest.fixture
def model(tmp_path):
    """An untrained model, saved below tmp_path/model."""
    return tiny_model(tmp_path / "model")


def test_a_place_sees_nothing_that_comes_after_it(model):
    """Another last item changes the last state and no other."""
    users = torch.tensor([1, 1])
    states = model.states(torch.tensor([[0, 1, 2, 3], [0, 1, 2, 4]]), users)
    assert torch.allclose(states[0, :3], states[1, :3], atol=1e-6)
    assert not torch.allclose(states[0, 3], states[1, 3], atol=1e-3)


def test_padding_in_front_changes_nothing(model):
    """A short sequence gets the logits that it gets alone, since places count from the end."""
    alone = model(torch.tensor([[2, 3]]), torch.tensor([1]))
    padded = model(torch.tensor([[PADDING, PADDING, 2, 3]]), torch.tensor([1]))
    assert torch.allclose(alone, padded, atol=1e-5)


def test_a_sequence_of_padding_alone_gives_numbers(model):
    """No softmax over nothing: NaN in one row would spoil a whole batch."""
    assert torch.isfinite(model(torch.full((1, 4), PADDING), torch.tensor([0]))).all()


def test_the_user_matters(model):
    """It is a personalised transformer: another user, other logits."""
    items = torch.tensor([[0, 1]])
    assert not torch.allclose(model(items, torch.tensor([1])), model(items, torch.tensor([2])), atol=1e-4)


def test_what_was_saved_is_loaded(model, tmp_path):
    """Weights, catalogue and record come back as they were."""
    loaded, catalogue, record = load(tmp_path / "model")
    items, user = torch.tensor([[0, 1, 2]]), torch.tensor([2])
    assert torch.equal(loaded(items, user), model(items, user))
    assert catalogue == CATALOGUE
    assert record.shape == SHAPE
    assert record.metrics == {"validation_ndcg_at_10": 0.5}


@pytest.mark.usefixtures("model")
def test_weights_under_other_names_are_refused(tmp_path):
    """S3's defect cannot happen: no weight stays random, and the message names the one that is missing."""
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["output_layer.weight"] = weights.pop("head.weight")
    save_file(weights, path)
    with pytest.raises(TrainingError, match=r"head\.weight"):
        load(tmp_path / "model")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("name", ["model.safetensors", "catalogue.json", "training.json"])
def test_a_missing_or_broken_file_is_a_reason(tmp_path, name):
    """Half a model is none."""
    (tmp_path / "model" / name).write_text("{")
    with pytest.raises(TrainingError, match=f"model: .*{name.partition('.')[0]}"):
        load(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(TrainingError, match=f"model: .*{name.partition('.')[0]}"):
        load(tmp_path / "model")


@pytest.mark.usefixtures("model")
def test_a_catalogue_of_another_model_is_refused(tmp_path):
    """Numbers that mean other items would be noise that looks like an answer."""
    path = tmp_path / "model" / "catalogue.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(plain | {"items": plain["items"][:-1], "counts": plain["counts"][:-1]}))
    with pytest.raises(TrainingError, match=r"catalogue\.json"):
        load(tmp_path / "model")
