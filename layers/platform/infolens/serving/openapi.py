"""What each route says about itself, and the OpenAPI document that powertools makes of it.

The schemas are those of `infolens.serving.documents`, by which requests are checked, and those that the tasks give.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from infolens.serving import task_documents
from infolens.serving.documents import (
    FeedbackAnswer,
    FeedbackRequest,
    InfoLensAnswer,
    InfoLensRequest,
    PartialAnswer,
    PredictionId,
    ProblemDocument,
    TaskAnswer,
    TaskDocument,
    TaskList,
)
from infolens.serving.problems import PROBLEM_JSON
from infolens.serving.request_body import JSON
from infolens.tasks import task_names

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

METHODS: Final = {
    "/predict": "POST",
    "/tasks": "GET",
    "/tasks/{task}": "GET",
    "/tasks/{task}/predictions": "POST",
    "/feedback": "POST",
    "/openapi.json": "GET",
}
"""All routes; each takes one method."""

_TEXT = {
    400: "The body is no JSON object",
    403: "The header x-api-key is missing or holds no valid key",
    404: "There is no such task",
    413: "The body is too large",
    415: "The body says that it is something else than JSON",
    422: "A field is wrong; `field` says which one, `detail` the limit",
    429: "More requests than the usage plan or the account allows",
    500: "A fault of the API or of a model",
    502: "A fault of the model, and no champion to stand in for it",
    503: "No model serves yet, or the table of predictions fails",
    504: "No answer in time",
}
"""What an error of this status means."""
_USER = (
    "A header X-InfoLens-User, or the user_id of an input that has one, keeps a person on one side while a successor "
    "is brought in step by step, where its plan says so."
)
_READING = (403, 429, 500)
_ASKING = (400, 403, 413, 415, 422, 429, 500, 502, 503, 504)


def _ref(schema: str) -> dict[str, object]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _string(text: str) -> dict[str, object]:
    return {"description": text, "schema": {"type": "string"}}


def _problems(*statuses: int, **more: str) -> dict[int, dict[str, object]]:
    texts = {status: _TEXT[status] for status in statuses} | {int(name[1:]): text for name, text in more.items()}
    return {
        status: {"description": text, "content": {PROBLEM_JSON: {"model": ProblemDocument}}}
        for status, text in sorted(texts.items())
    }


def _good(text: str, model: object, **headers: str) -> dict[str, object]:
    named = {f"X-InfoLens-{name.replace('_', '-')}": _string(words) for name, words in headers.items()}
    said: dict[str, object] = {"description": text, "content": {JSON: {"model": model}}}
    return said | ({"headers": named} if named else {})


_PARTS = {f"{model}_Version": f"The version that gave {model.lower()}" for model in ("Bart", "Xln", "Bert")} | {
    f"{model}_Fallback": f'"champion" where the champion gave {model.lower()} for a candidate that failed'
    for model in ("Bart", "Xln", "Bert")
}
_ID = {"Prediction_Id": "The request's id"}

INFO_LENS: Final[dict[str, Any]] = {
    "summary": "Summarise, check and sort one text",
    "description": (
        "Asks the three models of Info Lens at the same time. The same prediction_id with the same text gives the same "
        "answer for 30 days, also after the models have changed; with another text it is refused. An answer in which a "
        "model is missing (207) is not remembered: ask again with the same id for the whole one. " + _USER
    ),
    "operation_id": "predict",
    "openapi_extensions": {"requestBody": {"required": True, "content": {JSON: {"schema": _ref("InfoLensRequest")}}}},
    "responses": {
        200: _good(
            "All three models have answered",
            InfoLensAnswer,
            **_ID,
            **_PARTS,
            Repeated='"true" where the answer was remembered and no model asked',
        ),
        207: _good("A model or two could not answer; `problems` says why", PartialAnswer, **_ID, **_PARTS),
        **_problems(
            *_ASKING,
            s409="The id belongs to another text, or its first request is still under way (Retry-After)",
        ),
    },
}

LIST_TASKS: Final[dict[str, Any]] = {
    "summary": "List the tasks",
    "operation_id": "list_tasks",
    "responses": {200: _good("All tasks", TaskList), **_problems(*_READING)},
}

DESCRIBE_TASK: Final[dict[str, Any]] = {
    "summary": "Describe a task: input, answer, who serves it, what a candidate must reach",
    "operation_id": "describe_task",
    "responses": {200: _good("The task", TaskDocument), **_problems(404, *_READING)},
}

CREATE_PREDICTION: Final[dict[str, Any]] = {
    "summary": "Ask one task's model",
    "description": (
        "Goes straight to the task's alias, each time anew: prediction_id is there to trace the answer back, is made "
        "where it is missing, and nothing is remembered under it. " + _USER
    ),
    "operation_id": "create_prediction",
    "openapi_extensions": {"requestBody": {"required": True, "content": {JSON: {"schema": {"type": "object"}}}}},
    "responses": {
        200: _good(
            "The answer",
            TaskAnswer,
            **_ID,
            Model_Version="The version that answered",
            Fallback='"champion" where the champion answered for a candidate that failed',
        ),
        **_problems(404, *_ASKING),
    },
}

FEEDBACK: Final[dict[str, Any]] = {
    "summary": "Tell what an answer should have been",
    "description": (
        "Labels may come days after the answer, and decide which model serves. The same label again changes nothing; "
        "another one is a correction: the newest stands, and all are kept for 30 days. An answer is known some seconds "
        "after it was given: a label that comes before, with its task named, is kept and joined later (202)."
    ),
    "operation_id": "give_feedback",
    "openapi_extensions": {"requestBody": {"required": True, "content": {JSON: {"schema": _ref("FeedbackRequest")}}}},
    "responses": {
        200: _good("The label is kept beside the answer", FeedbackAnswer),
        202: _good("The label is kept until the answer is known", FeedbackAnswer),
        **_problems(
            400, 403, 413, 415, 422, 429, 500, s404="No answer is known under the id, or there is no such task"
        ),
    },
}

OPENAPI: Final[dict[str, Any]] = {
    "summary": "This document",
    "operation_id": "describe_api",
    "responses": {
        200: {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}},
        **_problems(*_READING),
    },
}


def document_of(app: APIGatewayRestResolver) -> dict[str, Any]:
    """Make the document of all routes; the tasks' own inputs are in it."""
    # Imported here: only whoever asks for the document pays for it, not each cold start.
    from aws_lambda_powertools.event_handler.openapi.models import APIKey, Server  # noqa: PLC0415

    made: dict[str, Any] = json.loads(
        app.get_openapi_json_schema(
            title="InfoLens",
            version="1",
            description="Errors are problem documents (RFC 9457). Members that are not named here are ignored.",
            servers=[Server(url=".")],  # beside this document, whatever the stage and the domain
            security_schemes={"key": APIKey.model_validate({"name": "x-api-key", "in": "header"})},
            security=[{"key": []}],
        )
    )
    schemas = made["components"]["schemas"]
    # powertools' own errors, which nobody sends here
    for unused in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in ("/tasks/{task}", "/tasks/{task}/predictions"):
        for operation in made["paths"][path].values():
            operation["parameters"][0]["schema"] = {"type": "string", "enum": list(task_names())}
    made["paths"]["/tasks/{task}/predictions"]["post"]["requestBody"]["content"][JSON]["schema"] = {
        "type": "object",
        "properties": {"prediction_id": TypeAdapter(PredictionId).json_schema()},
        "anyOf": [_ref(task) for task in task_names()],
    }
    for task in task_names():
        schemas[task] = {"title": task, "description": task_documents.one_line(task)} | dict(
            task_documents.description_of(task).input
        )
    schemas[InfoLensRequest.__name__] = InfoLensRequest.model_json_schema()
    schemas[FeedbackRequest.__name__] = FeedbackRequest.model_json_schema()
    whole: dict[str, Any] = _with_whole_numbers(made)
    return whole


def _with_whole_numbers(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Powertools turns every limit into a float; 1.0 is a whole number in JSON Schema, but it reads badly."""
    if isinstance(part, dict):
        return {name: _with_whole_numbers(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with_whole_numbers(value) for value in part]
    return int(part) if isinstance(part, float) and part.is_integer() else part
