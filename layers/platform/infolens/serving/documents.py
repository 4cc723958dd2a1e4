"""The JSON documents that pass over the API's edge; what is checked, and what /openapi.json says, come from here."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from infolens.serving.request_body import MAX_PREDICTION_ID

MIN_TEXT = 50
MAX_TEXT = 12_000
"""Characters of a text (S0-30), as they are sent; tasks count again after cleaning."""

PredictionId = Annotated[
    int, Field(strict=True, ge=1, le=MAX_PREDICTION_ID, description="The caller's own id, a whole number (S0-30)")
]
Summary = Annotated[str, Field(strict=True, pattern=r"\S", description="Summary of the text, by BART")]
FakeNews = Annotated[
    int, Field(strict=True, ge=0, le=1, description="0 for fake news, 1 for real news (S0-19), by XLNet")
]
Category = Annotated[int, Field(strict=True, ge=0, le=9, description="Section of the text, by BERT (S0-03)")]


class InfoLensRequest(BaseModel):
    """S0's request (S0-30). Further members are ignored."""

    prediction_id: PredictionId
    text: Annotated[str, Field(strict=True, min_length=MIN_TEXT, max_length=MAX_TEXT)]


class InfoLensAnswer(BaseModel):
    """S0's answer (S0-31), when all three models have answered."""

    model_config = ConfigDict(extra="forbid")

    prediction_id: PredictionId
    bart: Summary
    xln: FakeNews
    bert: Category


class ModelProblem(BaseModel):
    """Why one of the three models gave no answer."""

    model: Annotated[str, Field(description="The member that is missing: bart, xln or bert")]
    task: Annotated[str, Field(description="The task whose model it is")]
    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599, description="What the task's own route would have answered")]
    detail: str


class PartialAnswer(TypedDict):
    """One or two models have answered. A member that is missing is named in `problems`; none is ever null."""

    prediction_id: PredictionId
    bart: NotRequired[Summary]
    xln: NotRequired[FakeNews]
    bert: NotRequired[Category]
    problems: Annotated[list[ModelProblem], Field(min_length=1, max_length=2)]


class ProblemDocument(TypedDict):
    """An error, after RFC 9457."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    field: NotRequired[Annotated[str, Field(description="The field that is wrong, where it is one")]]
    prediction_id: NotRequired[Annotated[int, Field(description="The request's id, once it is known")]]
    problems: NotRequired[Annotated[list[ModelProblem], Field(description="Why each of the three models failed")]]


class TaskAnswer(BaseModel):
    """A task's answer: the members that `GET /tasks/{task}` describes under `answer`, and where it comes from."""

    model_config = ConfigDict(extra="allow")

    prediction_id: PredictionId
    model_version: Annotated[str, Field(description="The version that answered")]
    dataset_id: Annotated[str, Field(description="The dataset that it was trained on")]
    run_id: Annotated[str, Field(description="The run that trained it")]
    bundle_digest: Annotated[str, Field(description="The bundle that it serves")]


class FeedbackRequest(BaseModel):
    """What an answer should have been. Further members are ignored."""

    prediction_id: PredictionId
    label: Annotated[
        object, Field(description="The truth: a classifier's label or its id, the editor's summary, the movie chosen")
    ]
    task: Annotated[str, Field(description="Needed where the id belongs to answers of several tasks, as S0's does")] = (
        ""
    )


class FeedbackAnswer(BaseModel):
    """What became of a label."""

    prediction_id: PredictionId
    task: str
    label: Annotated[object, Field(description="The label in the form in which it is kept")]
    outcome: Annotated[
        Literal["recorded", "same", "corrected", "awaiting"],
        Field(description="The first label, the one that stood, one in place of another, or one ahead of its answer"),
    ]


class TaskLine(BaseModel):
    """One task in the list of all."""

    task: str
    description: str
    champion_version: Annotated[str | None, Field(description="The version that serves; null before the first one")]


class TaskList(BaseModel):
    """All tasks."""

    tasks: list[TaskLine]


class Floor(BaseModel):
    """What a candidate of the task must reach before it meets traffic."""

    model_config = ConfigDict(extra="allow")

    metric: str
    direction: str
    limit: Annotated[float | None, Field(description="The limit itself passes; null where only a loss is limited")]
    why: str


class TaskDocument(TaskLine):
    """All that a caller needs to know about a task."""

    input: Annotated[dict[str, object], Field(description="JSON Schema of the input, without prediction_id")]
    answer: Annotated[dict[str, object], Field(description="JSON Schema of the answer's own members")]
    columns: Annotated[dict[str, str], Field(description="Columns of a clean training row, with their Arrow types")]
    label: Annotated[str, Field(description='The column that is the truth; "" where there is none')]
    floors: list[Floor]
