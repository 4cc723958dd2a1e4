"""The right profile is chosen, settings can be varied, and what is held out never reaches the model."""

from __future__ import annotations

from dataclasses import asdict, replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infolens.ml.metric_lines import METRIC_DEFINITIONS
from infolens.ml.training.job import TrainingError, with_hyperparameters
from infolens.ml.training.sse_pt_model import load
from infolens.tasks.movie_recommendation import sample
from infolens.tasks.movie_recommendation import train as task_train
from infolens.tasks.movie_recommendation.examples import examples
from infolens.tasks.movie_recommendation.export import export
from infolens.tasks.movie_recommendation.schema import SCHEMA
from infolens.tasks.movie_recommendation.search import SEARCH
from sse_pt_fakes import TINY, export_job, training_job


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A dataset of sample rows."""
    folder = tmp_path_factory.mktemp("dataset")
    rows = [SCHEMA.clean(row) for row in sample.rows(1_500, 1)]
    pq.write_table(pa.Table.from_pylist([row | {"split": SCHEMA.split(row)} for row in rows]), folder / "0.parquet")
    return folder


def job(directory, dataset, **more):
    """A job on the dataset."""
    return replace(training_job(directory), dataset=dataset, **more)


def test_profiles():
    """The gpu profile is the paper's model and wider; the cpu profile is smaller in everything."""
    cpu, gpu = (task_train.choose_profile(name) for name in ("cpu", "gpu"))
    assert (gpu.blocks, gpu.max_length, gpu.batch_size) == (2, 200, 128)
    assert gpu.replaced_users + gpu.unknown_users == pytest.approx(0.92)
    assert gpu.item_dim > cpu.item_dim
    assert gpu.half_precision
    assert not cpu.half_precision


def test_what_cannot_be_trained_is_refused(tmp_path, dataset):
    """An unknown profile, a base model, an unknown setting: each with a reason."""
    with pytest.raises(TrainingError, match="profile: 'tpu' is none of cpu, gpu"):
        task_train.train(job(tmp_path, dataset, profile="tpu"))
    with pytest.raises(TrainingError, match="base-model"):
        task_train.train(job(tmp_path, dataset, base_model="/models/other"))
    with pytest.raises(TrainingError, match="colour"):
        task_train.train(job(tmp_path, dataset, hyperparameters={"colour": "red"}))


def test_the_model_knows_the_train_users_and_nothing_of_the_others(tmp_path, dataset, monkeypatch):
    """Users of the other splits have no vector, and the counts are those of train histories less the last movies."""
    monkeypatch.setitem(task_train.PROFILES, "cpu", replace(TINY, epochs=1))
    record = task_train.train(job(tmp_path, dataset, hyperparameters={"item_dim": "8"}))
    assert record.shape.item_dim == 8
    _, catalogue, _ = load(tmp_path)
    learned = examples(dataset, "train")
    assert set(catalogue.users) == {one["user_id"] for one in learned}
    assert sum(catalogue.counts) == sum(len(one["sequence"]) for one in learned)
    assert not set(catalogue.users) & {one["user_id"] for one in examples(dataset, "validation")}
    assert "validation_ndcg_at_10" in record.metrics


def test_the_gpu_profile_trains_where_there_is_no_gpu(tmp_path, dataset):
    """The real size goes through the same code, in the precision that the machine has."""
    short = {"epochs": "1", "min_steps": "1"}
    record = task_train.train(job(tmp_path, dataset, profile="gpu", hyperparameters=short))
    assert (record.shape.item_dim, record.shape.user_dim, record.shape.blocks) == (192, 64, 2)
    assert record.metrics["validation_hit_at_10"] >= 0.0
    load(tmp_path)


def test_export_asks_the_test_examples(tmp_path, dataset, monkeypatch):
    """The reference holds inputs of the API, of new users among others."""
    monkeypatch.setitem(task_train.PROFILES, "cpu", replace(TINY, epochs=1))
    task_train.train(job(tmp_path / "model", dataset))
    export(replace(export_job(tmp_path), dataset=dataset))
    assert (tmp_path / "export" / "reference.json").stat().st_size > 1_000
    assert (tmp_path / "export" / "bundle" / "model.onnx").is_file()


def test_everything_that_a_search_varies_is_a_setting():
    """Each value fits each profile, and a width that the heads divide."""
    for profile in task_train.PROFILES.values():
        for name, values in SEARCH.parameters.items():
            for value in values:
                assert asdict(with_hyperparameters(profile, {name: str(value)}))[name] == value
    cpu = task_train.CPU
    assert all((width + cpu.user_dim) % cpu.heads == 0 for width in SEARCH.parameters["item_dim"])


def test_the_objective_is_a_metric_of_the_job():
    """What the search looks at is among the metrics that SageMaker reads from the log."""
    assert SEARCH.objective in {one["Name"] for one in METRIC_DEFINITIONS}
