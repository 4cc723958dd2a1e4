"""Users of a failing canary get the champion's answer, and nobody asks twice without a reason."""

from dataclasses import replace

import pytest

from infolens.aws.predictions import NoModelLiveError, failed
from infolens.contracts.prediction import PredictRequest
from infolens.contracts.rollout import AliasState
from infolens.usecases.prediction import Outcome, predict
from serving_fakes import FakeAlias, FakePredictions, answered_by

REQUEST = PredictRequest("7", ({"text": "A text."},))
CANARY = AliasState(champion="4", candidate="5", weight=20, revision_id="r")
ALONE = AliasState(champion="4", candidate="", weight=0, revision_id="r")


def ask(predictions, alias) -> Outcome:
    """Ask for a prediction."""
    return predict("news_category", "infolens-predict-news_category", REQUEST, predictions, alias)


def test_good_answer_costs_one_call():
    """A good answer needs no look at the alias."""
    predictions, alias = FakePredictions({"live": answered_by("5")}), FakeAlias(CANARY)
    assert ask(predictions, alias) == Outcome(answered_by("5"))
    assert predictions.asked == [("news_category", REQUEST, "live")]
    assert alias.reads == []


@pytest.mark.parametrize("status", [502, 504])
def test_fault_of_the_canary(status):
    """A canary that fails or times out is covered by the champion's own version."""
    predictions = FakePredictions({"live": failed(status, "5", "it failed"), "4": answered_by("4")})
    assert ask(predictions, FakeAlias(CANARY)) == Outcome(answered_by("4"), fallback=True)
    assert [qualifier for _, _, qualifier in predictions.asked] == ["live", "4"]


def test_handled_fault_of_the_canary():
    """A handled 5xx counts like any other."""
    handled = replace(answered_by("5"), status=500, answers=())
    predictions = FakePredictions({"live": handled, "4": answered_by("4")})
    assert ask(predictions, FakeAlias(CANARY)).fallback


@pytest.mark.parametrize("status", [200, 400, 422, 429, 499])
def test_refused_requests_are_no_faults(status):
    """Below 500 the caller is to blame, and the champion would say the same."""
    predictions, alias = FakePredictions({"live": replace(answered_by("5"), status=status)}), FakeAlias(CANARY)
    assert not ask(predictions, alias).fallback
    assert len(predictions.asked) == 1


def test_fault_of_the_champion():
    """Nobody can stand in for the champion."""
    fault = failed(502, "4", "it failed")
    predictions = FakePredictions({"live": fault, "4": answered_by("4")})
    assert ask(predictions, FakeAlias(CANARY)) == Outcome(fault)
    assert len(predictions.asked) == 1


def test_fault_of_a_canary_that_was_taken_back_meanwhile():
    """Between the fault and the look the alarm took the canary back: the champion still covers its last fault."""
    predictions = FakePredictions({"live": failed(502, "5", "it failed"), "4": answered_by("4")})
    assert ask(predictions, FakeAlias(ALONE)).fallback


def test_time_out_on_our_side():
    """Without knowing who hung, a running rollout is reason enough to ask the champion."""
    predictions = FakePredictions({"live": failed(504, "", "no answer in time"), "4": answered_by("4")})
    assert ask(predictions, FakeAlias(CANARY)).fallback


def test_time_out_on_our_side_without_a_rollout():
    """With the champion alone behind the alias it was the champion; asking again only doubles the wait."""
    predictions = FakePredictions({"live": failed(504, "", "no answer in time"), "4": answered_by("4")})
    assert not ask(predictions, FakeAlias(ALONE)).fallback


def test_champion_fails_too():
    """The champion is asked once; its fault is the answer then."""
    predictions = FakePredictions({"live": failed(502, "5", "a"), "4": failed(502, "4", "b")})
    assert ask(predictions, FakeAlias(CANARY)) == Outcome(failed(502, "4", "b"), fallback=True)
    assert len(predictions.asked) == 2


@pytest.mark.parametrize("state", [None, CANARY])
def test_champion_is_gone(state):
    """When there is no alias any more, or its version was deleted, the first fault is the answer."""
    fault = failed(502, "5", "a")
    assert ask(FakePredictions({"live": fault}), FakeAlias(state)) == Outcome(fault)


def test_no_model_live():
    """A task without a model raises what the API turns into a 503."""
    with pytest.raises(NoModelLiveError):
        ask(FakePredictions({}), FakeAlias(None))
