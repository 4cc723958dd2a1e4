"""Observations of single requests become the counts that a rollout is decided on."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.codec import from_dict, to_dict
from infolens.contracts.observation import SHADOW
from infolens.contracts.rollout import KeyedSides, Shadow
from infolens.joining import join
from infolens.rollout.evidence import Evidence
from infolens.usecases.observed_evidence import MOST_ANSWERS, MOST_EXAMPLES, OTHER, dice, observed
from observation_fakes import FEEDBACK, POLITICS, SPORTS, candidate, champion, label
from rollout_fakes import GUARDRAILS, PLAN, START, arm, look, record

SHADOWED = replace(PLAN, shadow=Shadow(min_pairs=100, max_seconds=600))
RECORD = record(plan=SHADOWED, step=-1)
BEFORE = "2026-03-01T11:00:00.000000+00:00"
LATER = "2026-03-01T12:30:00.000000+00:00"
FAULT = {"status": 500, "answer": None}
OUTCOMES = st.sampled_from([{}, FAULT, {"answer": SPORTS}, {"null": True}, {"cold": True}])


def joined(number=7, one=None, two=None, told=None):
    """One request: what the champion and the candidate did (None: nothing), and the label."""
    answers = []
    if one is not None:
        answers.append(champion(prediction_id=str(number), **one))
    if two is not None:
        answers.append(candidate(prediction_id=str(number), **two))
    labels = [label(told, prediction_id=str(number))] if told else []
    (made,) = join(answers, labels, FEEDBACK)
    return made


def seen(*requests, rollout=RECORD, counted=None):
    """What these requests say; CloudWatch counted as many of each version as there are."""
    return observed(arm("1", counted or len(requests)), arm("2", counted or len(requests)), rollout, requests)


def test_nothing_observed_says_nothing():
    """Arms stay as CloudWatch counted them; there are no pairs yet."""
    found = seen(counted=5)
    assert (found.champion, found.candidate) == (arm("1", 5), arm("2", 5))
    assert (found.pairs.pairs, found.pairs.agree, found.labels.pairs) == (0, 0, 0)
    assert found.candidate.nulls is None


def test_pairs_are_counted():
    """Agreement, faults and null answers of one version alone."""
    found = seen(
        joined(1, {}, {}),
        joined(2, {}, {"answer": SPORTS}),
        joined(3, {}, FAULT),
        joined(4, FAULT, {}),
        joined(5, FAULT, FAULT),
        joined(6, {}, {"null": True, "answer": {}}),
        joined(7, {"null": True}, {}),
        joined(8, {}, None),
        joined(9, None, {}),
    ).pairs
    assert (found.pairs, found.agree) == (7, 2)
    assert (found.only_candidate_failed, found.only_champion_failed) == (1, 1)
    assert (found.only_candidate_null, found.only_champion_null) == (1, 1)
    assert (found.gained, found.lost) == ({"Sports": 1}, {"Politics": 1})
    assert [example.prediction_id for example in found.examples] == ["2", "6"]
    assert '"Sports"' in found.examples[0].candidate


def test_two_answers_to_users_are_no_pair():
    """Under one id two users may have asked two things; only a copy is the same question."""
    assert seen(joined(1, {}, {"purpose": ""})).pairs.pairs == 0
    assert seen(joined(1, {"purpose": SHADOW}, {"purpose": ""})).pairs.pairs == 1


@pytest.mark.parametrize(("milliseconds", "slower"), [(30.0, 0), (30.1, 1)])
def test_slower_is_beyond_the_accepted_ratio(milliseconds, slower):
    """20 ms times 1.5 is still accepted."""
    found = seen(joined(1, {"milliseconds": 20.0}, {"milliseconds": milliseconds})).pairs
    assert (found.timed, found.slower) == (1, slower)


def test_cold_and_failed_answers_are_not_timed():
    """Starting takes longer, and failing may be quick."""
    assert seen(joined(1, {"cold": True}, {}), joined(2, {}, {"cold": True}), joined(3, {}, FAULT)).pairs.timed == 0


@pytest.mark.parametrize(("gb", "costlier"), [(2.5, 0), (2.6, 1)])
def test_cost_is_time_and_memory(gb, costlier):
    """The same time in more memory costs more; without a limit in the plan nothing is counted."""
    limited = replace(RECORD, plan=replace(SHADOWED, guardrails=replace(GUARDRAILS, max_cost_ratio=1.25)))
    request = joined(1, {}, {"gb": gb})
    assert seen(request, rollout=limited).pairs.costlier == costlier
    assert seen(request).pairs.costlier is None


def test_arms_get_what_cloudwatch_does_not_know():
    """Null answers, answers by kind, slow ones among the warm, cost, and labels."""
    found = seen(
        joined(1, {}, {"milliseconds": 401.0}, "Politics"),
        joined(2, {}, {"milliseconds": 400.0, "answer": SPORTS}, "Politics"),
        joined(3, {}, {"milliseconds": 900.0, "cold": True}),
        joined(4, {}, {"null": True, "answer": {}}),
    ).candidate
    assert (found.warm, found.slow, found.nulls) == (3, 1, 1)
    assert found.answers == {"Politics": 2, "Sports": 1}
    assert found.gb_ms == 2.0 * (401 + 400 + 900 + 20)
    assert (found.labelled, found.right) == (2, 1)


@pytest.mark.parametrize(("counted", "nulls"), [(10, 0), (11, None)])
def test_nulls_are_told_where_nearly_all_were_observed(counted, nulls):
    """Nine of ten are enough; fewer would make null answers look rarer than they are."""
    assert seen(*(joined(n, {}, {}) for n in range(9)), counted=counted).candidate.nulls == nulls


def test_a_step_counts_its_own_requests_and_the_rollout_its_labels():
    """What was seen before the step began is no evidence in it, but labels of it are."""
    old, new = joined(1, {"at": BEFORE}, {}, "Politics"), joined(2, {"at": LATER}, {"at": LATER}, "Politics")
    found = seen(old, new)
    assert (found.pairs.pairs, found.candidate.labelled) == (1, 1)
    assert (found.labels.pairs, found.labels.differences) == (2, {0: 2})
    at_the_start = joined(3, {"at": START}, {"at": LATER})
    assert seen(at_the_start).pairs.pairs == 1


def test_differences_of_scores():
    """Candidate right and champion wrong is +1; a pair that failed, or has no label, has none."""
    found = seen(
        joined(1, {"answer": SPORTS}, {}, "Politics"),
        joined(2, {}, {"answer": SPORTS}, "Politics"),
        joined(3, {}, {}, "Sports"),
        joined(4, {}, {}),
        joined(5, {}, FAULT, "Politics"),
    ).labels
    assert (found.differences, found.pairs) == ({-100: 1, 0: 1, 100: 1}, 5)


def test_a_plan_without_a_shadow_has_no_pairs():
    """Arms are told apart all the same."""
    found = seen(joined(1, {}, None), joined(2, None, {"purpose": ""}), rollout=record())
    assert (found.pairs, found.labels) == (None, None)
    assert found.champion.answers == {"Politics": 1}


def test_after_the_shadow_there_are_labels_of_its_pairs():
    """A label that comes three steps later says as much about the answer in the shadow."""
    later = replace(RECORD, step=0, step_started_at=LATER)
    found = seen(joined(1, {}, {"answer": SPORTS}, "Politics"), rollout=later, counted=5)
    assert found.pairs is None
    assert (found.labels.pairs, found.labels.differences) == (1, {-100: 1})


def test_rare_answers_are_put_together():
    """Twenty are told apart, by both versions' counts; the rest is one."""

    class AnyKind:
        """A task with as many answers as it likes."""

        score, agree, null = FEEDBACK.score, FEEDBACK.agree, FEEDBACK.null

        @staticmethod
        def kind(answer):
            """See Feedback."""
            return str(answer.get("label"))

    requests = []
    for number in range(MOST_ANSWERS + 2):
        answer = POLITICS | {"label": f"{number:02d}"}
        both = [f(prediction_id=str(number), answer=answer) for f in (champion, candidate)]
        requests += join(both, [], AnyKind)
    found = seen(*requests)
    assert len(found.candidate.answers) == MOST_ANSWERS + 1
    assert found.candidate.answers[OTHER] == 2
    assert found.pairs.gained == {}


def test_examples_are_few():
    """A page can be read."""
    assert len(seen(*(joined(n, {}, {"answer": SPORTS}) for n in range(MOST_EXAMPLES + 5))).pairs.examples) == (
        MOST_EXAMPLES
    )


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES)))
def test_counts_hold_together(outcomes):
    """Parts never exceed the whole, the order does not matter, and a look survives the state machine's JSON."""
    requests = [joined(n, one, two) for n, (one, two) in enumerate(outcomes)]
    found, again = seen(*requests, counted=100), seen(*reversed(requests), counted=100)
    assert found == again
    pairs = found.pairs
    assert pairs.agree + pairs.only_candidate_failed + pairs.only_champion_failed <= pairs.pairs == len(requests)
    assert pairs.slower <= pairs.timed <= pairs.pairs
    evidence = look(record=RECORD, champion=found.champion, candidate=found.candidate, pairs=pairs, labels=found.labels)
    assert from_dict(Evidence, json.loads(json.dumps(to_dict(evidence)))) == evidence


def test_dice_are_fair_and_fixed():
    """The same prediction always throws the same; over many the mean is one half."""
    throws = [dice(str(n)) for n in range(2000)]
    assert throws[0] == dice("0")
    assert all(0.0 <= throw < 1.0 for throw in throws)
    assert abs(sum(throws) / len(throws) - 0.5) < 0.02


def test_users_are_counted_once_on_their_sides():
    """Buckets, not requests; copies and requests without a key are nobody's side."""
    requests = [
        joined(1, {"bucket": 5}, None),
        joined(2, {"bucket": 5}, None),
        joined(3, {"bucket": 6}, {"bucket": 6}),
        joined(4, None, {"bucket": 7, "purpose": ""}),
        joined(5, None, {"bucket": 6, "purpose": ""}),
        joined(6, {}, None),
    ]
    kept = record(plan=replace(PLAN, sticky=True))
    assert seen(*requests, rollout=kept).sides == KeyedSides(champion=2, candidate=2, both=1)
    assert seen(*requests).sides is None
