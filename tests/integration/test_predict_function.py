"""The predict function's own module, loaded as Lambda loads it, with real ONNX bundles in moto's S3."""

import importlib.util
import json
import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto import mock_aws

from infolens import settings as settings_module
from infolens.aws import clients
from infolens.contracts.prediction import (
    METRIC_COLD_LATENCY,
    METRIC_FAULTS,
    METRIC_GB_SECONDS,
    METRIC_INIT,
    METRIC_LATENCY,
    METRIC_RESTORES,
)
from infolens.serving.model import ModelNotLoadedError
from tiny_bundles import tiny_bundle

HANDLER = Path(__file__).parents[2] / "functions" / "predict" / "handler.py"
TEXT = "The senate met on Monday, and the senate will meet again before the end of the week."
EVENT = {"request_id": "7", "inputs": [{"text": TEXT}]}


@dataclass
class Context:
    """What the Lambda runtime hands over beside the event."""

    function_version: str = "4"
    function_name: str = "infolens-predict-news_category"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:infolens-predict-news_category"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Give a function that puts a bundle into the bucket and loads the handler's module with it pinned."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "predict",
        "POWERTOOLS_METRICS_NAMESPACE": "InfoLens",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "TASK": "news_category",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    scratch = []

    def started(bundle: Path | None, digest: str = ""):
        if bundle is not None:
            for path in bundle.iterdir():
                clients.client("s3").upload_file(str(path), "models", f"bundles/x/{path.name}")
            pins = {"BUNDLE_URI": "s3://models/bundles/x/", "BUNDLE_DIGEST": digest, "RUN_ID": "r", "DATASET_ID": "s"}
            for name, value in pins.items():
                monkeypatch.setenv(name, value)
            scratch.append(Path(tempfile.gettempdir()) / digest)
        settings_module.settings.cache_clear()
        logging.root.manager.loggerDict.pop("predict", None)  # powertools keeps the stream of the first one
        spec = importlib.util.spec_from_file_location("predict_handler", HANDLER)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.handler

    with mock_aws():
        clients.client.cache_clear()
        boto3.client("s3").create_bucket(Bucket="models")
        yield started
    settings_module.settings.cache_clear()
    clients.client.cache_clear()
    for directory in scratch:
        shutil.rmtree(directory, ignore_errors=True)


def lines(capsys) -> list[dict]:
    """What the function wrote to its log, one JSON document per line."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def metrics(capsys) -> list[dict]:
    """The embedded metrics of the log."""
    return [line for line in lines(capsys) if "_aws" in line]


def test_answers(start, tmp_path):
    """A real bundle answers, and the answer names version, dataset, run and digest."""
    digest = tiny_bundle(tmp_path / "good")
    response = start(tmp_path / "good", digest)(EVENT, Context())
    assert response == {
        "status": 200,
        "model_version": "4",
        "dataset_id": "s",
        "run_id": "r",
        "bundle_digest": digest,
        "answers": [{"label_id": 1, "label": "Politics", "confidence": response["answers"][0]["confidence"]}],
        "problem": None,
        "cold": True,
    }


def test_metrics_have_two_dimensions(start, tmp_path, capsys):
    """Faults and latency carry task and model_version and nothing else, once a second, warm and cold apart."""
    handler = start(tmp_path / "good", tiny_bundle(tmp_path / "good"))
    handler(EVENT, Context())
    handler(EVENT, Context())
    cold, warm = metrics(capsys)
    for line, latency in ((cold, METRIC_COLD_LATENCY), (warm, METRIC_LATENCY)):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "InfoLens"
        assert directive["Dimensions"] == [["task", "model_version"]]
        assert directive["Metrics"] == [
            {"Name": METRIC_FAULTS, "Unit": "Count", "StorageResolution": 1},
            {"Name": latency, "Unit": "Milliseconds", "StorageResolution": 1},
            {"Name": METRIC_GB_SECONDS, "Unit": "Count"},
            *([{"Name": METRIC_INIT, "Unit": "Milliseconds"}] if line is cold else []),
        ]
        assert (line["task"], line["model_version"], line[METRIC_FAULTS]) == ("news_category", "4", [0.0])
        assert 0 < line[latency][0] < 5000


def test_first_answer_after_a_restore(start, tmp_path, capsys, monkeypatch):
    """A snapshot's init was billed when its version was published: its first answer counts a restore instead, once."""
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    handler = start(tmp_path / "good", tiny_bundle(tmp_path / "good"))
    handler(EVENT, Context())
    handler(EVENT, Context())
    first, second = metrics(capsys)
    assert (first[METRIC_RESTORES], METRIC_INIT in first) == ([1.0], False)
    assert METRIC_RESTORES not in second


def test_a_load_test_is_counted_apart(start, tmp_path, capsys):
    """Its requests are in no metric by which a rollout is judged, and no observation is made of them."""
    handler = start(tmp_path / "good", tiny_bundle(tmp_path / "good"))
    handler(EVENT | {"request_id": "load-7", "purpose": "load"}, Context())
    written = lines(capsys)
    assert [line["model_version"] for line in written if "_aws" in line] == ["4-load"]
    (answered,) = [line for line in written if line.get("message") == "answered"]
    assert (answered["model_version"], answered["purpose"]) == ("4", "load")
    assert "observed" not in answered


def test_every_answer_can_be_traced(start, tmp_path, capsys):
    """One structured line per request links the prediction id with version, bundle, run and dataset."""
    digest = tiny_bundle(tmp_path / "good")
    start(tmp_path / "good", digest)(EVENT, Context())
    (line,) = [line for line in lines(capsys) if line.get("message") == "answered"]
    expected = {
        "level": "INFO",
        "service": "predict",
        "task": "news_category",
        "prediction_id": "7",
        "model_version": "4",
        "dataset_id": "s",
        "run_id": "r",
        "bundle_digest": digest,
        "status": 200,
        "inputs": 1,
        "refused": 0,
        "cold": True,
    }
    assert {name: line[name] for name in expected} == expected


def test_short_text_is_no_fault(start, tmp_path, capsys):
    """A refused input is a 422 of its own, and no fault of the version."""
    handler = start(tmp_path / "good", tiny_bundle(tmp_path / "good"))
    response = handler({"request_id": "7", "inputs": [{"text": "short"}]}, Context())
    assert response["answers"][0]["problem"]["status"] == 422
    assert metrics(capsys)[0][METRIC_FAULTS] == [0.0]


def test_model_that_fails(start, tmp_path, capsys):
    """A bundle that opens and then fails at each request answers 500 and counts a fault each time."""
    handler = start(tmp_path / "bad", tiny_bundle(tmp_path / "bad", outputs="other"))
    assert [handler(EVENT, Context())["status"] for _ in range(2)] == [500, 500]
    assert [line[METRIC_FAULTS] for line in metrics(capsys)] == [[1.0], [1.0]]


def test_model_that_answers_nan(start, tmp_path, capsys):
    """A bundle whose weights are NaN is a fault, not a confident answer."""
    handler = start(tmp_path / "nan", tiny_bundle(tmp_path / "nan", weights=np.full((3, 10), np.nan)))
    assert handler(EVENT, Context())["status"] == 500
    assert metrics(capsys)[0][METRIC_FAULTS] == [1.0]


def test_altered_weights_are_never_served(start, tmp_path, capsys):
    """Weights that were disturbed in the bucket make every invocation fail, and each failure is counted."""
    digest = tiny_bundle(tmp_path / "altered")
    tiny_bundle(tmp_path / "other", weights=np.ones((3, 10)))
    shutil.copy(tmp_path / "other" / "model.onnx", tmp_path / "altered" / "model.onnx")
    handler = start(tmp_path / "altered", digest)
    for _ in range(2):
        with pytest.raises(ModelNotLoadedError, match=r"cannot be served: model\.onnx: has sha256"):
            handler(EVENT, Context())
    written = lines(capsys)
    assert [line[METRIC_FAULTS] for line in written if "_aws" in line] == [[1.0], [1.0]]
    assert any(line.get("message") == "the pinned bundle is not fit to serve" for line in written)


def test_no_bundle_pinned(start):
    """$LATEST of a fresh stack answers 503 with a problem that says so."""
    response = start(None)(EVENT, Context(function_version="$LATEST"))
    assert response["status"] == 503
    assert response["problem"]["title"] == "No model"


def test_imports_nothing_heavy():
    """What serves never reaches torch, transformers, pandas or pyarrow (S1-09, S1-11), nor X-Ray's SDK."""
    import subprocess  # noqa: PLC0415 - a clean interpreter, since this one has loaded everything
    import sys  # noqa: PLC0415

    heavy = ("torch", "transformers", "pandas", "pyarrow", "onnx", "sklearn", "aws_xray_sdk.core")
    script = (
        f"import sys; sys.path.insert(0, {str(HANDLER.parent)!r}); import handler; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    environment = {"TASK": "news_category", "POWERTOOLS_TRACE_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
