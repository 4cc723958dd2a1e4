"""Each gate of crash_risk refuses its planted fault, and a sound candidate passes them all."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from infolens.contracts.evaluation import EvaluationReport, ParityReport, Quantisation
from infolens.gates import judge, refusals
from infolens.tasks.crash_risk.gates import GATES, PARITY

METRICS = {"macro_f1_over_seasonal": 0.09, "macro_f1": 0.44, "roc_auc": 0.79, "within_one": 0.92}
ON_SLICE = {"roc_auc": 0.75, "within_one": 0.90, "rows": 80.0}
SLICES = ("borough=QUEENS", "hours=00-06", "day=spike", "cases=busy_weeks", "cases=holiday")


def verdict(metrics=(), slices=(), rows=1_000, parity=0.0):
    """The verdict on a sound candidate with some figures changed."""
    found = {name: {**ON_SLICE} for name in SLICES}
    for name, values in dict(slices).items():
        found[name] = found[name] | values
    report = EvaluationReport(
        "crash_risk",
        "run",
        "data",
        "digest",
        rows,
        METRICS | dict(metrics),
        found,
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    return judge(
        report,
        ParityReport("digest", 300, parity, parity, 0.0),
        GATES,
        PARITY,
        bundle_digest="digest",
        champion_digest="",
    )


def test_a_sound_candidate():
    """The figures of the public files pass."""
    assert refusals(verdict()) == ()


@pytest.mark.parametrize("gate", [gate for gate in GATES if not gate.slice], ids=lambda gate: gate.metric)
def test_floors(gate):
    """The floor passes, and what is just below it is refused, by this gate alone."""
    assert verdict({gate.metric: gate.limit}).passed or gate.metric in {"roc_auc", "within_one"}
    refused = refusals(verdict({gate.metric: gate.limit - 0.001}))
    assert any(reason.startswith(f"{gate.metric}:") and "floor" in reason for reason in refused)


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate.slice], ids=lambda gate: f"{gate.metric} {gate.slice}")
def test_slices(gate):
    """A slice below its floor is refused by name, and so is a report without any such slice with rows enough."""
    name = next(name for name in SLICES if fnmatchcase(name, gate.slice))
    assert any(name in reason for reason in refusals(verdict(slices={name: {gate.metric: gate.limit - 0.001}})))
    few = {name: {"rows": float(gate.min_rows - 1)} for name in SLICES if fnmatchcase(name, gate.slice)}
    assert not verdict(slices=few).passed


def test_gap():
    """A borough far behind the whole is refused though it is above its floor."""
    assert verdict({"roc_auc": 0.90}, {"borough=QUEENS": {"roc_auc": 0.60}}).passed
    assert not verdict({"roc_auc": 0.90}, {"borough=QUEENS": {"roc_auc": 0.59}}).passed


def test_too_few_examples():
    """200 held-out examples are evidence, 199 are none."""
    assert verdict(rows=200).passed
    assert not verdict(rows=199).passed


def test_parity():
    """An exported model that differs from the trained one is refused."""
    assert verdict(parity=0.001).passed
    assert not verdict(parity=0.0011).passed
