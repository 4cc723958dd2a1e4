"""Each gate refuses the fault that it is there for."""

from __future__ import annotations

import pytest

from infolens.contracts.evaluation import EvaluationReport, ParityReport, Quantisation
from infolens.gates import judge, refusals
from infolens.tasks.movie_recommendation.gates import GATES, PARITY

METRICS = {
    "hit_at_10": 0.22,
    "ndcg_at_10": 0.12,
    "hit_at_10_of_101": 0.76,
    "ndcg_at_10_of_101": 0.5,
    "gain_over_popularity": 0.085,
    "fallback_stated": 1.0,
    "repeats": 0.0,
}
GROUP = {
    "rows": 64.0,
    "ndcg_at_10": 0.13,
    "hit_at_10_of_101": 0.73,
    "gain_over_popularity": 0.1,
    "fallback_stated": 1.0,
}
SLICES = {
    "users=new": GROUP,
    "users=cold": GROUP,
    "users=known": GROUP | {"rows": 620.0},
    "cases=nothing_known": {"rows": 15.0, "fallback_stated": 1.0},
}


def refused(metrics=(), slices=(), flips=0.0, mean=1e-9):
    """Refusals of a good candidate with these changes."""
    changed = {name: values | dict(slices).get(name, {}) for name, values in SLICES.items()}
    report = EvaluationReport(
        "movie_recommendation",
        "r",
        "d",
        "b",
        750,
        METRICS | dict(metrics),
        changed,
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    parity = ParityReport("b", 100, mean, mean, flips)
    return refusals(judge(report, parity, GATES, PARITY, bundle_digest="b", champion_digest=""))


def test_a_good_candidate_passes():
    """What the cpu profile reaches on MovieLens 100K."""
    assert refused() == ()


@pytest.mark.parametrize(
    ("metrics", "slices", "named"),
    [
        ({"ndcg_at_10": 0.069}, {}, "ndcg_at_10"),
        (
            {"ndcg_at_10": 0.063, "hit_at_10_of_101": 0.54, "gain_over_popularity": 0.024},
            {},
            "hit_at_10_of_101",
        ),  # item-KNN
        ({"hit_at_10_of_101": 0.599}, {}, "hit_at_10_of_101"),
        ({"gain_over_popularity": 0.029}, {}, "gain_over_popularity"),
        ({"fallback_stated": 0.999}, {}, "fallback_stated"),
        ({"repeats": 0.001}, {}, "repeats"),
        ({}, {"users=new": {"ndcg_at_10": 0.049}}, "ndcg_at_10 on users=new"),
        ({}, {"users=new": {"hit_at_10_of_101": 0.549}}, "hit_at_10_of_101 on users=new"),
        ({}, {"users=new": {"rows": 14.0}}, "users=new"),
        ({}, {"users=cold": {"gain_over_popularity": -0.001}}, "gain_over_popularity on users=cold"),
        ({}, {"cases=nothing_known": {"fallback_stated": 0.93}}, "fallback_stated on cases=nothing_known"),
    ],
)
def test_a_fault_is_refused(metrics, slices, named):
    """Below a floor by the least bit, or too few users to say: the reason names gate and slice."""
    found = refused(metrics, slices)
    assert any(named in reason for reason in found), found


@pytest.mark.parametrize(
    ("metrics", "slices"),
    [
        ({"ndcg_at_10": 0.07}, {}),
        ({"hit_at_10_of_101": 0.60}, {}),
        ({"gain_over_popularity": 0.03}, {}),
        ({}, {"users=new": {"ndcg_at_10": 0.05, "hit_at_10_of_101": 0.55, "rows": 15.0}}),
        ({}, {"users=cold": {"gain_over_popularity": 0.0}}),
    ],
)
def test_the_limits_themselves_pass(metrics, slices):
    """A floor is reached, not passed."""
    assert refused(metrics, slices) == ()


def test_an_export_that_answers_otherwise_is_refused():
    """Mixed-up layers, or another best movie for two of a hundred."""
    assert any("mean difference" in reason for reason in refused(mean=1e-4))
    assert any("label flips" in reason for reason in refused(flips=0.02))
    assert refused(flips=0.01) == ()


def test_every_gate_says_where_its_number_comes_from():
    """And none compares a slice with the champion, which would measure everything hundreds of times."""
    assert all(len(gate.why) > 20 for gate in GATES)
    assert all(gate.max_loss is None for gate in GATES if gate.slice)
