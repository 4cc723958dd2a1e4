"""The served model answers in order, counts its own faults, and never serves what it cannot trust."""

import math

import pytest

from infolens import codec
from infolens.contracts.prediction import PredictRequest, PredictResponse, Problem
from infolens.ml.bundle import DigestMismatchError
from infolens.serving.model import ModelNotLoadedError, ServedModel
from infolens.settings import Settings
from serving_fakes import FakePredictor, FakeSchema

PINNED = Settings(
    task="news_category", bundle_uri="s3://models/b/", bundle_digest="d" * 64, run_id="run-1", dataset_id="data-1"
)


class Clock:
    """Seconds that pass by an eighth with each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """See time.perf_counter."""
        self.now += 0.125
        return self.now


class Loader:
    """Loads a predictor, or raises what is planted; counts the attempts."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.attempts = 0

    def __call__(self, settings):
        """See LoadModel."""
        self.attempts += 1
        outcome = self.outcomes[min(self.attempts, len(self.outcomes)) - 1]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def serve(*outcomes, settings=PINNED, warm_up=()) -> ServedModel:
    """Start a model."""
    model = ServedModel(settings, FakeSchema(), Loader(*outcomes), Clock())
    model.start(warm_up)
    return model


def event(*texts) -> dict:
    """A PredictRequest as it arrives."""
    return codec.to_dict(PredictRequest("7", tuple({"text": text} for text in texts)))


def test_answers_with_where_it_came_from():
    """An answer names the version, the dataset, the run and the digest."""
    answered = serve(FakePredictor()).answer(event("hello"), "4")
    assert answered.response == PredictResponse(200, "4", "data-1", "run-1", "d" * 64, ({"length": 5},), cold=True)
    assert not answered.fault


def test_refused_inputs_keep_their_place():
    """answers[i] belongs to inputs[i], and a refused input is a problem of its own."""
    predictor = FakePredictor()
    response = serve(predictor).answer(event("hello", "x", "hi there"), "4").response
    assert response.status == 200
    assert response.answers == (
        {"length": 5},
        {
            "problem": {
                "status": 422,
                "title": "Input refused",
                "detail": "text: has 1 characters; at least 3 are needed",
                "field": "text",
            }
        },
        {"length": 8},
    )
    assert predictor.seen == [[{"text": "hello"}, {"text": "hi there"}]]


def test_model_gets_checked_input():
    """The predictor sees what the schema made of the input."""
    predictor = FakePredictor()
    serve(predictor).answer(event("  hello  "), "4")
    assert predictor.seen == [[{"text": "hello"}]]


def test_nothing_left_to_ask():
    """Where every input is refused, or there is none, the model is not asked."""
    predictor = FakePredictor()
    assert [len(serve(predictor).answer(event(*texts), "4").response.answers) for texts in ((), ("x",))] == [0, 1]
    assert predictor.seen == []


def test_exception_of_the_model_is_a_fault():
    """What the model raises becomes a 500 with the version in words, and is kept for the log."""
    error = RuntimeError("bad shape")
    answered = serve(FakePredictor(error)).answer(event("hello"), "4")
    assert answered.fault
    assert answered.error is error
    assert answered.response.status == 500
    assert answered.response.answers == ()
    assert answered.response.problem == Problem(500, "Model fault", "model version 4 failed on request 7")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_answer_that_is_no_number_is_a_fault(value):
    """A model that answers NaN fails, since no JSON reader takes it and no user can use it."""
    assert serve(FakePredictor(lambda inputs: [{"confidence": value}])).answer(event("hello"), "4").fault


def test_missing_answer_is_a_fault():
    """A model that answers fewer inputs than it was asked fails as a whole: no answer may take another's place."""
    answered = serve(FakePredictor(lambda inputs: [{}])).answer(event("hello", "hello"), "4")
    assert answered.fault
    assert str(answered.error) == "1 answers to 2 inputs"


def test_no_bundle_pinned():
    """$LATEST of a fresh stack says clearly that there is no model."""
    response = serve(settings=Settings(task="news_category")).answer(event("hello"), "$LATEST").response
    assert response.status == 503
    assert response.problem is not None
    assert response.problem.detail == "no model of news_category is pinned by $LATEST; train or register one first"


def test_digest_mismatch_never_serves():
    """A wrong digest makes every invocation fail, without another try."""
    model = serve(DigestMismatchError("model.onnx", "has another sha256"), FakePredictor())
    for _ in range(3):
        with pytest.raises(ModelNotLoadedError, match=r"bundle d{12} cannot be served: model\.onnx: has another"):
            model.answer(event("hello"), "4")
    assert model.load.attempts == 1


def test_bucket_that_could_not_be_reached():
    """A load that failed for another reason is tried again at the next request, and fails loudly until it works."""
    model = serve(ConnectionError("down"), ConnectionError("down"), FakePredictor())
    with pytest.raises(ModelNotLoadedError, match="down"):
        model.answer(event("hello"), "4")
    assert model.answer(event("hello"), "4").response.status == 200


def test_start_tells_what_went_wrong():
    """The init phase raises nothing, so that the first invocation can count the fault, but says what is wrong."""
    error = DigestMismatchError("model.onnx", "altered")
    assert ServedModel(PINNED, FakeSchema(), Loader(error), Clock()).start() is error


def test_warm_up():
    """The model is asked once before the first request."""
    predictor = FakePredictor()
    serve(predictor, warm_up=({"text": "warm"},))
    assert predictor.seen == [[{"text": "warm"}]]


def test_warm_up_that_fails():
    """A model that fails its warm-up is served and counted per request: only so do alarms see it."""
    model = ServedModel(PINNED, FakeSchema(), Loader(FakePredictor(ValueError("bad"))), Clock())
    assert isinstance(model.start(({"text": "warm"},)), ValueError)
    assert model.answer(event("hello"), "4").fault


def test_first_request_is_cold():
    """The first request of an environment is told apart from all others."""
    model = serve(FakePredictor())
    assert [model.answer(event("hello"), "4").cold for _ in range(3)] == [True, False, False]


def test_time_is_taken_inside():
    """Milliseconds between the two looks at the clock."""
    assert serve(FakePredictor()).answer(event("hello"), "4").milliseconds == 125.0


@pytest.mark.parametrize("planted", [{}, {"request_id": "7", "inputs": "hello"}, [], None])
def test_malformed_event(planted):
    """An event that is no PredictRequest is the caller's fault, not the model's."""
    answered = serve(FakePredictor()).answer(planted, "4")
    assert answered.response.status == 400
    assert not answered.fault
