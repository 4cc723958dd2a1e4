"""Many users ask the version itself; cold, refused and foreign answers are told apart, and only slowness repeated."""

import json
import threading
from dataclasses import replace

import pytest

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.aws.predictions import NoModelLiveError
from infolens.contracts.load import Failures, Latency, LoadGate, LoadReport
from infolens.contracts.prediction import PredictResponse
from infolens.usecases.load_test import Asked, Load, Ports, Version, latency_of, put_under_load, summed
from serving_fakes import ANSWERED, FakeObjects, FakeRegistry, FakeSchema
from training_fakes import CHAMPION

GATE = LoadGate(max_p95_ms=500.0, why="planted", min_requests=10)
DIGEST = "d" * 64
VERSION = Version("news_category", "run-1", "4", DIGEST)
ROWS = [{"text": "a goal in the last minute", "label": "3"}, {"text": "x"}, {"text": "the senate met", "label": "1"}]
COLD = replace(ANSWERED, cold=True)
FAULT = replace(ANSWERED, status=500, answers=())


class Service:
    """A version that answers as planted, and a clock that moves only while it does."""

    def __init__(self, *planted, seconds=0.125, default=ANSWERED):
        self.planted = list(planted)
        self.seconds = seconds
        self.default = default
        self.now = 100.0
        self.asked = []
        self.paused = []

    def invoke(self, task, request, qualifier="live"):
        """See Predictions."""
        self.asked.append((task, request, qualifier))
        seconds = self.seconds(len(self.asked)) if callable(self.seconds) else self.seconds
        self.now += seconds
        answer = self.planted.pop(0) if self.planted else self.default
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pause(self, seconds):
        """A user waits."""
        self.paused.append(seconds)
        self.now += seconds


class Bench:
    """A run whose version is registered, and a load test of it."""

    def __init__(self, service, inputs=ROWS):
        self.service = service
        self.objects = FakeObjects()
        self.objects.data["models", "runs/news_category/run-1/export/reference.json"] = json.dumps(
            {"inputs": inputs, "scores": []}
        ).encode()
        self.registry = FakeRegistry(CHAMPION)

    def test(self, users=1, seconds=2.0, gate=GATE):
        """Test the version."""
        ports = Ports(
            self.objects,
            self.registry,
            self.service,
            FakeSchema(),
            "models",
            clock=lambda: self.service.now,
            pause=self.service.pause,
        )
        return put_under_load(VERSION, Load(users, seconds), gate, ports)

    @property
    def report(self):
        """What lies in the run's folder."""
        return codec.from_json(LoadReport, self.objects.data["models", "runs/news_category/run-1/load.json"])


def test_good_version():
    """It passes with its figures; the report lies beside the run's others, and the registry knows."""
    bench = Bench(Service(COLD))
    tested = bench.test()
    assert tested.passed
    assert tested.reason == (
        "load success: 18 of 18 requests answered, at least 99.0% needed: no failure; "
        "load requests: 16 warm answers, 0 cold ones apart; "
        "load p95: 125 ms, at most 500 ms, 1 users for 2.0 s, n=16, best of 1; "
        "load rate: 8.0 answers a second, at least 2.0 needed, 1 users for 2.0 s, n=16, best of 1"
    )
    report = bench.report
    assert (report.task, report.run_id, report.version, report.bundle_digest) == ("news_category", "run-1", "4", DIGEST)
    assert (report.users, report.window_seconds, len(report.windows)) == (1, 2.0, 1)
    assert (report.warm_up.requests, report.warm_up.cold.count, report.warm_up.warm.count) == (2, 1, 1)
    record = bench.registry.get("news_category", "4")
    assert (record.load_passed, record.refusals) == (True, ())
    assert replace(record, load_passed=None, load_reasons=()) == CHAMPION


def test_asks_the_version_itself_and_as_nobody():
    """Every question goes to the number of the version, as a load test and under an id that can bear no label."""
    bench = Bench(Service())
    bench.test()
    assert {(task, qualifier) for task, _, qualifier in bench.service.asked} == {("news_category", "4")}
    requests = [request for _, request, _ in bench.service.asked]
    assert {request.purpose for request in requests} == {"load"}
    assert not any(request.request_id.isdecimal() for request in requests)
    assert len({request.request_id for request in requests}) == len(requests)


def test_asks_held_out_rows_in_turn():
    """The questions are those rows that a user could ask, without their labels."""
    bench = Bench(Service())
    bench.test()
    asked = [request.inputs for _, request, _ in bench.service.asked]
    assert asked[:3] == [({"text": "a goal in the last minute"},), ({"text": "the senate met"},), asked[0]]


def test_slow_version():
    """It is measured three times, and refused with its best p95; the registry keeps the reason."""
    bench = Bench(Service(seconds=0.625))
    tested = bench.test(seconds=6.25)
    assert not tested.passed
    assert tested.reason == (
        "load p95: 625 ms, at most 500 ms, 1 users for 6.2 s, n=10, best of 3; "
        "load rate: 1.6 answers a second, at least 2.0 needed, 1 users for 6.2 s, n=10, best of 3"
    )
    assert len(bench.report.windows) == 3
    assert bench.registry.get("news_category", "4").refusals == (
        "version 4 did not pass its load test",
        *tested.reason.split("; "),
    )


def test_noise_is_forgiven():
    """A window that something else disturbed is measured again, and the better one counts."""
    bench = Bench(Service(seconds=lambda count: 0.75 if count <= 11 else 0.125))
    tested = bench.test(seconds=6.0)
    assert tested.passed
    assert [window.warm.p95_ms > 500 for window in bench.report.windows] == [True, False]


def test_failures_are_not_forgiven():
    """A window in which requests fail is not repeated: noise makes nothing fail."""
    bench = Bench(Service(ANSWERED, *[FAULT, ANSWERED] * 5))
    tested = bench.test()
    assert not tested.passed
    assert tested.reason == "load success: 12 of 17 requests answered, at least 99.0% needed: 5 server errors"
    assert len(bench.report.windows) == 1


def test_slow_start_of_the_evidence():
    """A window waits for the least number of answers, to twice its length and no longer."""
    bench = Bench(Service(seconds=0.25))
    assert bench.test(seconds=2.0).passed
    assert bench.report.windows[0].warm.count == 10
    assert bench.report.windows[0].seconds == 2.5
    bench = Bench(Service(seconds=0.5))
    tested = bench.test(seconds=2.0)
    assert tested.reason == "load requests: 8 warm answers; at least 10 in one window are needed as evidence"
    assert [window.seconds for window in bench.report.windows] == [4.0] * 3


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (PredictResponse(429, "", "", "", "", ()), "throttled"),
        (PredictResponse(502, "4", "", "", "", ()), "function_errors"),
        (PredictResponse(504, "4", "", "", "", ()), "timed_out"),
        (FAULT, "server_errors"),
        (replace(ANSWERED, status=503, answers=()), "server_errors"),
        (replace(ANSWERED, status=400, answers=()), "refused"),
        (replace(ANSWERED, answers=({"problem": {"status": 422}},)), "refused"),
        (replace(ANSWERED, answers=()), "wrong_answers"),
        (replace(ANSWERED, answers=ANSWERED.answers * 2), "wrong_answers"),
        (replace(ANSWERED, model_version="5"), "wrong_version"),
        (replace(ANSWERED, bundle_digest="e" * 64), "wrong_version"),
    ],
)
def test_failures_are_told_apart(response, kind):
    """Each way of not answering is counted under its own name, and refuses by itself."""
    bench = Bench(Service(ANSWERED, default=response))
    assert not bench.test().passed
    failures = bench.report.windows[0].failures
    assert failures == Failures(**{kind: failures.total})
    assert failures.total > 0
    assert bench.report.windows[0].answered == 0
    assert bool(bench.service.paused) is (kind == "throttled")


def test_version_that_never_answers():
    """Nobody waits for a window when the warm-up has shown that there are no answers."""
    bench = Bench(Service(default=FAULT))
    tested = bench.test()
    assert tested.reason == (
        "load success: 0 of 5 requests answered, at least 99.0% needed: 5 server errors; "
        "load requests: 0 warm answers; at least 10 in one window are needed as evidence"
    )
    assert bench.report.windows == ()


@pytest.mark.parametrize("inputs", [[], [{"text": "x"}]], ids=["none", "none that a user could ask"])
def test_nothing_to_ask(inputs):
    """No request is no success."""
    bench = Bench(Service(), inputs)
    tested = bench.test()
    assert not tested.passed
    assert "load success: 0 of 0 requests answered" in tested.reason
    assert bench.service.asked == []


def test_no_reference():
    """A run without held-out rows is the export's failure, and raised."""
    bench = Bench(Service())
    bench.objects.data.clear()
    with pytest.raises(ObjectMissingError):
        bench.test()


def test_no_such_version():
    """A version that is not there cannot be measured; nothing is written that could look like an outcome."""
    bench = Bench(Service(default=NoModelLiveError("gone")))
    with pytest.raises(NoModelLiveError):
        bench.test()
    assert bench.objects.log == []
    assert bench.registry.get("news_category", "4") == CHAMPION


def test_unregistered_version():
    """A version without a record is measured all the same."""
    bench = Bench(Service())
    bench.registry.records.clear()
    assert bench.test().passed
    assert bench.registry.records == {}


def test_users_ask_at_once():
    """No question is answered before as many are under way as there are users: they do not take turns."""
    together = threading.Barrier(4, timeout=20)

    class Together(Service):
        """Answers only when all users wait for an answer."""

        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            if len(self.asked) < 4:
                self.asked.append((task, request, qualifier))
                together.wait()
            return super().invoke(task, request, qualifier)

    bench = Bench(Together(seconds=0.01))
    assert bench.test(users=4, seconds=1.0, gate=replace(GATE, min_requests_per_second=1.0)).passed
    assert bench.report.warm_up.requests == 4


def test_percentiles_are_times_that_were_seen():
    """Nearest ranks: of a hundred answers the 50th, the 95th and the 99th; of none nothing."""
    hundred = [number / 1000 for number in range(100, 0, -1)]
    assert latency_of(hundred) == Latency(100, 50.0, 95.0, 99.0)
    assert latency_of([0.2]) == Latency(1, 200.0, 200.0, 200.0)
    assert latency_of([]) == Latency(0, 0.0, 0.0, 0.0)


def test_cold_and_failed_answers_are_not_in_the_latency():
    """A start of an environment and a quick failure both would say nothing of how long users wait."""
    seen = [Asked(0.1, 1.0), Asked(3.0, 3.0, cold=True), Asked(0.001, 4.0, "server_errors")]
    window = summed(seen, 4.0)
    assert (window.warm.count, window.warm.p99_ms) == (1, 100.0)
    assert (window.cold.count, window.cold.p99_ms) == (1, 3000.0)
    assert (window.requests, window.answered, window.per_second) == (3, 2, 0.5)
    assert window.failures == Failures(server_errors=1)
