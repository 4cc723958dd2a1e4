"""A run may set its profile otherwise, by name and as text; anything else is refused in words."""

from dataclasses import dataclass

import pytest

from infolens.ml.training.job import TrainingError, profile_named, with_hyperparameters


@dataclass(frozen=True)
class Profile:
    """One field of each kind."""

    lr: float = 0.1
    epochs: int = 3
    base_model: str = ""
    half_precision: bool = True
    size: tuple = (1, 2)


def test_each_kind_is_read_as_the_field_has_it():
    """Numbers, words and switches come as text."""
    given = {"lr": "3e-4", "epochs": "5", "base_model": "x", "half_precision": "False"}
    assert with_hyperparameters(Profile(), given) == Profile(3e-4, 5, "x", half_precision=False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("speed", "1", "no such setting; it has lr, epochs, base_model, half_precision"),
        ("size", "1", "no such setting"),
        ("epochs", "1.5", "'1.5' is no int"),
        ("lr", "fast", "'fast' is no float"),
        ("half_precision", "1", "'1' is no bool"),
    ],
)
def test_what_cannot_be_set_is_refused(name, text, words):
    """A search that varies nothing would look like one that found nothing."""
    with pytest.raises(TrainingError, match=words):
        with_hyperparameters(Profile(), {name: text})


def test_profile_by_name():
    """A name that there is none of is refused with those there are."""
    assert profile_named({"cpu": 1, "gpu": 2}, "gpu") == 2
    with pytest.raises(TrainingError, match="'tpu' is none of cpu, gpu"):
        profile_named({"cpu": 1, "gpu": 2}, "tpu")
