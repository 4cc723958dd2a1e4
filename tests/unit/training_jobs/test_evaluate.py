"""Faults planted in real bundles are seen by the evaluation job and refused by the gates that read its report."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from infolens import codec
from infolens.contracts.evaluation import Direction, EvaluationReport, Gate, ParityGate, ParityReport
from infolens.gates import refusals
from infolens.ml.bundle import digest_of, verify, write_manifest
from infolens.ml.training.int8_lookups import int8_lookups
from infolens.ml.training.job import TrainingError
from infolens.ml.training.quantisation import exact_bundle, finish_exact, keep_unquantised, read_exact
from infolens.tasks.news_category.schema import LABELS
from infolens.usecases.judgement import Case, judge_run
from ml_fakes import write_part
from serving_fakes import FakeObjects
from tiny_bundles import tiny_bundle

JOB = Path(__file__).parents[3] / "training_jobs" / "evaluate.py"
GATES = (
    Gate("accuracy", Direction.HIGHER, limit=0.70, max_loss=0.02, min_rows=80, why="S0-39"),
    Gate("macro_f1", Direction.HIGHER, limit=0.55, max_loss=0.03, min_rows=80, why="S0-26"),
    Gate("recall", Direction.HIGHER, limit=0.5, max_loss=None, min_rows=30, why="no section is lost", slice="label=*"),
)
PARITY_GATE = ParityGate(max_mean_difference=0.02, max_label_flips=0.03, min_rows=30)
UNKNOWN, SENATE, GOAL = range(3)
"""The words that `tiny_bundle` knows."""
POLITICS, SPORTS = LABELS.index("Politics"), LABELS.index("Sports")


def weights(**section_of: int) -> np.ndarray:
    """What each word speaks for; a model that is right says Politics to "senate" and Sports to "goal"."""
    found = np.zeros((3, len(LABELS)), dtype=np.float32)
    found[SENATE, section_of.get("senate", POLITICS)] = 20.0
    found[GOAL, section_of.get("goal", SPORTS)] = 20.0
    return found


def rows(business: int = 100, politics: int = 100, sports: int = 100) -> list[dict[str, object]]:
    """Test rows of three sections."""
    counted = (("Business", "share price", business), ("Politics", "senate", politics), ("Sports", "goal", sports))
    return [
        {"text": f"the {word} {number}", "label": label, "split": "test"}
        for label, word, count in counted
        for number in range(count)
    ]


class Bench:
    """A folder like /opt/ml/processing, and the bucket that the gates read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def quantised(self, spoil) -> str:
        """Quantise the candidate, keep its graph in 32 bits beside, and spoil the scales -> digest."""
        (self.root / "bundle").symlink_to(self.root / "candidate")
        graph = onnx.load(self.root / "candidate" / "model.onnx")
        onnx.save(graph, exact_bundle(self.root) / "model.onnx")
        assert int8_lookups(graph) == 1
        (scales,) = (one for one in graph.graph.initializer if one.name.endswith("/scales"))
        scales.CopyFrom(numpy_helper.from_array(spoil(numpy_helper.to_array(scales).copy()), scales.name))
        manifest = verify(self.root / "candidate", digest_of(self.root / "candidate"))
        onnx.save(graph, self.root / "candidate" / "model.onnx")
        digest = write_manifest(self.root / "candidate", manifest)
        finish_exact(self.root)
        return digest

    def judged(self, candidate: np.ndarray, champion: np.ndarray | None = None, *, test=None, gates=GATES, spoil=None):
        """Bundle the weights, evaluate as the job does, and judge what it wrote -> (refusals, report).

        With `spoil` the weights are quantised as an export does it, and then that is done to the scales.
        """
        digest = tiny_bundle(self.root / "candidate", weights=candidate)
        write_part(self.root / "dataset", test or rows())
        options = ["--task", "news_category", "--run-id", "run-1", "--dataset-id", "data-1"]
        options += ["--bundle", self.root / "candidate", "--dataset", self.root / "dataset"]
        options += ["--output", self.root / "processing" / "report", "--exact", self.root / "exact"]
        if spoil is None:
            keep_unquantised(self.root, "a few numbers")
        else:
            digest = self.quantised(spoil)
        against = ""
        if champion is not None:
            against = tiny_bundle(self.root / "champion", weights=champion)
            options += ["--champion", self.root / "champion", "--champion-digest", against]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["evaluate.py", *map(str, options)])
            runpy.run_path(str(JOB), run_name="__main__")
        report = (self.root / "processing" / "report" / "report.json").read_bytes()
        assert digest == digest_of(self.root / "candidate")
        objects = FakeObjects()
        prefix = "runs/news_category/run-1/"
        objects.data = {
            ("models", f"{prefix}export/bundle/manifest.json"): (self.root / "candidate/manifest.json").read_bytes(),
            ("models", f"{prefix}parity.json"): codec.to_json(ParityReport(digest, 400, 0.002, 0.05, 0.005)),
            ("models", f"{prefix}evaluation/report.json"): report,
        }
        verdict = judge_run(Case("news_category", "run-1", against, gates, PARITY_GATE), objects, "models")
        assert verdict.passed is (refusals(verdict) == ())
        return refusals(verdict), codec.from_json(EvaluationReport, report)


@pytest.fixture
def bench(tmp_path) -> Bench:
    """An empty bench."""
    return Bench(tmp_path)


def test_sound_model(bench):
    """A model that is right passes every gate, on slices as well."""
    refused, report = bench.judged(weights())
    assert refused == ()
    assert report.metrics["accuracy"] == 1.0
    assert report.slices["label=Sports"]["rows"] == 100.0


def test_constant_answer(bench):
    """A model that always says the same is refused by floor and slices, however sure it is."""
    refused, report = bench.judged(np.tile(np.eye(len(LABELS), dtype=np.float32)[SPORTS] * 20.0, (3, 1)))
    assert report.metrics["accuracy"] == pytest.approx(1 / 3)
    assert [reason.split(":")[0] for reason in refused] == [
        "accuracy",
        "macro_f1",
        "recall on label=Business",
        "recall on label=Politics",
    ]
    assert all(reason.endswith("below the floor") for reason in refused)


def test_model_that_answers_no_numbers(bench):
    """A bundle whose weights are broken gives no passing figure."""
    refused, _ = bench.judged(np.full((3, len(LABELS)), np.nan, dtype=np.float32))
    assert refused


def test_one_slice_spoiled(bench):
    """A model that gives up one section of three is refused for that section, although all rows together pass."""
    refused, report = bench.judged(weights(goal=POLITICS), test=rows(100, 100, 35))
    assert report.metrics["accuracy"] > 0.85
    assert report.metrics["macro_f1"] > 0.55
    assert refused == ("recall on label=Sports: 0.0000, floor 0.5000, n=35: below the floor",)


def loose(metric: str) -> Gate:
    """A gate whose floor passes nearly everything, so that only the comparison speaks."""
    return Gate(metric, Direction.HIGHER, limit=0.1, max_loss=0.02, min_rows=80, why="x")


def test_worse_than_the_champion(bench):
    """A candidate above every floor that is worse than what serves is refused, by each metric that it is worse in."""
    refused, report = bench.judged(weights(goal=POLITICS), weights(), test=rows(100, 100, 25))
    assert report.champion_metrics["accuracy"] == 1.0
    assert report.metrics["accuracy"] > 0.85
    assert report.champion_differences["accuracy"].value == pytest.approx(-25 / 225)
    assert [reason.split(":")[0] for reason in refused] == ["accuracy", "macro_f1"]
    assert all(reason.endswith("accepted: worse than the champion") for reason in refused)


def test_better_than_the_champion(bench):
    """A candidate that is right where the champion was wrong passes."""
    refused, report = bench.judged(weights(), weights(goal=POLITICS))
    assert refused == ()
    assert report.champion_differences["accuracy"].low > 0.2
    assert report.champion_differences["macro_f1"].low > 0.2


@pytest.mark.parametrize(("each", "passed"), [(50, True), (49, False)])
def test_same_answers_on_few_rows(bench, each, passed):
    """Another bundle with the very same answers is surely no worse from 150 rows on, where 0.02 may be lost."""
    refused, report = bench.judged(weights() * 2, weights(), test=rows(each, each, each), gates=(loose("accuracy"),))
    assert report.champion_differences["accuracy"].value == 0.0
    assert (refused == ()) is passed
    if not passed:
        assert "a larger loss is not ruled out; with the same answers some 160 rows would do it" in refused[0]


def test_too_few_rows(bench):
    """A test split smaller than the gates ask for is no evidence for a perfect model."""
    refused, _ = bench.judged(weights(), test=rows(20, 20, 20))
    assert "accuracy: 1.0000 on n=60 rows; at least 80 are needed as evidence" in refused
    assert any(reason.startswith("recall on label=*: too few rows in label=Business n=20, ") for reason in refused)


def without_sports(scales):
    """Break the scale of the one word that speaks for Sports."""
    scales[GOAL] = 0.0
    return scales


def test_sound_quantisation(bench):
    """An int8 model that answers as its graph in 32 bits does passes, and the report says what was compared."""
    refused, report = bench.judged(weights(), spoil=lambda scales: scales)
    assert refused == ()
    assert report.quantisation.exact_digest == digest_of(bench.root / "exact" / "bundle") != report.bundle_digest
    assert report.quantisation.exact_metrics["accuracy"] == 1.0


def test_broken_scale(bench):
    """A model above every floor is refused where one broken scale cost it a section that it knew before."""
    refused, report = bench.judged(weights(), spoil=without_sports, test=rows(100, 100, 25), gates=GATES[:2])
    assert report.metrics["accuracy"] > GATES[0].limit
    assert report.metrics["macro_f1"] > GATES[1].limit
    assert [reason.split(":")[0] for reason in refused] == ["quantisation accuracy", "quantisation macro_f1"]
    assert refused[0] == (
        "quantisation accuracy: quantised 0.8889, in 32 bits 1.0000, n=225, a loss of 0.0050 accepted: "
        "quantised weights cost too much (int8, a scale per output channel)"
    )


@pytest.mark.parametrize(("sports", "passed"), [(1, True), (2, False)])
def test_one_row_of_few(bench, sports, passed):
    """On few rows the answer to one of them may change, whatever it is worth to a metric; two may not."""
    refused, _ = bench.judged(weights(), spoil=without_sports, test=rows(100, 60, sports), gates=GATES[:1])
    assert (refused == ()) is passed


def test_export_that_lies(bench):
    """An export that says it did not quantise, where the bundle is, ends the job."""
    bench.judged(weights(), spoil=lambda scales: scales)
    keep_unquantised(bench.root, "nothing to gain")
    with pytest.raises(TrainingError, match=r"nothing is quantised, but model\.onnx is"):
        read_exact(bench.root / "exact", bench.root / "candidate")


def test_exact_graphs_of_another_run(bench):
    """Graphs in 32 bits that another run left are not compared with."""
    bench.judged(weights(), spoil=lambda scales: scales)
    exact = bench.root / "exact" / "bundle"
    write_manifest(exact, replace(verify(exact, digest_of(exact)), run_id="run-0"))
    with pytest.raises(TrainingError, match="comes from run run-0"):
        read_exact(bench.root / "exact", bench.root / "candidate")
