"""The trained model of a task itself, on torch in fp32, with the steps before and behind it that serving has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from texts import versions

from infolens.tasks import part_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answers = Callable[[dict[str, Any]], Any]


def text_classifier(trained: Path, bundle: Path) -> Answers:
    """Encoder with a class head."""
    from infolens.ml.training.text_classifier_export import trained_scores  # noqa: PLC0415 - each needs its own
    from infolens.ml.training.text_classifier_model import load  # noqa: PLC0415

    del bundle
    model, tokens, _ = load(trained)
    return lambda item: trained_scores(model, tokens, [item["text"]])[0]


def comment_classifier(trained: Path, bundle: Path) -> Answers:
    """Model of words."""
    from infolens.ml.comment_classifier import encoding_of  # noqa: PLC0415
    from infolens.ml.training.comment_export import served_config, trained_scores  # noqa: PLC0415
    from infolens.ml.training.comment_model import ServedWordModel, WordModel, load  # noqa: PLC0415

    model, record = load(trained)
    served = ServedWordModel(model) if isinstance(model, WordModel) else model
    encoding = encoding_of(served_config(record), bundle)
    return lambda item: trained_scores(served, encoding, record.threshold, [item["text"]])[0]


def sentence_ranker(trained: Path, bundle: Path) -> Answers:
    """Ranker of sentences."""
    from infolens.ml.training.sentence_ranker_export import trained_scores  # noqa: PLC0415
    from infolens.ml.training.sentence_ranker_model import load  # noqa: PLC0415

    del bundle
    model, tokens, _ = load(trained)
    return lambda item: trained_scores(model, tokens, [item["text"]])[0]


def recommender(trained: Path, bundle: Path) -> Answers:
    """SSE-PT."""
    from infolens.ml.training.sse_pt_export import trained_scores  # noqa: PLC0415
    from infolens.ml.training.sse_pt_model import load  # noqa: PLC0415

    del bundle
    model, catalogue, _ = load(trained)
    model.eval()
    return lambda item: trained_scores(model, catalogue, [item])[0]


def tabular(trained: Path, bundle: Path) -> Answers:
    """Tabular model of crash_risk."""
    from infolens.ml.training.tabular_export import trained_scores  # noqa: PLC0415
    from infolens.ml.training.tabular_model import load  # noqa: PLC0415

    predict: Any = part_of("crash_risk", "predict")
    tables = predict.read_tables(bundle)
    model, _ = load(trained)
    return lambda item: trained_scores(model, [predict.features(item, tables)[0]])[0]


OPEN = {
    "crash_risk": tabular,
    "fake_news": text_classifier,
    "movie_recommendation": recommender,
    "news_category": text_classifier,
    "news_summary": sentence_ranker,
    "toxicity": comment_classifier,
}


class Engine:
    """Checked input in, scores out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Load the trained model."""
        del variant
        torch.set_num_threads(threads)
        trained = folder / model / "ml" / "model"
        self.answer = OPEN[model](trained, folder / model / "ml" / "processing" / "output" / "bundle")
        self.files = [path for path in trained.iterdir() if path.suffix == ".safetensors"]
        self.versions = versions("torch")

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Scores of one input."""
        return [float(value) for value in self.answer(item)]
