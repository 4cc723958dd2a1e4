"""Unit tests of `infolens.usecases.batch`: every row answered or listed, once, and refusals that can be replayed."""

from __future__ import annotations

import csv
import io
import threading
from dataclasses import replace

import pytest

from infolens import codec
from infolens.aws.predictions import NoModelLiveError, failed
from infolens.contracts import keys
from infolens.contracts.dataset import BatchReport
from infolens.contracts.prediction import PredictResponse, Problem
from infolens.ingest.identity import upload_id_of
from infolens.usecases.batch import BatchPorts, ModelBusyError, answer_batch
from ingest_fakes import UPLOADS, DiedError, World

PETS = b"id,text\n1,purrs\n2,x\n3,barks\n"


class Model:
    """Answers by the last letter of the text; can be absent, throttled, broken, or broken by one row."""

    def __init__(self) -> None:
        self.version = "7"
        self.live = True
        self.broken = False
        self.poison = ""
        self.busy = 0
        self.requests = []
        self._lock = threading.Lock()

    def __call__(self, task, request):
        """See Ask."""
        with self._lock:
            self.requests.append(request)
            if self.busy:
                self.busy -= 1
                return failed(429, "", "busy")
        if not self.live:
            raise NoModelLiveError(task)
        texts = [str(item["text"]) for item in request.inputs]
        if self.broken or (self.poison and self.poison in texts):
            return failed(502, self.version, f"model version {self.version} failed")
        answers = tuple(
            {"problem": {"status": 422, "title": "Input refused", "detail": "text: odd", "field": "text"}}
            if text == "odd"
            else {"label": "cat" if text.endswith("s") else "dog", "confidence": 0.75}
            for text in texts
        )
        return PredictResponse(200, self.version, "d", "r", "b", answers)


def world_of(model: Model, **others):
    """Give a world and the ports of a batch in it; waits are noted instead of waited."""
    world = World()
    waits: list[float] = []
    return world, BatchPorts(world.store, world.schema_of, model, waits.append, **others), waits


def results(world: World, upload_id: str, task: str = "pets") -> list[dict[str, str]]:
    """Read a result file."""
    data = world.store.objects[UPLOADS, keys.batch_results(task, upload_id)]
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_every_row_comes_back():
    """Answers stand beside their rows, a row that cannot be asked has its reason in place, and the counts add up."""
    world, ports, _ = world_of(Model())
    done = answer_batch(world.put("batch/pets/a.csv", PETS), ports)
    report = done.report
    assert (report.status, report.reason, done.repeated) == ("answered", "", False)
    assert (report.rows_in, report.rows_answered, report.rows_failed) == (3, 2, 1)
    assert report.failed_by_reason == {"text: is shorter than 3 characters": 1}
    assert report.model_versions == {"7": 2}
    assert report.results_key == keys.batch_results("pets", report.upload_id)
    assert results(world, report.upload_id) == [
        {"id": "1", "text": "purrs", "label": "cat", "confidence": "0.75", "model_version": "7", "problem": ""},
        {
            "id": "2",
            "text": "x",
            "label": "",
            "confidence": "",
            "model_version": "",
            "problem": "text: is shorter than 3 characters",
        },
        {"id": "3", "text": "barks", "label": "cat", "confidence": "0.75", "model_version": "7", "problem": ""},
    ]
    stored = world.store.objects[UPLOADS, keys.batch_report("pets", report.upload_id)]
    assert codec.from_json(BatchReport, stored) == report


@pytest.mark.parametrize(("rows", "calls"), [(4, 1), (5, 2), (8, 2), (9, 3)])
def test_rows_are_asked_in_chunks(rows, calls):
    """At most so many rows go into one invocation, under ids that name the upload; order is kept."""
    model = Model()
    world, ports, _ = world_of(model, rows_per_call=4)
    arrival = world.put("batch/pets/a.csv", b"text\n" + b"".join(b"row %d\n" % number for number in range(rows)))
    report = answer_batch(arrival, ports).report
    assert sorted(request.request_id for request in model.requests) == [
        f"{upload_id_of(arrival.source)}-{number:05d}" for number in range(calls)
    ]
    assert max(len(request.inputs) for request in model.requests) <= 4
    assert [row["text"] for row in results(world, report.upload_id)] == [f"row {number}" for number in range(rows)]


def test_answer_that_the_model_refuses():
    """An input that only the predict function finds wrong is listed with its words."""
    world, ports, _ = world_of(Model())
    report = answer_batch(world.put("batch/pets/a.csv", b"text\npurrs\nodd\n"), ports).report
    assert (report.rows_answered, report.failed_by_reason) == (1, {"text: odd": 1})


def test_row_that_breaks_the_model():
    """The rows beside it are answered one by one; it alone is listed as failed."""
    model = Model()
    model.poison = "barks"
    world, ports, _ = world_of(model, rows_per_call=2)
    report = answer_batch(world.put("batch/pets/a.csv", b"text\npurrs\nhowls\nbarks\nhisses\nhowl\n"), ports).report
    assert (report.rows_in, report.rows_answered) == (5, 4)
    assert [row["problem"] for row in results(world, report.upload_id)] == [
        "",
        "",
        "model version 7 failed",
        "",
        "",
    ]


def test_no_model_live():
    """Before the first rollout a batch is refused with a reason, nothing is lost, and its event again answers it."""
    model = Model()
    model.live = False
    world, ports, _ = world_of(model)
    arrival = world.put("batch/pets/a.csv", PETS)
    report = answer_batch(arrival, ports).report
    assert (report.status, report.rows_in, report.rows_answered, report.rows_failed) == ("refused", 3, 0, 3)
    assert report.reason.startswith("no model of pets is live yet")
    assert report.failed_by_reason == {report.reason: 3}
    assert (UPLOADS, keys.batch_results("pets", report.upload_id)) not in world.store.objects
    assert world.store.objects[UPLOADS, "batch/pets/a.csv"] == PETS

    model.live = True
    assert answer_batch(arrival, ports).report.status == "answered"
    stored = world.store.objects[UPLOADS, keys.batch_report("pets", report.upload_id)]
    assert codec.from_json(BatchReport, stored).status == "answered"


def test_version_without_a_bundle_is_no_model():
    """An alias on a version that pins no bundle says 503, which is the same to an editor."""
    world, ports, _ = world_of(Model())

    def unpinned(task, request):
        return PredictResponse(503, "$LATEST", "", "", "", (), Problem(503, "No model", "no model is pinned"))

    report = answer_batch(world.put("batch/pets/a.csv", PETS), replace(ports, ask=unpinned)).report
    assert report.reason.startswith("no model of pets is live yet")


def test_model_that_answers_nothing():
    """A broken model is not asked for all rows: the batch is refused, and answered when it is well again."""
    model = Model()
    model.broken = True
    world, ports, _ = world_of(model, rows_per_call=4)
    arrival = world.put("batch/pets/a.csv", b"text\n" + b"purrs\n" * 400)
    report = answer_batch(arrival, ports).report
    assert (report.status, report.rows_in) == ("refused", 400)
    assert "the model answered no row (model version 7 failed)" in report.reason
    assert len(model.requests) == 5
    model.broken = False
    assert answer_batch(arrival, ports).report.rows_answered == 400


@pytest.mark.parametrize(("refusals", "waits"), [(1, [1.0]), (5, [1.0, 2.0, 4.0, 8.0, 16.0])])
def test_throttled_model_is_asked_again(refusals, waits):
    """Used-up concurrency is waited for, longer each time."""
    model = Model()
    model.busy = refusals
    world, ports, waited = world_of(model)
    assert answer_batch(world.put("batch/pets/a.csv", PETS), ports).report.rows_answered == 2
    assert waited == waits


def test_model_throttled_for_too_long():
    """Then the message goes back to the queue; no report says that anything was decided."""
    model = Model()
    model.busy = 6
    world, ports, _ = world_of(model)
    with pytest.raises(ModelBusyError, match="throttled for 31 s"):
        answer_batch(world.put("batch/pets/a.csv", PETS), ports)
    assert list(world.store.objects) == [(UPLOADS, "batch/pets/a.csv")]


@pytest.mark.parametrize(
    ("key", "data", "task", "reason"),
    [
        ("batch/pets/a.csv", b"", "pets", "the file is empty (0 bytes)"),
        ("batch/pets/a.csv", b"text\n", "pets", "a header and no row below it"),
        ("batch/pets/a.csv", b"id,words\n1,purrs\n", "pets", "column text: no such column"),
        ("batch/pets/a.json", b"[]", "pets", "'a.json' is not a CSV file by its name"),
        ("batch/pest/a.csv", PETS, "unknown", "unknown task 'pest'; known tasks: pets"),
        ("batch/a.csv", PETS, "unknown", "the key must be batch/<task>/<file>.csv, not batch/a.csv"),
    ],
)
def test_refused_whole(key, data, task, reason):
    """A file that cannot be read is reported with the reason; it stays where it is and no model is asked."""
    model = Model()
    world, ports, _ = world_of(model)
    report = answer_batch(world.put(key, data), ports).report
    assert (report.status, report.task, report.rows_in) == ("refused", task, 0)
    assert reason in report.reason
    assert (UPLOADS, keys.batch_report(task, report.upload_id)) in world.store.objects
    assert world.store.objects[UPLOADS, key] == data
    assert model.requests == []


def test_deleted_file():
    """A file that is gone when its event comes is reported."""
    world, ports, _ = world_of(Model())
    arrival = world.put("batch/pets/a.csv", PETS)
    del world.store.objects[UPLOADS, "batch/pets/a.csv"]
    assert "deleted before it could be read" in answer_batch(arrival, ports).report.reason


def test_repetition_changes_nothing():
    """The same event again asks no model and writes nothing, even when another version answers by now."""
    model = Model()
    world, ports, _ = world_of(model)
    arrival = world.put("batch/pets/a.csv", PETS)
    first = answer_batch(arrival, ports)
    before, asked = dict(world.store.objects), len(model.requests)
    model.version = "8"
    again = answer_batch(arrival, ports)
    assert (again.report, again.repeated) == (first.report, True)
    assert world.store.objects == before
    assert len(model.requests) == asked
    assert world.store.effects == 2


def test_two_deliveries_at_the_same_time():
    """The first result file stands, and the report of both is counted from it."""
    model = Model()
    world, ports, _ = world_of(model)
    arrival = world.put("batch/pets/a.csv", PETS)
    faster = []

    def ask(task, request):
        if not faster:
            faster.append(answer_batch(arrival, ports).report)
            model.version = "8"
        return model(task, request)

    slower = answer_batch(arrival, replace(ports, ask=ask))
    assert slower.report == faster[0]
    assert slower.report.model_versions == {"7": 2}


@pytest.mark.parametrize("moment", ["die_at", "die_after"])
@pytest.mark.parametrize("live", [True, False])
def test_death_between_any_two_writes(moment, live):
    """Killed before or after each single write, and delivered again: one result, and a report that counts it."""
    calm_model = Model()
    calm_model.live = live
    calm, ports, _ = world_of(calm_model)
    arrival = calm.put("batch/pets/a.csv", PETS)
    expected = answer_batch(arrival, ports).report
    assert calm.store.effects == (2 if live else 1)
    for step in range(1, calm.store.effects + 1):
        model = Model()
        model.live = live
        world, ports, _ = world_of(model)
        world.put("batch/pets/a.csv", PETS)
        setattr(world.store, moment, step)
        with pytest.raises(DiedError):
            answer_batch(arrival, ports)
        world.store.die_at = world.store.die_after = 0
        assert answer_batch(arrival, ports).report == expected
        assert world.store.objects == calm.store.objects
