"""The model of one execution environment: loaded and warmed once, asked per request, loud when it cannot be trusted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from infolens import codec
from infolens.contracts.prediction import PredictRequest, PredictResponse, Problem
from infolens.contracts.task import RowRejected
from infolens.ml.bundle import DigestMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infolens.contracts.task import Predictor, Schema
    from infolens.settings import Settings


class ModelNotLoadedError(RuntimeError):
    """The pinned bundle cannot be served; every invocation says so, and none is answered."""


class LoadModel(Protocol):
    """Fetches and opens the bundle that the settings pin."""

    def __call__(self, settings: Settings) -> Predictor:
        """Return the predictor; raises DigestMismatchError and whatever fetching or opening raises."""


@dataclass(frozen=True)
class Answered:
    """One request's answer with what was seen while it was made."""

    response: PredictResponse
    milliseconds: float
    cold: bool
    """The first request of this execution environment."""
    error: Exception | None = None
    """What the model raised, for the log."""

    @property
    def fault(self) -> bool:
        """Whether users see a 5xx."""
        return self.response.status >= 500


@dataclass
class ServedModel:
    """The model that this process serves. `start` it in Lambda's init phase, before the first request is there."""

    settings: Settings
    schema: Schema
    load: LoadModel
    clock: Callable[[], float]
    """Seconds, rising."""
    _predictor: Predictor | None = field(default=None, init=False)
    _load_error: Exception | None = field(default=None, init=False)
    _served: bool = field(default=False, init=False)

    @property
    def pinned(self) -> bool:
        """Whether this version pins a bundle; $LATEST of a fresh stack does not."""
        return bool(self.settings.bundle_uri)

    def start(self, warm_up: Sequence[Mapping[str, object]] = ()) -> Exception | None:
        """Load the pinned bundle and answer `warm_up` once; return what went wrong, for the log.

        Nothing is raised: an init phase that fails leaves no metric, and alarms would not see the broken version.
        `answer` raises instead, on every invocation, after its caller could count the fault.
        """
        if not self.pinned:
            return None
        try:
            self._predictor = self.load(self.settings)
            self._load_error = None
            if warm_up:
                self._predictor.predict(warm_up)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept and raised at each request
            if self._predictor is None:
                self._load_error = error
            return error
        return None

    def answer(self, event: object, model_version: str) -> Answered:
        """Answer one event (`PredictRequest` as plain JSON values).

        An input that the schema refuses is a problem of that input alone (422). An exception of the model, or an answer
        that is no JSON (NaN), is a fault of the version: status 500 and no answers.

        Raises:
            ModelNotLoadedError: the bundle could not be loaded, or is not what its digest says.
        """
        started = self.clock()
        cold, self._served = not self._served, True
        error: Exception | None = None
        try:
            request = codec.from_dict(PredictRequest, event)
        except ValueError as refused:  # pydantic's error is one
            problem = Problem(400, "Malformed request", f"not a PredictRequest: {refused}")
            response = self._response(model_version, 400, problem=problem)
        else:
            response, error = self._answer(request, model_version)
        return Answered(replace(response, cold=cold), (self.clock() - started) * 1000, cold, error)

    def _answer(self, request: PredictRequest, model_version: str) -> tuple[PredictResponse, Exception | None]:
        if not self.pinned:
            detail = f"no model of {self.settings.task} is pinned by {model_version}; train or register one first"
            return self._response(model_version, 503, problem=Problem(503, "No model", detail)), None
        predictor = self._loaded()
        checked = [_checked(self.schema, item) for item in request.inputs]
        try:
            made = iter(_sound(predictor, [item for item in checked if not isinstance(item, Problem)]))
        except Exception as error:  # noqa: BLE001 - whatever the model raises is its fault, and is counted
            detail = f"model version {model_version} failed on request {request.request_id}"
            return self._response(model_version, 500, problem=Problem(500, "Model fault", detail)), error
        answers = tuple(_refusal(item) if isinstance(item, Problem) else next(made) for item in checked)
        return self._response(model_version, 200, answers), None

    def _loaded(self) -> Predictor:
        if self._predictor is None and not isinstance(self._load_error, DigestMismatchError):
            self.start()  # a bucket that could not be reached for once deserves a second try; a wrong digest does not
        if self._predictor is None:
            digest = self.settings.bundle_digest[:12]
            raise ModelNotLoadedError(f"bundle {digest} cannot be served: {self._load_error}") from self._load_error
        return self._predictor

    def _response(
        self,
        model_version: str,
        status: int,
        answers: tuple[dict[str, object], ...] = (),
        problem: Problem | None = None,
    ) -> PredictResponse:
        pinned = self.settings
        return PredictResponse(
            status, model_version, pinned.dataset_id, pinned.run_id, pinned.bundle_digest, answers, problem
        )


def _checked(schema: Schema, payload: Mapping[str, object]) -> dict[str, object] | Problem:
    try:
        return schema.check(payload)
    except RowRejected as rejected:
        return Problem(422, "Input refused", str(rejected), rejected.field)


def _refusal(problem: Problem) -> dict[str, object]:
    return {"problem": asdict(problem)}


def _sound(predictor: Predictor, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Ask the model, and take only what a caller can read: one answer per input, without NaN."""
    answers = predictor.predict(inputs) if inputs else []
    if len(answers) != len(inputs):
        raise ValueError(f"{len(answers)} answers to {len(inputs)} inputs")
    json.dumps(answers, allow_nan=False)  # ValueError for NaN and infinity, which no JSON reader takes
    return answers
