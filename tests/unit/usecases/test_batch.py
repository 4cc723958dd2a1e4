"""Unit tests of `infolens.usecases.batch` and `batch_chunk`: every row answered or listed, refusals with reasons."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import threading
import tracemalloc
from dataclasses import replace

import pytest

from infolens import codec
from infolens.aws.predictions import NoModelLiveError, failed
from infolens.contracts import keys
from infolens.contracts.batch import BatchChunk, BatchOrder
from infolens.contracts.dataset import BatchReport
from infolens.contracts.prediction import PredictResponse, Problem
from infolens.ingest.identity import upload_id_of
from infolens.usecases.batch import UNASKED, BatchPorts, assemble_batch, split_batch
from infolens.usecases.batch_chunk import ChunkPorts, ModelBusyError, answer_chunk, next_rows
from ingest_fakes import DATA, UPLOADS, DiedError, World

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
        self.seconds, self.seconds_per_row = 0.0, 0.0
        self._lock = threading.Lock()

    def __call__(self, task, request):
        """See Ask."""
        with self._lock:
            self.requests.append(request)
            self.seconds += self.seconds_per_row * len(request.inputs)
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


class Run:
    """One file on its way, a step at a time, in a world with one task `pets`."""

    def __init__(self, model: Model, key: str = "batch/pets/a.csv", data: bytes = PETS, **sizes) -> None:
        self.world, self.waits = World(), []
        arrival = self.world.put(key, data)
        self.order = BatchOrder(upload_id_of(arrival.source), arrival.task, arrival.source, arrival.version_id)
        self.ports = BatchPorts(self.world.store, DATA, self.world.schema_of, sizes.pop("rows_per_chunk", 256))
        self.chunk_ports = ChunkPorts(self.world.store, DATA, model, self.waits.append, lambda: model.seconds, **sizes)

    def chunks(self) -> list[BatchChunk]:
        """Chunks as the map reads them."""
        listed = self.world.store.objects[DATA, keys.batch_chunks(self.order.task, self.order.upload_id)]
        return [codec.from_dict(BatchChunk, item) for item in json.loads(listed)]

    def whole(self) -> BatchReport:
        """Walk all steps, as the state machine does."""
        if split_batch(self.order, self.ports).status == "split":
            chunks = self.chunks()
            if answer_chunk(chunks[0], self.chunk_ports).status == "answered":
                for chunk in chunks:
                    answer_chunk(chunk, self.chunk_ports)
            return assemble_batch(self.order, self.ports)
        return self.report()

    def report(self) -> BatchReport:
        """The report that lies in the bucket."""
        ((_, data),) = [
            (key, data) for (bucket, key), data in self.world.store.objects.items() if key.startswith("results/")
        ]
        return codec.from_json(BatchReport, data)

    def results(self) -> list[dict[str, str]]:
        """The results file."""
        data = self.world.store.objects[UPLOADS, keys.batch_results(self.order.source.key)]
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_every_row_comes_back():
    """Answers stand beside their rows, a row that cannot be asked has its reason in place, and the counts add up."""
    run = Run(Model())
    report = run.whole()
    assert (report.status, report.reason) == ("answered", "")
    assert (report.rows_in, report.rows_answered, report.rows_failed) == (3, 2, 1)
    assert report.failed_by_reason == {"text: is shorter than 3 characters": 1}
    assert report.model_versions == {"7": 2}
    assert report.results_key == "batch/pets/a.csv.results.csv"
    problem = "text: is shorter than 3 characters"
    assert run.results() == [
        {"id": "1", "text": "purrs", "label": "cat", "confidence": "0.75", "model_version": "7", "problem": ""},
        {"id": "2", "text": "x", "label": "", "confidence": "", "model_version": "", "problem": problem},
        {"id": "3", "text": "barks", "label": "cat", "confidence": "0.75", "model_version": "7", "problem": ""},
    ]
    assert run.report() == report


@pytest.mark.parametrize(("rows", "chunks", "calls"), [(4, 1, 2), (5, 2, 3), (8, 2, 4), (9, 3, 5)])
def test_rows_are_asked_in_chunks(rows, chunks, calls):
    """At most so many rows go into a chunk and an invocation, under ids that name the upload; order is kept."""
    model = Model()
    data = b"text\n" + b"".join(b"row %d\n" % number for number in range(rows))
    run = Run(model, data=data, rows_per_chunk=4, rows_per_call=2)
    run.whole()
    assert len(run.chunks()) == chunks
    assert len(model.requests) == calls
    assert len({request.request_id for request in model.requests}) == calls
    assert all(request.request_id.startswith(run.order.upload_id) for request in model.requests)
    assert max(len(request.inputs) for request in model.requests) <= 2
    assert [row["text"] for row in run.results()] == [f"row {number}" for number in range(rows)]


def test_long_rows_make_small_chunks():
    """A chunk is held in memory, so it ends early where rows are long; order and results stay."""
    data = b"id,text\n" + b"".join(b'%d,"%s s"\n' % (number, b"x" * 100_000) for number in range(100))
    run = Run(Model(), data=data)
    report = run.whole()
    assert (report.rows_in, report.rows_answered) == (100, 100)
    assert len(run.chunks()) == 3
    assert [row["id"] for row in run.results()] == [str(number) for number in range(100)]


def test_file_that_breaks_off_is_refused():
    """Whatever chunks were written before: nothing is asked, and the report has the reason."""
    data = gzip.compress(b"text\n" + random.Random(1).randbytes(400_000).hex(" ").replace(" ", "\n").encode())
    run = Run(Model(), "batch/pets/a.csv.gz", data[:-50], rows_per_chunk=1000)
    done = split_batch(run.order, run.ports)
    assert (done.status, run.report().status, run.report().rows_in) == ("refused", "refused", 0)
    assert "gzip packing is broken" in done.reason
    assert (DATA, keys.batch_chunks("pets", run.order.upload_id)) not in run.world.store.objects


def peak_of(step, run) -> int:
    """Bytes that a step holds at most, beside the objects that it wrote into the fake store."""
    before = sum(map(len, run.world.store.objects.values()))
    tracemalloc.start()
    step(run.order, run.ports)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - (sum(map(len, run.world.store.objects.values())) - before)


def test_memory_does_not_grow_with_the_file():
    """Splitting and assembling hold a few chunks, however many there are."""
    peaks = []
    for rows in (1_000, 4_000):
        run = Run(Model(), data=b"text\n" + b"purrs and purrs and purrs and purrs\n" * rows, rows_per_chunk=64)
        split = peak_of(split_batch, run)
        for chunk in run.chunks():
            answer_chunk(chunk, run.chunk_ports)
        peaks.append((split, peak_of(assemble_batch, run)))
        assert run.report().rows_answered == rows
    assert max(peaks[1]) < 6 << 20
    assert peaks[1][1] < 1.5 * peaks[0][1]


def test_answer_that_the_model_refuses():
    """An input that only the predict function finds wrong is listed with its words."""
    report = Run(Model(), data=b"text\npurrs\nodd\n").whole()
    assert (report.rows_answered, report.failed_by_reason) == (1, {"text: odd": 1})


def test_row_that_breaks_the_model():
    """The rows beside it are answered one by one; it alone is listed as failed."""
    model = Model()
    model.poison = "barks"
    run = Run(model, data=b"text\npurrs\nhowls\nbarks\nhisses\nhowl\n", rows_per_call=2)
    report = run.whole()
    assert (report.rows_in, report.rows_answered) == (5, 4)
    assert [row["problem"] for row in run.results()] == ["", "", "model version 7 failed", "", ""]


def test_no_model_live():
    """Before the first rollout a batch is refused with a reason; no results are made up and the file stays."""
    model = Model()
    model.live = False
    run = Run(model)
    report = run.whole()
    assert (report.status, report.rows_in, report.rows_answered, report.rows_failed) == ("refused", 3, 0, 3)
    assert report.reason.startswith("no model of pets is live yet")
    assert (UPLOADS, "batch/pets/a.csv.results.csv") not in run.world.store.objects
    assert run.world.store.objects[UPLOADS, "batch/pets/a.csv"] == PETS


def test_version_without_a_bundle_is_no_model():
    """An alias on a version that pins no bundle says 503, which is the same to an editor."""
    run = Run(Model())

    def unpinned(task, request):
        return PredictResponse(503, "$LATEST", "", "", "", (), Problem(503, "No model", "no model is pinned"))

    run.chunk_ports = replace(run.chunk_ports, ask=unpinned)
    assert run.whole().reason.startswith("no model of pets is live yet")


def test_model_that_answers_nothing():
    """A broken model is not asked for all rows: its first call decides for the chunk, its first chunk for the file."""
    model = Model()
    model.broken = True
    run = Run(model, data=b"text\n" + b"purrs\n" * 400, rows_per_chunk=40, rows_per_call=4)
    report = run.whole()
    assert (report.status, report.reason, report.rows_in) == ("refused", "model version 7 failed", 400)
    assert len(model.requests) == 5


def test_chunk_that_ended_without_answers():
    """Its rows are listed as not asked; the answers of the other chunks are given."""
    run = Run(Model(), data=b"text\npurrs\nbarks\nx\nhowls\n", rows_per_chunk=1)
    split_batch(run.order, run.ports)
    for chunk in run.chunks()[:3]:
        answer_chunk(chunk, run.chunk_ports)
    report = assemble_batch(run.order, run.ports)
    assert (report.status, report.rows_in, report.rows_answered, report.rows_failed) == ("answered", 4, 2, 2)
    assert [row["problem"] for row in run.results()] == ["", "", "text: is shorter than 3 characters", UNASKED]


@pytest.mark.parametrize(("refusals", "waits"), [(1, [1.0]), (5, [1.0, 2.0, 4.0, 8.0, 16.0])])
def test_throttled_model_is_asked_again(refusals, waits):
    """Used-up concurrency is waited for, longer each time."""
    model = Model()
    model.busy = refusals
    run = Run(model)
    assert run.whole().rows_answered == 2
    assert run.waits == waits


def test_model_throttled_for_too_long():
    """Then the step fails, so that the state machine tries it again later; nothing of the chunk was written."""
    model = Model()
    model.busy = 6
    run = Run(model)
    split_batch(run.order, run.ports)
    before = dict(run.world.store.objects)
    with pytest.raises(ModelBusyError, match="throttled for 31 s"):
        answer_chunk(run.chunks()[0], run.chunk_ports)
    assert run.world.store.objects == before


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
    run = Run(model, key, data)
    done = split_batch(run.order, run.ports)
    report = run.report()
    assert (done.status, done.task, done.reason) == ("refused", task, report.reason)
    assert (report.status, report.task, report.rows_in, report.results_key) == ("refused", task, 0, "")
    assert reason in report.reason
    assert run.world.store.objects[UPLOADS, key] == data
    assert model.requests == []


def test_deleted_file():
    """A file that is gone when its turn comes is reported."""
    run = Run(Model())
    del run.world.store.objects[UPLOADS, "batch/pets/a.csv"]
    assert "deleted before it could be read" in split_batch(run.order, run.ports).reason


def test_answers_of_a_chunk_are_given_once():
    """A chunk that is asked again, or twice at a time, keeps its first answers, even when another version serves."""
    model = Model()
    run = Run(model)
    split_batch(run.order, run.ports)
    (chunk,) = run.chunks()
    faster = []

    def ask(task, request):
        if not faster:
            faster.append(answer_chunk(chunk, run.chunk_ports))
            model.version = "8"
        return model(task, request)

    assert answer_chunk(chunk, replace(run.chunk_ports, ask=ask)) == faster[0]
    assert len(model.requests) == 2
    assert answer_chunk(chunk, run.chunk_ports) == faster[0]
    assert len(model.requests) == 2
    assert assemble_batch(run.order, run.ports).model_versions == {"7": 2}


@pytest.mark.parametrize("moment", ["die_at", "die_after"])
@pytest.mark.parametrize("live", [True, False])
def test_death_between_any_two_writes(moment, live):
    """Each step killed before or after each single write, and tried again: the same objects as undisturbed."""
    calm_model = Model()
    calm_model.live = live
    calm = Run(calm_model, rows_per_chunk=2)
    expected = calm.whole()
    assert calm.world.store.effects == (8 if live else 6)
    for effect in range(1, calm.world.store.effects + 1):
        model = Model()
        model.live = live
        run = Run(model, rows_per_chunk=2)
        setattr(run.world.store, moment, effect)
        with pytest.raises(DiedError):
            run.whole()
        run.world.store.die_at = run.world.store.die_after = 0
        assert run.whole() == expected
        assert run.world.store.objects == calm.world.store.objects


@pytest.mark.parametrize(
    ("seconds_per_row", "calls"),
    [
        (0.005, [4, 32, 32, 12]),  # a category: as many as one call may have
        (0.25, [4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4]),  # 2 s hold eight
        (0.9, [4, *([2] * 38)]),  # a summary: two, and none ever meets the time-out
        (5.0, [4, *([1] * 76)]),
    ],
)
def test_rows_of_a_call_follow_the_models_pace(seconds_per_row, calls):
    """The first call has four rows (S0-38); the next ones as many as two seconds hold, 32 at most."""
    model = Model()
    model.seconds_per_row = seconds_per_row
    run = Run(model, data=b"text\n" + b"".join(b"purrs %d\n" % at for at in range(80)))
    assert run.whole().rows_answered == 80
    assert [len(request.inputs) for request in model.requests] == calls


@pytest.mark.parametrize(
    ("rows", "seconds", "following"),
    [(4, 0.0, 32), (4, 0.25, 32), (4, 0.2501, 31), (4, 4.0, 2), (4, 4.0001, 1), (1, 19.0, 1)],
)
def test_next_rows(rows, seconds, following):
    """As many as fit two seconds, at least one and at most what a call may have."""
    assert next_rows(rows, seconds, 32) == following
