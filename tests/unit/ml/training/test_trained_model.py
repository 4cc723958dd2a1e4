"""A trained model is read as it was written, or not at all."""

from dataclasses import dataclass, field

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from infolens.ml.training.job import TrainingError
from infolens.ml.training.trained_model import (
    RECORD,
    WEIGHTS,
    kind_of,
    read_record,
    read_weights,
    write_record,
    write_weights,
)


@dataclass(frozen=True)
class Shape:
    """What a model is built from."""

    labels: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Record:
    """What is known of a model."""

    shape: Shape
    metrics: dict[str, float]
    settings: dict[str, object] = field(default_factory=dict)


RECORDED = Record(Shape(("a", "b"), ((1, 2),)), {"loss": float("inf"), "f1": 0.5}, {"seed": 1, "lora": {"rank": 8}})


def test_a_record_is_read_as_it_was_written(tmp_path):
    """Nested records, tuples and numbers beyond JSON's own come back as they were."""
    write_record(tmp_path, RECORDED)
    assert read_record(Record, tmp_path) == RECORDED
    assert kind_of(tmp_path) == ""


def test_a_record_of_before_gets_what_is_new(tmp_path):
    """A field with a default may be missing: models that were trained before still open."""
    (tmp_path / RECORD).write_text('{"shape": {"labels": ["a"]}, "metrics": {}}')
    assert read_record(Record, tmp_path) == Record(Shape(("a",)), {})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"shape": {"labels": ["a"]}}', "metrics"),
        ('{"shape": {"labels": 3}, "metrics": {}}', "shape.labels"),
        ("{", "cannot be read"),
    ],
)
def test_a_broken_record_is_refused(tmp_path, text, named):
    """The reason names the field."""
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(TrainingError, match=named):
        read_record(Record, tmp_path)


def test_another_kind_is_refused(tmp_path):
    """A task with models of two kinds opens each as what it is."""
    with pytest.raises(TrainingError, match=rf"no {RECORD}"):
        read_record(Record, tmp_path)
    write_record(tmp_path, RECORDED, "ranker")
    assert (kind_of(tmp_path), read_record(Record, tmp_path, "ranker")) == ("ranker", RECORDED)
    for asked in ("", "writer"):
        with pytest.raises(TrainingError, match="holds ranker, and no"):
            read_record(Record, tmp_path, asked)


def test_weights_are_read_for_inference(tmp_path):
    """Every weight comes back, and dropout is off."""
    trained, opened = (nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)) for _ in range(2))
    write_weights(tmp_path, trained)
    read_weights(tmp_path, opened)
    given = torch.ones(4, 3)
    assert torch.equal(opened(given), trained.eval()(given))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda held: held.pop("bias"), "bias"),
        (lambda held: held.update(more=torch.ones(1)), "more"),
        (lambda held: held.update(bias=torch.ones(5)), "bias"),
        (lambda held: held.update(bias=torch.tensor([float("nan"), 1.0])), "bias in model.safetensors hold what is no"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change, named):
    """One that is missing, left over, of another size or no number: the reason names it."""
    write_weights(tmp_path, nn.Linear(3, 2))
    held = load_file(tmp_path / WEIGHTS)
    change(held)
    save_file(held, tmp_path / WEIGHTS)
    with pytest.raises(TrainingError, match=named):
        read_weights(tmp_path, nn.Linear(3, 2))


def test_a_buffer_may_hold_infinity(tmp_path):
    """Only what was learned has to be finite."""
    model = nn.Linear(3, 2)
    model.register_buffer("spread", torch.tensor([float("inf")]))
    write_weights(tmp_path, model)
    read_weights(tmp_path, model)


@pytest.mark.parametrize("broken", ["", "{"])
def test_a_broken_file_of_weights_is_a_reason(tmp_path, broken):
    """Missing or cut off, it ends the job with words and no traceback."""
    if broken:
        (tmp_path / WEIGHTS).write_text(broken)
    with pytest.raises(TrainingError, match="holds not the weights"):
        read_weights(tmp_path, nn.Linear(3, 2))
