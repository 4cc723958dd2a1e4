"""The cases cannot be known to any model, and a bundle answers them as they demand."""

from __future__ import annotations

from infolens.ml.bundle import digest_of, verify
from infolens.ml.training.sse_pt_export import export_sse_pt
from infolens.tasks.movie_recommendation.cases import CASES
from infolens.tasks.movie_recommendation.metrics import evaluate
from infolens.tasks.movie_recommendation.predict import load
from sse_pt_fakes import export_job, tiny_model


def test_a_bundle_admits_that_it_knows_nothing(tmp_path):
    """Unknown users and movies, and empty sequences: popularity, said each time, with every unknown movie counted."""
    tiny_model(tmp_path / "model")
    export_sse_pt(export_job(tmp_path), [])
    bundle = tmp_path / "export" / "bundle"
    predictor = load(bundle, verify(bundle, digest_of(bundle)))
    examples = [case.example for case in CASES]
    answers = predictor.predict(examples)
    metrics, _ = evaluate(examples, answers)
    assert metrics["fallback_stated"] == 1.0
    assert metrics["repeats"] == 0.0
    assert "catalogue_coverage" not in metrics
    lists = {example["top_k"]: answer["top_items"] for example, answer in zip(examples, answers, strict=True)}
    assert lists == {1: [50], 10: [50, 10, 40, 20, 30], 100: [50, 10, 40, 20, 30]}


def test_there_are_enough_of_them():
    """The gate on them asks for ten; they cover lists of one and of a hundred, and nothing at all."""
    assert len(CASES) >= 10
    assert {len(case.example["sequence"]) for case in CASES} >= {0, 1, 100}
    assert {case.example["top_k"] for case in CASES} == {1, 10, 100}
