"""Tests of the plans that tasks have: each can be followed, and a healthy candidate can pass it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infolens.contracts.rollout import Action, Labels, Pairs
from infolens.rollout.decision import decide
from infolens.rollout.plan import checked, parse_plan
from infolens.tasks import part_of, task_names
from rollout_fakes import alias, arm, look, record

ANSWERS = {"a": 0.2, "b": 0.3, "c": 0.5}
SIMULATED = Path(__file__).parents[3] / "infra" / "benchmarks" / "rollouts" / "plan.json"


def spread(requests):
    """Answers in fixed shares."""
    return {name: round(share * requests) for name, share in ANSWERS.items()}


@pytest.mark.parametrize("task", task_names())
def test_a_healthy_candidate_leaves_the_shadow_on_what_the_plan_asks_for(task):
    """Versions that agree on nearly everything, at the fewest pairs, are proved equal enough."""
    plan = checked(part_of(task, "plan").PLAN)
    pairs = plan.shadow.min_pairs
    few = pairs // 1000
    seen = look(
        record=record(plan=plan, step=-1),
        alias=alias("1", "", 0),
        champion=arm("1", pairs, few, 50.0),
        candidate=arm("2", pairs, few, 50.0),
        pairs=Pairs(pairs, pairs, few, few, few, few, pairs, pairs // 4, pairs // 4, {"a": few}, {"b": few}),
        labels=Labels({-100: pairs // 20, 0: pairs - 2 * (pairs // 20), 100: pairs // 20}, 2 * pairs),
    )

    assert decide(seen).action is Action.ADVANCE


@pytest.mark.parametrize("task", task_names())
def test_a_healthy_candidate_passes_each_step_on_what_the_plan_asks_for(task):
    """Without a fault, at the fewest requests and the first weight, every guardrail can be proved."""
    plan = part_of(task, "plan").PLAN
    requests = plan.min_requests
    seen = look(
        record=record(plan=plan),
        champion=arm("1", 4 * requests, 0, 50.0, nulls=0, answers=spread(4 * requests)),
        candidate=arm("2", requests, 0, 50.0, nulls=0, answers=spread(requests)),
        labels=Labels({0: 100}, 6000),
    )

    assert decide(seen).action is Action.ADVANCE


@pytest.mark.parametrize("task", task_names())
def test_a_candidate_that_answers_nothing_never_meets_a_user(task):
    """Null answers with good status codes: taken back in the shadow, on ten pairs."""
    plan = part_of(task, "plan").PLAN
    silent = Pairs(30, 0, 0, 0, 30, 0, 30, 0, 0, {}, {})
    seen = look(
        record=record(plan=plan, step=-1),
        alias=alias("1", "", 0),
        champion=arm("1", 30),
        candidate=arm("2", 30),
        pairs=silent,
        labels=Labels({}, 30),
    )

    assert decide(seen).action is Action.ROLL_BACK
    assert decide(replace(seen, candidate=arm("2", 0))).weight == 0


def test_what_was_simulated_is_what_is_rolled_out():
    """The figures of the benchmark are those of news_category's own plan."""
    assert parse_plan(json.loads(SIMULATED.read_text())) == part_of("news_category", "plan").PLAN
