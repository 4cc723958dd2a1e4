"""Asks for a prediction so that a bad canary costs its users nothing but time: its fault is the champion's question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from infolens.aws.predictions import LIVE, NoModelLiveError
from infolens.contracts.observation import FALLBACK

if TYPE_CHECKING:
    from infolens.aws.predictions import Predictions
    from infolens.contracts.prediction import PredictRequest, PredictResponse
    from infolens.contracts.rollout import AliasState


class ReadsAlias(Protocol):
    """The part of `infolens.aws.alias.Aliases` that an answer needs."""

    def read(self, function: str) -> AliasState | None:
        """Say who serves; None when nobody does."""


@dataclass(frozen=True)
class Outcome:
    """An answer and whether the champion had to give it for a candidate that could not."""

    response: PredictResponse
    fallback: bool = False


def predict(  # noqa: PLR0913 - who asks whom, about what
    task: str,
    function: str,
    request: PredictRequest,
    predictions: Predictions,
    alias: ReadsAlias,
    *,
    qualifier: str = LIVE,
) -> Outcome:
    """Ask whoever the alias picks; where that is a candidate that fails, ask the champion once.

    The fault stays counted on the candidate's version: its own metric was written when it failed.

    Args:
        task: name of the task.
        function: name of its predict function.
        request: the inputs.
        predictions: the predict functions.
        alias: read only after a fault, so that a good answer costs one call.
        qualifier: the version of the user's own side, where the rollout keeps people there; else the alias draws one.

    Raises:
        NoModelLiveError: nothing serves the task yet.
    """
    try:
        response = predictions.invoke(task, request, qualifier=qualifier)
    except NoModelLiveError:
        if qualifier == LIVE:
            raise
        response = predictions.invoke(task, request)  # the version was deleted since the alias was read
    if response.status < 500:
        return Outcome(response)
    state = alias.read(function)
    executed = response.model_version
    # Without a version (a call that timed out on our side) only a running rollout makes a candidate the likely culprit.
    if state is None or executed == state.champion or not (executed or state.candidate):
        return Outcome(response)
    try:
        asked_again = replace(request, purpose=FALLBACK)
        return Outcome(predictions.invoke(task, asked_again, qualifier=state.champion), fallback=True)
    except NoModelLiveError:
        return Outcome(response)  # the champion's version was deleted: the first fault is the truth
