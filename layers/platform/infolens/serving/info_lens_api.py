"""S0's own endpoint: one text, three models, one answer. The only module that names the three tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from infolens.contracts.prediction import Problem
from infolens.contracts.task import RowRejected
from infolens.serving.documents import Category, FakeNews, InfoLensRequest, Summary
from infolens.serving.problems import ProblemError, problem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infolens.contracts.task import Schema
    from infolens.usecases.prediction import Outcome


@dataclass(frozen=True)
class Part:
    """One of the three models."""

    name: str
    """Member of S0's answer."""
    task: str
    member: str
    """Member of the task's answer that it is taken from."""
    kind: TypeAdapter[object]
    """What it must be (S0-31)."""

    @property
    def header(self) -> str:
        """First words of its headers."""
        return f"X-InfoLens-{self.name.title()}"


PARTS: Final = (
    Part("bart", "news_summary", "summary", TypeAdapter(Summary)),
    Part("xln", "fake_news", "label_id", TypeAdapter(FakeNews)),
    Part("bert", "news_category", "label_id", TypeAdapter(Category)),
)


def request_of(members: Mapping[str, object]) -> InfoLensRequest:
    """Check S0's request; members beside the two are ignored.

    Raises:
        ProblemError: 422 with the first field that is wrong, and every reason in the detail.
    """
    try:
        return InfoLensRequest.model_validate(members)
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
        reasons = "; ".join(f"{error['loc'][0]}: {_words(error)}" for error in errors)
        raise ProblemError(Problem(422, "Input refused", reasons, str(errors[0]["loc"][0]))) from None


def inputs_of(request: InfoLensRequest, schema_of: Callable[[str], Schema]) -> dict[str, dict[str, object] | Problem]:
    """Let each task check the text, as its own route would; part -> input, or why there is none.

    Raises:
        RowRejected: no task takes the text.
    """
    inputs: dict[str, dict[str, object] | Problem] = {}
    refusals: list[RowRejected] = []
    for part in PARTS:
        payload: dict[str, object] = {"text": request.text}
        try:
            schema_of(part.task).check(payload)
        except RowRejected as rejected:
            refusals.append(rejected)
            inputs[part.name] = Problem(422, "Input refused", str(rejected), rejected.field)
        else:
            inputs[part.name] = payload
    if len(refusals) == len(PARTS):
        raise refusals[0]
    return inputs


def document_of(request: InfoLensRequest, results: Mapping[str, Outcome | Problem]) -> dict[str, object]:
    """Put the parts together: `answer` as the caller sees it, `models` for headers and for tracing it back.

    A part without an answer is in `problems` and nowhere else. `results` has every part's name.
    """
    answer: dict[str, object] = {"prediction_id": request.prediction_id}
    models: dict[str, object] = {}
    problems: list[dict[str, object]] = []
    for part in PARTS:
        result = results[part.name]
        if not isinstance(result, Problem):
            models[part.name] = _trace(part, result)
        value = result if isinstance(result, Problem) else _taken(part, result)
        if isinstance(value, Problem):
            told = {"title": value.title, "status": value.status, "detail": value.detail}
            problems.append({"model": part.name, "task": part.task, "type": "about:blank", **told})
        else:
            answer[part.name] = value
    return {"answer": answer, "models": models, "problems": problems}


def status_of(problems: list[dict[str, object]]) -> int:
    """Give the status of an answer with these problems: 200, 207 with a part missing, an error with all missing."""
    if not problems:
        return 200
    if len(problems) < len(PARTS):
        return 207
    statuses = {problem["status"] for problem in problems}
    alone = statuses.pop()
    return alone if isinstance(alone, int) and not statuses else 502


def _trace(part: Part, outcome: Outcome) -> dict[str, object]:
    response = outcome.response
    return {
        "task": part.task,
        "model_version": response.model_version,
        "dataset_id": response.dataset_id,
        "run_id": response.run_id,
        "bundle_digest": response.bundle_digest,
        "fallback": outcome.fallback,
    }


def _taken(part: Part, outcome: Outcome) -> object:
    """Take a part's value out of its task's answer; a Problem where there is none that S0 would know."""
    problem = problem_of(outcome.response)
    if problem is not None:
        return problem
    try:
        return part.kind.validate_python(outcome.response.answers[0].get(part.member))
    except ValidationError:
        version = outcome.response.model_version
        return Problem(502, "Model fault", f"model version {version} of {part.task} gave no {part.member} to rely on")


def _words(error: Mapping[str, Any]) -> str:
    """Say what pydantic found, in the words of the API."""
    limits = InfoLensRequest.model_json_schema()["properties"]
    value = error["input"]
    number = f"from {limits['prediction_id']['minimum']} to {limits['prediction_id']['maximum']}"
    length = f"{limits['text']['minLength']} to {limits['text']['maxLength']} characters"
    needed = {"prediction_id": f"a whole number {number}", "text": f"a string of {length}"}
    match str(error["type"]):
        case "missing":
            return f"is missing; {needed[error['loc'][0]]} is needed"
        case "int_type" | "int_from_float" | "int_parsing" | "int_parsing_size":
            return f"must be a whole number, not {_json_kind(value)}"
        case "string_type" | "string_unicode":
            return f"must be a string, not {_json_kind(value)}"
        case "greater_than_equal" | "less_than_equal":
            return f"must be {number}, not {value}"
        case "string_too_short" | "string_too_long":
            return f"has {len(str(value))} characters; {length} are taken"
        case _:
            return str(error["msg"])


def _json_kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a fraction", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "a string")
