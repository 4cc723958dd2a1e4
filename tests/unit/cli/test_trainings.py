"""Runs and what they leave behind."""

import pytest

from cli_fakes import Objects
from infolens import codec
from infolens.contracts.dataset import DatasetManifest
from infolens.contracts.evaluation import GateResult, Verdict
from infolens.contracts.load import Failures, Latency, LoadReport, LoadWindow
from infolens.contracts.training_run import TrainedModel
from infolens.usecases.training_order import Order, Tuning
from infolens_cli import trainings
from infolens_cli.stack import Stack
from infolens_cli.trouble import Trouble

STACK = Stack(
    "uploads",
    "data",
    "models",
    "models-table",
    "rollouts-table",
    "observations-table",
    "p-",
    "arn:t",
    "arn:r",
    "http://api",
    "key",
)
DATASET = DatasetManifest("d" * 64, "news_category", 1, "", (), 10, {}, {}, "2026-03-01T12:00:00+00:00", "c0de00000000")


def test_the_newest_dataset_is_named_by_its_head():
    """What `train` takes when nobody names one."""
    objects = Objects({("data", "datasets/news_category/head.json"): b'{"task":"news_category","dataset_id":"d1"}'})
    assert trainings.head_dataset(objects, STACK, "news_category") == "d1"


def test_without_a_dataset_there_is_nothing_to_train_on():
    """The advice names the command that makes one."""
    with pytest.raises(Trouble, match="no dataset yet") as caught:
        trainings.head_dataset(Objects(), STACK, "news_category")
    assert "infolens upload news_category" in caught.value.advice


def test_a_dataset_that_is_not_there_is_named():
    """A shortened id is a common mistake."""
    with pytest.raises(Trouble, match="no dataset d1"):
        trainings.dataset(Objects(), STACK, "news_category", "d1")


def test_the_run_of_a_dataset_is_the_one_that_ingest_started():
    """The same dataset and code give the same name."""
    assert trainings.run_name(DATASET, again=False) == "news_category-dddddddddddd-c0de00000000"


def test_another_run_of_a_dataset_has_another_name():
    """--again is the only way to a second run, and there can be a third."""
    names = {trainings.run_name(DATASET, again=True) for _ in range(20)}
    assert len(names) > 1
    assert all(name.startswith("news_category-dddddddddddd-c0de00000000-") for name in names)


def test_a_verdict_is_read_when_the_run_came_so_far():
    """A run that failed in training has none."""
    verdict = Verdict(True, (GateResult("accuracy", True, "0.8"),))
    key = ("models", "runs/news_category/run-1/verdict.json")
    assert trainings.verdict_of(Objects({key: codec.to_json(verdict)}), STACK, "news_category", "run-1") == verdict
    assert trainings.verdict_of(Objects(), STACK, "news_category", "run-1") is None
    assert trainings.evaluation_of(Objects(), STACK, "news_category", "run-1") is None
    assert trainings.parity_of(Objects(), STACK, "news_category", "run-1") is None
    assert trainings.load_of(Objects(), STACK, "news_category", "run-1") is None


def test_a_load_test_is_read_where_the_run_left_it():
    """What the test wrote comes back as it was."""
    window = LoadWindow(3.0, 60, Latency(60, 9.0, 20.0, 30.0), Latency(0, 0.0, 0.0, 0.0), Failures())
    report = LoadReport("news_category", "run-1", "7", "d" * 64, 2, 3.0, window, (window,))
    objects = Objects({("models", "runs/news_category/run-1/load.json"): codec.to_json(report)})
    assert trainings.load_of(objects, STACK, "news_category", "run-1") == report


def test_an_order_says_no_more_than_was_asked():
    """What is not asked for is the stack's to choose."""
    assert trainings.order(DATASET, "operator:me") == {
        "task": "news_category",
        "dataset_id": "d" * 64,
        "reason": "operator:me",
    }


def test_an_order_may_ask_for_more():
    """A search, spot instances, a run to go on with: the fields of the machine's Order."""
    asked = trainings.order(DATASET, "me", strategy="grid", max_jobs=4, parallel=3, spot=False, resume="run-1")
    order = codec.from_dict(Order, {**asked, "run_id": "run-2"})
    assert order.tuning == Tuning("Grid", max_jobs=4, parallel=3)
    assert (order.spot, order.resume) == (False, "run-1")


def test_a_search_that_there_is_not_is_named():
    """The advice names the two."""
    with pytest.raises(Trouble, match="no search 'bayes'") as caught:
        trainings.order(DATASET, "me", strategy="bayes")
    assert "--tune grid" in caught.value.advice


def test_a_run_that_was_trained_can_be_resumed_under_a_new_name():
    """One that never came so far cannot."""
    model = TrainedModel("news_category", "run-1", "d" * 64, "c0de", "job", "Completed", "s3://models/m.tar.gz")
    objects = Objects({("models", "runs/news_category/run-1/trained.json"): codec.to_json(model)})
    assert trainings.trained(objects, STACK, "news_category", "run-1") == model
    names = {trainings.resumed_name(model) for _ in range(20)}
    assert len(names) > 1
    assert all(name.startswith("news_category-dddddddddddd-c0de-") for name in names)
    with pytest.raises(Trouble, match="run run-2 of news_category has no trained model"):
        trainings.trained(objects, STACK, "news_category", "run-2")
