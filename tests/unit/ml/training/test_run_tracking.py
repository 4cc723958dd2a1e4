"""A run is told to MLflow where there is one, goes on in the same run after an interruption, and never dies of it."""

import socket
from datetime import UTC, datetime

import pytest
from mlflow.tracking import MlflowClient

from infolens.ml.training.job import Provenance
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.run_tracking import MlflowTracker, run_name, tracked
from ml_fakes import training_job

WHOSE = Provenance("crash_risk", "run-1", "d" * 64, "c0de00000000")
NAME = run_name(WHOSE, datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def uri(tmp_path, monkeypatch) -> str:
    """A folder that MLflow keeps runs in."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return f"file://{tmp_path}/mlruns"


def runs(uri: str) -> list:
    """All runs of the task."""
    client = MlflowClient(tracking_uri=uri)
    return client.search_runs([client.get_experiment_by_name("infolens-crash_risk").experiment_id])


def test_run_is_named_by_task_version_and_time():
    """Dataset and code are its version."""
    assert NAME == "crash_risk-dddddddddddd-c0de00000000-20261121T030405Z"


def test_run_log_tells_settings_and_metrics_with_their_steps(uri, tmp_path, capsys):
    """What the log has, MLflow has, with tags that lead back to run, dataset and code."""
    with tracked({"MLFLOW_TRACKING_URI": uri}, WHOSE, NAME) as tracker:
        log = RunLog(training_job(tmp_path, tracker=tracker), {"lr": 0.01, "labels": ("a", "b")})
        log.metrics(step=1, train_loss=0.5, lr=0.01)
        log.metrics(step=2, epoch=1, train_loss=0.25)
    assert "step=1 train_loss=0.5 lr=0.01" in capsys.readouterr().out
    (run,) = runs(uri)
    assert (run.info.run_name, run.info.status) == (NAME, "FINISHED")
    assert run.data.params["lr"] == "0.01"
    assert run.data.params["labels"] == "('a', 'b')"
    assert {name: run.data.tags[f"infolens.{name}"] for name in ("task", "run_id", "dataset_id", "code_version")} == {
        "task": "crash_risk",
        "run_id": "run-1",
        "dataset_id": "d" * 64,
        "code_version": "c0de00000000",
    }
    history = MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, "train_loss")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.25)]


def test_interrupted_job_goes_on_in_its_run(uri):
    """A spot job that starts again has the same name, and what it set cannot be set twice."""
    for step in (1, 2):
        tracker = MlflowTracker(uri, WHOSE, NAME, "job-0")
        tracker.settings({"lr": step})
        tracker.metrics(step, {"train_loss": 1.0 / step})
    MlflowTracker(uri, WHOSE, NAME, "job-1")
    first = [run for run in runs(uri) if run.data.tags["infolens.training_job"] == "job-0"]
    assert len(runs(uri)) == 2
    assert [(run.data.params["lr"], run.data.metrics["train_loss"]) for run in first] == [("1", 0.5)]


def test_failed_training_is_a_failed_run(uri):
    """And its error goes on."""
    with pytest.raises(ValueError, match="diverged"), tracked({"MLFLOW_TRACKING_URI": uri}, WHOSE, NAME):
        raise ValueError("diverged")
    assert [run.info.status for run in runs(uri)] == ["FAILED"]


def test_server_that_is_not_there_is_told_once_and_stops_nothing(capsys):
    """Nobody listens: one warning, no matter how much would have been sent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tracked({"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}, WHOSE, NAME) as tracker:
        for step in range(3):
            tracker.metrics(step, {"train_loss": 1.0})
        tracker.settings({"lr": 1})
    assert capsys.readouterr().out.count("warning: MLflow does not take this run") == 1


def test_without_a_server_there_is_no_tracker():
    """Nothing of mlflow is even imported."""
    with tracked({}, WHOSE, NAME) as tracker:
        assert tracker is None
