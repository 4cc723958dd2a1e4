"""What the load benchmark reports is what its users saw, failures told apart, throttles among them."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "infra" / "benchmarks" / "load"))

from load_figures import Figures, figures_of, kind_of, percentile, table
from shapes import SHAPES

GATE = SHAPES["S1 gate"]
GOOD = Figures(50, 600, 600, 30.0, 20.0, 500.0, 600.0, {})


def test_shapes_are_those_of_the_requirements():
    """S1-16: 50 users for 30 s in a closed loop. S0-40: 20 users, 1 and 5."""
    assert (GATE.steps, GATE.seconds, GATE.pace) == ((50,), 30.0, 0.0)
    for name, rate in (("baseline", 1.0), ("burst", 5.0)):
        shape = SHAPES[name]
        assert (shape.steps, shape.arrivals, 1 / shape.pace) == ((20,), rate, rate)
    assert max(SHAPES["stress"].steps) == 50


def test_users_over_time():
    """A shape says how many users it wants at each second, and when it is over."""
    stress = SHAPES["stress"]
    assert [stress.at(second) for second in (0.0, 3.9, 4.0, 19.9, 20.0)] == [
        (10, 10.0),
        (10, 10.0),
        (20, 10.0),
        (50, 10.0),
        None,
    ]


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (200, True, ""),
        (200, False, "wrong answers"),
        (429, False, "throttled"),
        (0, False, "no connection"),
        (502, False, "status 502"),
        (403, False, "status 403"),
    ],
)
def test_kinds(status, answer, kind):
    """A throttle is told from a fault, and a good status with a bad body from an answer."""
    assert kind_of(status, answer) == kind


def test_figures():
    """Rates are of answers, percentiles of answers alone, and time goes to the last reply."""
    lines = [(float(at), 100.0 + at, 200, True) for at in range(20)]
    lines += [(3.0, 1.0, 429, False), (4.0, 2.0, 500, False), (5.0, 5000.0, 200, False)]
    found = figures_of(lines, GATE, emulator_seconds=0.23)
    assert (found.users, found.requests, found.answered) == (50, 23, 20)
    assert found.seconds == pytest.approx(19.119)
    assert (found.p50_ms, found.p95_ms, found.p99_ms) == (109.0, 118.0, 119.0)
    assert found.failures == {"status 500": 1, "throttled": 1, "wrong answers": 1}
    assert found.per_second == pytest.approx(20 / 19.119)
    assert found.emulator_ms == pytest.approx(10.0)


def test_nothing_asked():
    """No request is no rate, no share and no pass."""
    found = figures_of([], GATE)
    assert (found.per_second, found.success, found.p95_ms, found.holds_gate) == (0.0, 0.0, 0.0, False)
    assert percentile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"p95_ms": 500.1}, False),
        ({"seconds": 30.1}, False),
        ({"requests": 606, "answered": 600}, True),
        ({"requests": 607, "answered": 600}, False),
    ],
)
def test_gate(changes, holds):
    """S1: P95 at most 0.5 s, at least 20 answers a second, at least 99 % answered; the limits themselves pass."""
    assert replace(GOOD, **changes).holds_gate is holds


def test_table():
    """Every figure stands in its line."""
    text = table([("whole path, S1 gate", replace(GOOD, failures={"throttled": 3}, emulator_ms=7.25))])
    assert text.splitlines()[-1] == (
        "| whole path, S1 gate | 50 | 600 | 20.0 | 20 | 500 | 600 | 100.00% | 3 throttled | 7.2 | holds |"
    )
    assert table([("whole path, baseline", replace(GOOD, paced=True))]).endswith("| none | 0.0 | - |")
    assert figures_of([], SHAPES["baseline"]).paced
