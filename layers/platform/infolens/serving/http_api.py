"""The HTTP API: routes, answers, problem documents. Knows no task by name."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from infolens.aws.prediction_memory import Made, MemoryUnavailableError
from infolens.contracts.prediction import PredictRequest, Problem
from infolens.serving import feedback_api, info_lens_api, openapi, problems, refusals, request_body, task_documents
from infolens.serving.time_limits import ANSWER_SECONDS
from infolens.tasks import schema_of, task_names
from infolens.usecases.prediction import predict
from infolens.usecases.together import ask_together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from aws_lambda_powertools import Logger

    from infolens.aws.prediction_memory import PredictionMemory
    from infolens.aws.predictions import Predictions
    from infolens.contracts.task import Schema
    from infolens.serving.documents import InfoLensRequest
    from infolens.serving.feedback_api import Tell
    from infolens.usecases.prediction import Outcome, ReadsAlias
    from infolens.usecases.sides import Chosen

VERSION_HEADER = "X-InfoLens-Model-Version"
FALLBACK_HEADER = "X-InfoLens-Fallback"
"""Present, with the value "champion", where a candidate failed and the champion answered."""
PREDICTION_HEADER = "X-InfoLens-Prediction-Id"
USER_HEADER = "X-InfoLens-User"
"""Of a request: whatever tells one person from another; a rollout may keep each on one side by it."""
_USER_FIELD = "user_id"
"""Input of tasks that know the person by themselves."""
REPEATED_HEADER = "X-InfoLens-Repeated"
"""Present, with the value "true", where the answer was remembered and no model asked."""


@dataclass(frozen=True)
class Ports:
    """What the API reaches beyond itself."""

    predictions: Predictions
    alias: ReadsAlias
    memory: PredictionMemory
    function_prefix: str
    """Name of a task's predict function less the task's name."""
    new_prediction_id: Callable[[], int]
    """Makes the id of a request that brings none."""
    logger: Logger
    count_answer: Callable[[str, Outcome, float], None]
    """Counts what a user saw: task, outcome, milliseconds."""
    side_of: Callable[[str, str], Chosen]
    """Whom to ask for a user of a task: the alias, or the version on whose side the user stays."""
    copying: Callable[[str, str, Mapping[str, object]], AbstractContextManager[None]]
    """Sends a copy of a question (task, id, input) to a candidate in its shadow stage, while the model is asked."""
    tell: Tell
    """Keeps a label that came later."""
    schema_of: Callable[[str], Schema] = schema_of
    within: float = ANSWER_SECONDS
    """Seconds that the models of one request have together."""
    clock: Callable[[], float] = time.perf_counter
    """Seconds, rising."""


def build_app(ports: Ports) -> APIGatewayRestResolver:
    """Make the resolver that answers API Gateway's events."""
    app = APIGatewayRestResolver()
    _add_info_lens(app, ports)
    _add_tasks(app, ports)
    _add_feedback(app, ports)
    _add_openapi(app)
    _add_problems(app, ports)
    return app


def _add_info_lens(app: APIGatewayRestResolver, ports: Ports) -> None:
    @app.post("/predict", **openapi.INFO_LENS)
    def info_lens() -> Response[str]:
        request = info_lens_api.request_of(_members(app))
        _known_id(app, ports, request.prediction_id)
        inputs = info_lens_api.inputs_of(request, ports.schema_of)  # a refused input starts nothing (S0-32)

        def make() -> Made:
            document = _ask_parts(ports, request, inputs, _user(app, {}))
            return Made(document, keep=not document["problems"])

        recalled = ports.memory.once(request.prediction_id, request.text, make)
        return _parts_answered(ports, request.prediction_id, recalled.document, repeated=recalled.repeated)


def _ask_parts(
    ports: Ports, request: InfoLensRequest, inputs: Mapping[str, dict[str, object] | Problem], user: str
) -> dict[str, object]:
    """Ask the three models at the same time, each through its own task's alias."""
    asks = {
        part.name: functools.partial(_ask, ports, part.task, request.prediction_id, payload, user)
        for part in info_lens_api.PARTS
        if not isinstance(payload := inputs[part.name], Problem)
    }
    results: dict[str, Outcome | Problem] = {
        name: refused for name, refused in inputs.items() if isinstance(refused, Problem)
    }
    tasks = {part.name: part.task for part in info_lens_api.PARTS}
    for name, answered in ask_together(asks, ports.within).items():
        results[name] = _noted(ports, tasks[name], answered)
    return info_lens_api.document_of(request, results)


def _noted(ports: Ports, task: str, answered: tuple[Outcome, float] | Exception) -> Outcome | Problem:
    """Log and count one model's answer, or log why it was not asked or did not answer."""
    if not isinstance(answered, Exception):
        outcome, milliseconds = answered
        _note(ports, task, outcome, milliseconds)
        return outcome
    if refusals.is_ours(answered):
        ports.logger.error("the API itself failed", task=task, exc_info=answered)
    return refusals.problem_of_error(answered)


def _parts_answered(
    ports: Ports, prediction_id: int, document: Mapping[str, object], *, repeated: bool
) -> Response[str]:
    answer, models, missing = document["answer"], document["models"], document["problems"]
    assert isinstance(answer, dict)
    assert isinstance(models, dict)
    assert isinstance(missing, list)
    headers = {PREDICTION_HEADER: str(prediction_id)} | ({REPEATED_HEADER: "true"} if repeated else {})
    for part in info_lens_api.PARTS:
        trace = models.get(part.name)
        if trace and trace["model_version"]:
            headers[f"{part.header}-Version"] = trace["model_version"]
        if trace and trace["fallback"]:
            headers[f"{part.header}-Fallback"] = "champion"
    status = info_lens_api.status_of(missing)
    ports.logger.info("answered together", status=status, repeated=repeated, models=models, problems=missing)
    if status == 200:
        return _json(200, answer, headers)
    if status == 207:
        return _json(207, {**answer, "problems": missing}, headers)
    titles = {str(problem["title"]) for problem in missing}
    detail = "; ".join(f"{problem['model']}: {problem['detail']}" for problem in missing)
    problem = Problem(status, titles.pop() if len(titles) == 1 else "No model answered", detail)
    return _problem(problem, headers, prediction_id, missing)


def _add_tasks(app: APIGatewayRestResolver, ports: Ports) -> None:
    def champion(task: str) -> str | None:
        state = ports.alias.read(f"{ports.function_prefix}{task}")
        return state.champion if state else None

    @app.get("/tasks", **openapi.LIST_TASKS)
    def list_tasks() -> Response[str]:
        names = task_names()
        champions = ask_together({name: functools.partial(champion, name) for name in names}, ports.within)
        lines = []
        for name in names:
            version = champions[name]
            if isinstance(version, Exception):
                raise version
            lines.append({"task": name, "description": task_documents.one_line(name), "champion_version": version})
        return _json(200, {"tasks": lines})

    @app.get("/tasks/<task>", **openapi.DESCRIBE_TASK)
    def describe_task(task: str) -> Response[str]:
        schema = ports.schema_of(task)
        described = task_documents.description_of(task)
        answer = {
            "task": task,
            "description": task_documents.one_line(task),
            "champion_version": champion(task),
            "input": dict(described.input),
            "answer": dict(described.answer),
            "columns": dict(schema.columns),
            "label": schema.label,
            "floors": task_documents.floors(task),
        }
        return _json(200, answer)

    @app.post("/tasks/<task>/predictions", **openapi.CREATE_PREDICTION)
    def create_prediction(task: str) -> Response[str]:
        ports.logger.append_keys(task=task)
        schema = ports.schema_of(task)
        body = request_body.split_id(_members(app))
        prediction_id = body.prediction_id or ports.new_prediction_id()
        _known_id(app, ports, prediction_id)
        schema.check(body.payload)  # here as in the predict function (S0-32): a refused input starts nothing
        user = _user(app, body.payload)
        ask = functools.partial(_ask, ports, task, prediction_id, body.payload, user)
        answered = ask_together({task: ask}, ports.within)[task]
        if isinstance(answered, Exception):
            raise answered
        outcome, milliseconds = answered
        _note(ports, task, outcome, milliseconds)
        return _answered(outcome, prediction_id)


def _add_feedback(app: APIGatewayRestResolver, ports: Ports) -> None:
    @app.post("/feedback", **openapi.FEEDBACK)
    def give_feedback() -> Response[str]:
        status, told = feedback_api.answer_to(_members(app), ports.tell)
        ports.logger.info("told", status=status, told=told)
        return _json(status, told)


def _add_openapi(app: APIGatewayRestResolver) -> None:
    @functools.cache
    def document() -> str:
        return json.dumps(openapi.document_of(app))

    @app.get("/openapi.json", **openapi.OPENAPI)
    def describe_api() -> Response[str]:
        return Response(200, request_body.JSON, document())


def _members(app: APIGatewayRestResolver) -> dict[str, object]:
    event = app.current_event
    request_body.must_be_json(event.headers.get("content-type") or "")
    return request_body.members(event.body, is_base64=bool(event.is_base64_encoded))


def _known_id(app: APIGatewayRestResolver, ports: Ports, prediction_id: int) -> None:
    app.context["prediction_id"] = prediction_id
    ports.logger.append_keys(prediction_id=prediction_id)


def _user(app: APIGatewayRestResolver, payload: Mapping[str, object]) -> str:
    """Tell who asks: by the header, else by the input of a task that has a user in it, else nobody in particular."""
    return app.current_event.headers.get(USER_HEADER) or str(payload.get(_USER_FIELD, ""))


def _ask(ports: Ports, task: str, prediction_id: int, payload: dict[str, object], user: str) -> tuple[Outcome, float]:
    """Ask one task's model; the outcome and the milliseconds that it took."""
    started = ports.clock()
    side = ports.side_of(task, user)
    request = PredictRequest(str(prediction_id), (payload,), bucket=side.bucket)
    with ports.copying(task, request.request_id, payload):
        outcome = predict(
            task,
            f"{ports.function_prefix}{task}",
            request,
            ports.predictions,
            ports.alias,
            qualifier=side.qualifier,
        )
    return outcome, (ports.clock() - started) * 1000


def _note(ports: Ports, task: str, outcome: Outcome, milliseconds: float) -> None:
    """Log and count what the user saw of one model."""
    response = outcome.response
    ports.count_answer(task, outcome, milliseconds)
    ports.logger.info(
        "answered",
        task=task,
        status=response.status,
        model_version=response.model_version,
        dataset_id=response.dataset_id,
        run_id=response.run_id,
        bundle_digest=response.bundle_digest,
        fallback=outcome.fallback,
        milliseconds=round(milliseconds, 3),
    )


def _answered(outcome: Outcome, prediction_id: int) -> Response[str]:
    response = outcome.response
    headers = {VERSION_HEADER: response.model_version, PREDICTION_HEADER: str(prediction_id)}
    if outcome.fallback:
        headers[FALLBACK_HEADER] = "champion"
    problem = problems.problem_of(response)
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


def _add_problems(app: APIGatewayRestResolver, ports: Ports) -> None:
    def reply(problem: Problem, headers: dict[str, str]) -> Response[str]:
        prediction_id = app.context.get("prediction_id")
        known = {PREDICTION_HEADER: str(prediction_id)} if prediction_id else {}
        ports.logger.info("refused", status=problem.status, detail=problem.detail, field=problem.field)
        return _problem(problem, known | headers, prediction_id)

    def on_error(error: Exception) -> Response[str]:
        if refusals.is_ours(error) or isinstance(error, MemoryUnavailableError):
            ports.logger.error("the API itself failed", exc_info=error)
        problem = refusals.problem_of_error(error)
        return reply(problem, refusals.retry_after(problem.status, error))

    def on_unknown_route(_error: NotFoundError) -> Response[str]:
        path, method = app.current_event.path, app.current_event.http_method
        allowed = _allowed(path)
        if allowed:
            detail = f"{method} is not allowed on {path}; it takes {allowed}"
            return reply(Problem(405, "Method not allowed", detail), {"Allow": allowed})
        routes = ", ".join(f"{verb} {route}" for route, verb in openapi.METHODS.items())
        return reply(Problem(404, "Unknown route", f"there is no {path}; there are {routes}"), {})

    app.exception_handler(Exception)(on_error)
    app.exception_handler(NotFoundError)(on_unknown_route)


def _allowed(path: str) -> str:
    """Say which method a known path takes; "" for an unknown path."""
    asked = path.strip("/").split("/")
    for route, method in openapi.METHODS.items():
        known = route.strip("/").split("/")
        if len(known) == len(asked) and all(
            part.startswith("{") or part == given for part, given in zip(known, asked, strict=True)
        ):
            return method
    return ""


def _json(status: int, body: Mapping[str, object], headers: dict[str, str] | None = None) -> Response[str]:
    return Response(status, request_body.JSON, json.dumps(body), headers=dict(headers or {}))


def _problem(
    problem: Problem,
    headers: dict[str, str],
    prediction_id: int | None,
    parts: Sequence[dict[str, object]] = (),
) -> Response[str]:
    body = json.dumps(problems.document(problem, prediction_id, parts))
    return Response(problem.status, problems.PROBLEM_JSON, body, headers=refusals.retry_after(problem.status) | headers)
