"""The HTTP API over the tasks: routes, answers, problem documents. Knows no task by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from infolens.aws.predictions import NoModelLiveError
from infolens.contracts.prediction import PredictRequest, Problem
from infolens.contracts.task import RowRejected
from infolens.serving import problems, request_body
from infolens.serving.problems import ProblemError
from infolens.tasks import UnknownTaskError, schema_of, task_names
from infolens.usecases.prediction import predict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools import Logger, Metrics

    from infolens.aws.predictions import Predictions
    from infolens.contracts.prediction import PredictResponse
    from infolens.usecases.prediction import Outcome, ReadsAlias

VERSION_HEADER = "X-InfoLens-Model-Version"
FALLBACK_HEADER = "X-InfoLens-Fallback"
"""Present, with the value "champion", where a candidate failed and the champion answered."""
PREDICTION_HEADER = "X-InfoLens-Prediction-Id"

_METHODS = {"/tasks": "GET", "/tasks/<task>": "GET", "/tasks/<task>/predictions": "POST"}


@dataclass(frozen=True)
class Ports:
    """What the API reaches beyond itself."""

    predictions: Predictions
    alias: ReadsAlias
    function_prefix: str
    """Name of a task's predict function less the task's name."""
    new_prediction_id: Callable[[], int]
    """Makes the id of a request that brings none."""
    logger: Logger
    metrics: Metrics


def build_app(ports: Ports) -> APIGatewayRestResolver:
    """Make the resolver that answers API Gateway's events."""
    app = APIGatewayRestResolver()
    _add_routes(app, ports)
    _add_problems(app, ports)
    return app


def _add_routes(app: APIGatewayRestResolver, ports: Ports) -> None:
    @app.get("/tasks")
    def list_tasks() -> Response[str]:
        return _json(200, {"tasks": list(task_names())})

    @app.get("/tasks/<task>")
    def describe_task(task: str) -> Response[str]:
        schema = schema_of(task)
        state = ports.alias.read(f"{ports.function_prefix}{task}")
        champion = state.champion if state else None
        answer = {"task": task, "columns": dict(schema.columns), "label": schema.label, "champion_version": champion}
        return _json(200, answer)

    @app.post("/tasks/<task>/predictions")
    def create_prediction(task: str) -> Response[str]:
        ports.logger.append_keys(task=task)
        schema = schema_of(task)
        body = request_body.parse(app.current_event.body, is_base64=bool(app.current_event.is_base64_encoded))
        prediction_id = body.prediction_id or ports.new_prediction_id()
        app.context["prediction_id"] = prediction_id
        ports.logger.append_keys(prediction_id=prediction_id)
        schema.check(body.payload)  # here as in the predict function (S0-32): a refused input starts nothing
        request = PredictRequest(str(prediction_id), (body.payload,))
        outcome = predict(task, f"{ports.function_prefix}{task}", request, ports.predictions, ports.alias)
        _note(ports, task, outcome)
        return _answered(outcome, prediction_id)


def _note(ports: Ports, task: str, outcome: Outcome) -> None:
    """Log and count what the user saw."""
    response = outcome.response
    ports.metrics.add_dimension("task", task)
    ports.metrics.add_metric("Fallbacks", "Count", int(outcome.fallback))
    ports.metrics.add_metric("FaultsSeen", "Count", int(response.status >= 500))
    ports.logger.info(
        "answered",
        status=response.status,
        model_version=response.model_version,
        dataset_id=response.dataset_id,
        run_id=response.run_id,
        bundle_digest=response.bundle_digest,
        fallback=outcome.fallback,
    )


def _answered(outcome: Outcome, prediction_id: int) -> Response[str]:
    response = outcome.response
    headers = {VERSION_HEADER: response.model_version, PREDICTION_HEADER: str(prediction_id)}
    if outcome.fallback:
        headers[FALLBACK_HEADER] = "champion"
    problem = _problem_of(response)
    if problem is not None:
        return _problem(problem, headers, prediction_id)
    answer = {
        "prediction_id": prediction_id,
        **response.answers[0],
        "model_version": response.model_version,
        "dataset_id": response.dataset_id,
        "run_id": response.run_id,
        "bundle_digest": response.bundle_digest,
    }
    return _json(200, answer, headers)


def _problem_of(response: PredictResponse) -> Problem | None:
    if response.problem is not None or response.status != 200 or not response.answers:
        return response.problem or Problem(502, "Model fault", f"status {response.status} without an answer")
    refused = response.answers[0].get("problem")
    return Problem(**refused) if isinstance(refused, dict) else None


def _add_problems(app: APIGatewayRestResolver, ports: Ports) -> None:
    def reply(problem: Problem, headers: dict[str, str] | None = None) -> Response[str]:
        prediction_id = app.context.get("prediction_id")
        known = {PREDICTION_HEADER: str(prediction_id)} if prediction_id else {}
        ports.logger.info("refused", status=problem.status, detail=problem.detail, field=problem.field)
        return _problem(problem, known | (headers or {}), prediction_id)

    def on_problem(error: ProblemError) -> Response[str]:
        return reply(error.problem)

    def on_refused_input(error: RowRejected) -> Response[str]:
        return reply(Problem(422, "Input refused", str(error), error.field))

    def on_unknown_task(error: UnknownTaskError) -> Response[str]:
        return reply(Problem(404, "Unknown task", str(error), "task"))

    def on_no_model(error: NoModelLiveError) -> Response[str]:
        detail = f"{error}; upload labelled rows, or train and roll out a model first"
        return reply(Problem(503, "No model", detail), {"Retry-After": "60"})

    def on_our_fault(error: Exception) -> Response[str]:
        ports.logger.error("the API itself failed", exc_info=error)
        return reply(Problem(500, "Internal error", "the request could not be dealt with; the log has the reason"))

    def on_unknown_route(_error: NotFoundError) -> Response[str]:
        path, method = app.current_event.path, app.current_event.http_method
        allowed = _allowed(path)
        if allowed:
            detail = f"{method} is not allowed on {path}; it takes {allowed}"
            return reply(Problem(405, "Method not allowed", detail), {"Allow": allowed})
        routes = ", ".join(f"{verb} {route}" for route, verb in _METHODS.items())
        return reply(Problem(404, "Unknown route", f"there is no {path}; there are {routes}"))

    app.exception_handler(ProblemError)(on_problem)
    app.exception_handler(RowRejected)(on_refused_input)
    app.exception_handler(UnknownTaskError)(on_unknown_task)
    app.exception_handler(NoModelLiveError)(on_no_model)
    app.exception_handler(NotFoundError)(on_unknown_route)
    app.exception_handler(Exception)(on_our_fault)


def _allowed(path: str) -> str:
    """Say which method a known path takes; "" for an unknown path."""
    match path.strip("/").split("/"):
        case ["tasks"] | ["tasks", _]:
            return "GET"
        case ["tasks", _, "predictions"]:
            return "POST"
        case _:
            return ""


def _json(status: int, body: Mapping[str, object], headers: dict[str, str] | None = None) -> Response[str]:
    return Response(status, "application/json", json.dumps(body), headers=dict(headers or {}))


def _problem(problem: Problem, headers: dict[str, str], prediction_id: int | None) -> Response[str]:
    return Response(
        problem.status, problems.PROBLEM_JSON, problems.document(problem, prediction_id), headers=dict(headers)
    )
