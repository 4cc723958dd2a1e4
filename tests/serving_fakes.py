"""Fakes with behaviour for registration, serving and the API."""

import io
from dataclasses import dataclass, field, replace

from infolens.aws.objects import Found, ObjectMissingError
from infolens.aws.prediction_memory import IdTakenError, Recalled
from infolens.aws.predictions import NoModelLiveError
from infolens.contracts.bundle import BundleManifest
from infolens.contracts.prediction import PredictResponse
from infolens.contracts.task import RowRejected
from infolens.ml.bundle import write_manifest

DRAFT = BundleManifest(
    task="news_category",
    predictor="text_classifier",
    run_id="run-1",
    dataset_id="data-1",
    code_version="c0de",
    config={"labels": ["A", "B"], "max_tokens": 8},
    metrics={"accuracy": 0.9},
    files=(),
)


def write_bundle(directory, draft=DRAFT, weights=b"weights"):
    """Write a small bundle and return its digest."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.onnx").write_bytes(weights)
    (directory / "tokenizer.json").write_bytes(b"{}")
    return write_manifest(directory, draft)


class FakeObjects:
    """`ObjectStore` in a dict; `log` tells the order of the writes."""

    def __init__(self):
        self.data = {}
        self.log = []

    def put_directory(self, bucket, prefix, directory):
        """Put every file of a directory under a prefix."""
        for path in directory.rglob("*"):
            if path.is_file():
                self.data[bucket, f"{prefix}{path.relative_to(directory).as_posix()}"] = path.read_bytes()

    def read(self, bucket, key, version=""):
        """See ObjectStore."""
        if (bucket, key) not in self.data:
            raise ObjectMissingError(f"s3://{bucket}/{key}")
        return Found(self.data[bucket, key], "etag")

    def open(self, bucket, key, version=""):
        """See ObjectStore."""
        return io.BytesIO(self.read(bucket, key).data)

    def write(self, bucket, key, data, content_type="application/octet-stream"):
        """See ObjectStore."""
        self.data[bucket, key] = data
        self.log.append(key)
        return "etag"

    def create(self, bucket, key, data, content_type="application/octet-stream"):
        """See ObjectStore."""
        if (bucket, key) in self.data:
            return False
        self.write(bucket, key, data)
        return True

    def replace(self, bucket, key, data, etag):
        """See ObjectStore."""
        return self.write(bucket, key, data)

    def copy(self, source, bucket, key):
        """See ObjectStore."""
        self.write(bucket, key, self.read(source[0], source[1]).data)

    def keys(self, bucket, prefix):
        """See ObjectStore."""
        return iter(sorted(key for home, key in self.data if home == bucket and key.startswith(prefix)))


class FakeVersions:
    """`Versions` that numbers what it publishes."""

    def __init__(self):
        self.published = []

    def publish(self, function, pins, description):
        """See Versions."""
        self.published.append((function, dict(pins), description))
        return str(len(self.published))


class FakeRegistry:
    """`ModelRegistry` in a dict."""

    def __init__(self, *records):
        self.records = {(record.task, record.version): record for record in records}

    def put(self, record):
        """See ModelRegistry."""
        self.records[record.task, record.version] = record

    def get(self, task, version):
        """See ModelRegistry."""
        return self.records.get((task, version))

    def find_digest(self, task, digest):
        """See ModelRegistry."""
        return next((r for r in self.records.values() if (r.task, r.bundle_digest) == (task, digest)), None)

    def list(self, task):
        """See ModelRegistry."""
        return tuple(r for r in self.records.values() if r.task == task)


class FakeAlias:
    """The part of `Aliases` that answers read; counts how often it was asked."""

    def __init__(self, state=None):
        self.state = state
        self.reads = []

    def read(self, function):
        """See Aliases."""
        self.reads.append(function)
        return self.state


class FakePredictions:
    """`Predictions` that answers from a dict of qualifiers; one that is not in it is not live."""

    def __init__(self, by_qualifier):
        self.by_qualifier = by_qualifier
        self.asked = []

    def invoke(self, task, request, qualifier="live"):
        """See Predictions."""
        self.asked.append((task, request, qualifier))
        if qualifier not in self.by_qualifier:
            raise NoModelLiveError(f"no model of {task} serves yet")
        return self.by_qualifier[qualifier]


class FakeModels:
    """`Predictions` of several tasks: a response, or an exception to raise, per task; the rest is not live."""

    def __init__(self, by_task):
        self.by_task = by_task
        self.asked = []

    def invoke(self, task, request, qualifier="live"):
        """See Predictions."""
        self.asked.append((task, request, qualifier))
        if task not in self.by_task:
            raise NoModelLiveError(f"no model of {task} serves yet")
        if isinstance(self.by_task[task], Exception):
            raise self.by_task[task]
        return self.by_task[task]


class FakeMemory:
    """`PredictionMemory` in a dict; `fault` is raised instead, where one is planted."""

    def __init__(self, fault=None):
        self.kept = {}
        self.fault = fault

    def once(self, prediction_id, text, make):
        """See PredictionMemory."""
        if self.fault:
            raise self.fault
        if prediction_id in self.kept:
            known, document = self.kept[prediction_id]
            if known != text:
                raise IdTakenError(f"prediction_id {prediction_id} belongs to another text")
            return Recalled(document, repeated=True)
        made = make()
        if made.keep:
            self.kept[prediction_id] = (text, made.document)
        return Recalled(made.document, repeated=False)


ANSWERED = PredictResponse(
    status=200,
    model_version="4",
    dataset_id="data-1",
    run_id="run-1",
    bundle_digest="d" * 64,
    answers=({"label_id": 1, "label": "Politics", "confidence": 0.93},),
)


def answered_by(version):
    """A good answer of a version."""
    return replace(ANSWERED, model_version=version)


class FakeSchema:
    """A schema whose inputs are `{"text": str}` of at least 3 characters."""

    task = "news_category"

    def check(self, payload):
        """See Schema."""
        text = payload.get("text")
        if not isinstance(text, str):
            raise RowRejected("text", "must be a string")
        if len(text) < 3:
            raise RowRejected("text", f"has {len(text)} characters; at least 3 are needed")
        return {"text": text.strip()}


@dataclass
class FakePredictor:
    """Answers with the length of the text, or does what `fault` says."""

    fault: object = None
    seen: list = field(default_factory=list)

    def predict(self, inputs):
        """See Predictor."""
        self.seen.append([dict(item) for item in inputs])
        if isinstance(self.fault, Exception):
            raise self.fault
        if callable(self.fault):
            return self.fault(inputs)
        return [{"length": len(item["text"])} for item in inputs]

    def scores(self, inputs):
        """See Predictor."""
        raise AssertionError("serving asks for answers, not for scores")
