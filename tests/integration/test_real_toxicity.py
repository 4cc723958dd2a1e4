"""On Jigsaw's comments a short training passes its gates as it would be served, and beats a linear model."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from infolens.gates import refusals
from infolens.ml.training.rehearsal import rehearse, take_files
from infolens.tasks.toxicity.examples import examples

ROOT = Path(__file__).parents[2]
COMMENTS = ROOT.parent / "shared" / "data" / "toxic_comments"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not COMMENTS.is_dir(), reason=f"the public data sets are not beside the checkout ({COMMENTS})"),
    pytest.mark.timeout(1_200),
]


@pytest.fixture
def baseline():
    """The benchmark's own baseline."""
    path = ROOT / "infra" / "benchmarks" / "tasks" / "toxicity.py"
    spec = importlib.util.spec_from_file_location("toxicity_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.baseline


@pytest.mark.parametrize(
    ("name", "rows", "toxic"),
    [("jigsaw_binary", 16_057, 1_564), ("jigsaw_multilabel", 7_497, 3_470), ("davidson_tweets", 19_748, 16_473)],
)
def test_public_files(tmp_path, name, rows, toxic):
    """Every row of the three files is counted, and the toxic ones are as many as the data's README says."""
    found = take_files("toxicity", [COMMENTS / f"{name}.csv.gz"], tmp_path)
    assert found.rows_in == rows == found.kept + found.duplicates + found.rejected
    assert found.duplicates + found.rejected < 0.02 * rows
    labels = [label for path in tmp_path.iterdir() for label in pq.read_table(path).column("label").to_pylist()]
    assert abs(labels.count("toxic") - toxic) < 0.02 * toxic


def test_copies_in_both_files_of_jigsaw(tmp_path):
    """The comments that the second file repeats without digits and punctuation are known as copies."""
    files = [COMMENTS / f"jigsaw_{name}.csv.gz" for name in ("binary", "multilabel")]
    alone = sum(take_files("toxicity", [one], tmp_path / one.stem).kept for one in files)
    assert alone - take_files("toxicity", files, tmp_path / "both").kept > 600


def test_served_model_on_jigsaw(tmp_path, baseline):
    """Three epochs of five: the bundle passes the gates on all rows, and is above TF-IDF with logistic regression."""
    data = tmp_path / "dataset"
    take_files("toxicity", [COMMENTS / "jigsaw_binary.csv.gz"], data)
    done = rehearse("toxicity", data, tmp_path / "ml", options=("--seed", "20", "--epochs", "3"))
    assert [reason for reason in refusals(done.verdict) if "identity=" not in reason and "cases=" not in reason] == []
    beside = baseline(examples(data, "train"), examples(data, "test"))
    metrics = done.report.metrics
    assert metrics["roc_auc"] > beside["roc_auc"]
    assert metrics["f1"] > beside["f1"]
    assert metrics["fpr_at_recall_90"] < beside["fpr_at_recall_90"]
    for suite in ("sarcasm", "spelling_noise", "toxicity_at_end", "long_benign_context"):
        assert done.report.slices[f"cases={suite}"]["accuracy"] >= 0.75  # the gate's 0.80 is for the whole training
    assert done.seconds["answer"] < 0.1  # S1-09
