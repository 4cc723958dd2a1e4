"""Training learns from training days alone, and refuses what it cannot do in words."""

from __future__ import annotations

import json

import pytest

from crash_fakes import PROVENANCE, days, sample_rows, training_job, write_part
from infolens.ml.training.job import TrainingError
from infolens.tasks.crash_risk.examples import examples, examples_of
from infolens.tasks.crash_risk.predict import read_tables
from infolens.tasks.crash_risk.schema import LABELS
from infolens.tasks.crash_risk.train import PROFILES, tables_of, train


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Thirty sample days."""
    return write_part(tmp_path_factory.mktemp("crash_risk"), sample_rows(8_000))


def test_profiles():
    """A GPU trains the same model: it has nothing to do for some thousand weights."""
    assert PROFILES["gpu"] == PROFILES["cpu"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"profile": "tpu"}, "'tpu' is none of cpu, gpu"),
        ({"base_model": "bert"}, "has none to start from"),
        ({"hyperparameters": {"layers": "2"}}, "no such setting"),
    ],
)
def test_refusals(tmp_path, dataset, given, message):
    """An unknown profile or setting, or a base model, is refused."""
    with pytest.raises(TrainingError, match=message):
        train(training_job(tmp_path, dataset, **given))


def test_too_few_days(tmp_path):
    """Five days have no history, and the reason says what is needed."""
    with pytest.raises(TrainingError, match="five covered days"):
        train(training_job(tmp_path / "model", write_part(tmp_path / "dataset", days(5))))


def test_training(tmp_path, dataset, capsys):
    """A run leaves a model, its tables and its metrics, logs each epoch, and stops when validation gets no better."""
    record = train(training_job(tmp_path, dataset, hyperparameters={"patience": "2"}))
    assert record.provenance == PROVENANCE
    assert record.shape.labels == LABELS
    assert {"validation_loss", "validation_accuracy", "validation_macro_f1"} <= set(record.metrics)
    log = capsys.readouterr().out
    assert "validation_macro_f1=" in log
    assert "train_loss=" in log
    assert "stopped_early_after_epoch=" in log
    assert read_tables(tmp_path).level["QUEENS"] > 10


def test_the_same_seed(tmp_path, dataset):
    """Two runs with one seed leave the same bytes, another seed others."""
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        train(training_job(tmp_path / name, dataset, seed=seed, hyperparameters={"epochs": "2"}))
    one, again, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_better_than_the_seasonal_class(tmp_path):
    """On sample days the class of least validation loss beats what is usual for borough, weekday and hours."""
    rows = sample_rows(12_000)
    parts, data = examples_of(rows), write_part(tmp_path / "dataset", rows)
    record = train(training_job(tmp_path / "model", data))
    seasonal = sum(one["label"] == one["seasonal"] for one in parts["validation"]) / len(parts["validation"])
    assert record.metrics["validation_accuracy"] > seasonal + 0.05


def test_shares_of_training_alone(dataset):
    """Tables but the newest levels do not change whatever held-out days hold."""
    parts = {split: examples(dataset, split) for split in ("train", "validation", "test")}
    spoiled = [one | {"crashes": 999, "daily_crashes_28d": 7.0, "tmin": -40.0} for one in parts["test"]]
    before, after = tables_of(parts["train"], parts["train"]), tables_of(parts["train"], parts["train"] + spoiled)
    assert (before.share, before.normals) == (after.share, after.normals)
    assert set(after.level.values()) == {7.0}


def test_shares_add_up(dataset):
    """The bands of a day have its crashes between them."""
    tables = tables_of(examples(dataset, "train"), examples(dataset, "train"))
    for weekdays in tables.share.values():
        for bands in weekdays:
            assert 0.6 < sum(bands) < 1.6
    assert tables.normals["prcp"] == [0.0] * 12
    json.dumps(tables.level)


def test_no_weather_at_all():
    """Without a weather file the year's usual temperatures stand in."""
    made = examples_of(days(20))["train"]
    assert tables_of(made, made).normals["tmax"] == [62.0] * 12
