"""On real articles fake_news is learned from the text: a model that may see the agency's mark is refused, ours is not.

The models here are smaller and trained for fewer steps than the `cpu` profile's, so that the test takes a minute; the
profile's own figures come from `infra/benchmarks/tasks/measure.py fake_news`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infolens.contracts.evaluation import EvaluationReport, Quantisation
from infolens.gates import judge, refusals
from infolens.ml.bundle import verify
from infolens.ml.parity import compare
from infolens.ml.training.job import ExportJob, Provenance, TrainingJob
from infolens.ml.training.rehearsal import take_files
from infolens.ml.training.text_classifier_export import export_text_classifier
from infolens.ml.training.text_classifier_model import EncoderSize
from infolens.ml.training.text_classifier_training import train_text_classifier
from infolens.rows.agency_mark import carries_agency_mark, with_agency_mark
from infolens.tasks.evaluation import HeldOut
from infolens.tasks.fake_news import predict
from infolens.tasks.fake_news.examples import examples
from infolens.tasks.fake_news.gates import GATES, PARITY
from infolens.tasks.fake_news.schema import LABELS, SCHEMA
from infolens.tasks.fake_news.train import CPU

DATA = Path(__file__).parents[3] / "shared" / "data" / "fake_news"
NEWS = DATA / "news_articles.csv.gz"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not NEWS.is_file(), reason=f"the public data set is not beside the checkout ({NEWS})"),
    pytest.mark.timeout(600),
]

QUICK = replace(CPU, epochs=4, max_tokens=1_024, encoder_tokens=64, size=EncoderSize(16, 1, 2, family="xlnet"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """The public articles as ingest keeps them."""
    directory = tmp_path_factory.mktemp("dataset")
    taken = take_files("fake_news", [NEWS], directory)
    assert (taken.rows_in, taken.rejected) == (2_097, 0)
    assert taken.kept + taken.duplicates == 2_097
    return directory


def judged(dataset, work, profile, train):
    """Train on `train`, export, and give (report, what the gates refuse) of the bundle on the dataset's test split."""
    torch.set_num_threads(1)
    job = TrainingJob(Provenance("fake_news", "run", "data", "code"), dataset, work, None, "cpu", "", seed=1)
    train_text_classifier(job, profile, LABELS, train, examples(dataset, "validation"))
    held_out = HeldOut.of("fake_news", dataset)
    digest = export_text_classifier(ExportJob(work, dataset, work / "out"), held_out.examples, train)
    bundle, reference = work / "out" / "bundle", json.loads((work / "out" / "reference.json").read_text())
    scores = predict.load(bundle, verify(bundle, digest)).scores(reference["inputs"])
    parity = compare(scores, reference["scores"], digest)
    metrics, slices = held_out.measure(held_out.answered_by(bundle, digest))
    report = EvaluationReport(
        "fake_news",
        "run",
        "data",
        digest,
        len(held_out.examples),
        metrics,
        slices,
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    return report, refusals(judge(report, parity, GATES, PARITY, bundle_digest=digest, champion_digest=""))


def test_ours_is_learned_from_the_text(dataset, tmp_path):
    """F1 of 0.80 and more after a quarter of the training, and the same whatever mark the articles carry."""
    report, refused = judged(dataset, tmp_path, QUICK, examples(dataset, "train"))
    assert report.metrics["f1"] >= 0.80
    assert report.metrics["macro_f1"] >= 0.80
    assert report.slices["marker=carried"]["rows"] >= 20.0
    for name in ("marker=removed", "marker=planted"):
        assert report.slices[name]["rows"] == len(examples(dataset, "test")) / 2
        assert abs(report.slices[name]["f1"] - report.metrics["f1"]) <= 0.02
    # The floors are for the whole profile; that the gaps and parity hold is for every size.
    assert not [reason for reason in refused if "marker=planted" in reason or "parity" in reason]


@pytest.mark.parametrize(("hidden", "is_refused"), [((), True), (CPU.hidden, False)])
def test_a_planted_shortcut(dataset, tmp_path, hidden, is_refused):
    """Where every real text to learn from carries the mark, a model that may see it is refused; ours never sees it."""
    rows = [
        row | {"text": with_agency_mark(row["text"])}
        if row["label"] == "real" and not carries_agency_mark(row["text"])
        else row
        for row in examples(dataset, "train")[:900]
    ]
    profile = replace(QUICK, epochs=3, min_steps=80, max_tokens=256, hidden=hidden)
    report, refused = judged(dataset, tmp_path, profile, rows)
    gap = report.metrics["f1"] - report.slices["marker=planted"].get("f1", 0.0)
    assert any("marker=planted" in reason for reason in refused) is is_refused, (gap, refused)
    assert (gap > 0.05) is is_refused


@pytest.mark.parametrize(
    ("name", "counts", "rejected"),
    [
        ("covid_posts.csv", {"real": 3_600, "fake": 3_230}, 0),
        ("liar_statements.csv.gz", {"real": 5_751, "fake": 4_561}, 8),  # 8 mere headings of under 15 characters
    ],
)
def test_other_public_sets_are_taken_as_they_are(name, counts, rejected):
    """Columns and labels of the COVID posts and of LIAR, its six grades as two, without a change to the files."""
    csv.field_size_limit(sys.maxsize)
    data = (DATA / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    places = SCHEMA.bind(header, labelled=True)
    found: dict[str, int] = {}
    refused = 0
    for line in lines:
        try:
            row = SCHEMA.clean({field: line[place] for field, place in places.items()})
        except ValueError:
            refused += 1
        else:
            found[str(row["label"])] = found.get(str(row["label"]), 0) + 1
    assert (found, refused) == (counts, rejected)
