"""On the public crashes and weather the served model passes its gates and is clearly above the seasonal class."""

from __future__ import annotations

import csv
import gzip
import importlib.util
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from infolens.ml.bundle import digest_of, verify
from infolens.ml.training.rehearsal import Rehearsal, RehearsalError, Taken, rehearse, take_files
from infolens.rows.nyc_boroughs import borough_at
from infolens.tasks.crash_risk import predict
from infolens.tasks.crash_risk.examples import split_examples
from infolens.tasks.crash_risk.metrics import evaluate
from infolens.tasks.crash_risk.schema import LABELS, RECENT, TYPICAL, WEATHER

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
FOLDER = DATA / "nyc_collisions"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the public data set is not beside the checkout ({FOLDER})"),
    pytest.mark.timeout(600),
]

_spec = importlib.util.spec_from_file_location("crash_benchmark", ROOT / "infra/benchmarks/tasks/crash_risk.py")
assert _spec is not None
assert _spec.loader is not None
benchmark = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(benchmark)


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Folder with the dataset that ingest makes of the public files."""
    folder = tmp_path_factory.mktemp("crash_risk")
    taken = take_files("crash_risk", [DATA / name for name in benchmark.FILES], folder / "dataset")
    assert taken == Taken(rows_in=144_951, kept=129_355, duplicates=8_601, rejected=6_995, splits={"by_time": 129_355})
    return folder


@pytest.fixture(scope="module")
def made(work) -> dict[str, list[dict[str, object]]]:
    """The examples of all splits."""
    return split_examples(work / "dataset")


@pytest.fixture(scope="module")
def done(work) -> Rehearsal:
    """Training, export, parity, evaluation and verdict by the very job scripts."""
    return rehearse("crash_risk", work / "dataset", work / "ml", profile="cpu")


def test_crashes_without_time_are_refused_whole(tmp_path):
    """The file that has dates and no times is refused with the reason."""
    with pytest.raises(RehearsalError, match="column time: no such column"):
        take_files("crash_risk", [FOLDER / "crashes_2025_2026_dates.csv"], tmp_path)


def test_places():
    """The outlines put 99 % of the crashes of each borough where the police reported them."""
    right, seen = Counter(), Counter()
    with gzip.open(FOLDER / "crashes_2016_2020.csv.gz", "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["BOROUGH"] and float(row["LATITUDE"] or 0.0):
                seen[row["BOROUGH"]] += 1
                right[row["BOROUGH"]] += borough_at(float(row["LATITUDE"]), float(row["LONGITUDE"])) == row["BOROUGH"]
    assert seen.total() > 40_000
    assert all(right[name] > 0.98 * seen[name] for name in seen)
    assert right.total() > 0.99 * seen.total()


def test_examples(made):
    """The covered days become 7,176 examples; every training day is before validation, and that before the test."""
    assert {name: len(part) for name, part in made.items()} == {"train": 5_020, "validation": 1_076, "test": 1_080}
    ends = [(str(part[0]["date"]), str(part[-1]["date"])) for part in made.values()]
    assert ends == [("2016-06-18", "2021-12-21"), ("2021-12-22", "2022-08-08"), ("2022-08-09", "2023-03-31")]
    others = [e for part in made.values() for e in part if e["borough"] != "QUEENS"]
    assert not any("2020-04-14" <= str(example["date"]) < "2022-01-01" for example in others)


def test_ruler(made):
    """What is typical (schema.py) is what the training part has, within a tenth of a crash."""
    for borough, typical in TYPICAL.items():
        crashes = [int(str(example["crashes"])) for example in made["train"] if example["borough"] == borough]
        assert sum(crashes) / len(crashes) == pytest.approx(typical, abs=0.1)
    shares = Counter(str(example["label"]) for example in made["train"])
    assert all(0.15 < shares[name] / len(made["train"]) < 0.26 for name in LABELS)


def test_gates(done):
    """The served bundle passes every gate, and the trained model and the bundle answer alike."""
    assert [result for result in done.verdict.results if not result.passed] == []
    assert done.parity.max_difference < 1e-5
    assert done.parity.label_flips == 0.0
    assert sum(file.size for file in done.manifest.files) < 50_000  # S4-09


def test_above_the_seasonal_class(done, made):
    """Macro-F1, accuracy and ROC-AUC are clearly above those of the most frequent class of the same cells."""
    seasonal = benchmark.baseline(made["train"], made["test"])
    assert seasonal["macro_f1"] == pytest.approx(0.345, abs=0.005)
    assert done.report.metrics["macro_f1"] > seasonal["macro_f1"] + 0.06
    assert done.report.metrics["accuracy"] > seasonal["accuracy"] + 0.10
    assert done.report.metrics["roc_auc"] > seasonal["roc_auc"] + 0.04


def test_every_slice_is_reported(done):
    """Boroughs, hours and the failure modes that the test days have are slices of their own (S4-11)."""
    assert {f"borough={name}" for name in TYPICAL} <= set(done.report.slices)
    assert {"hours=00-06", "hours=06-12", "hours=12-18", "hours=18-24"} <= set(done.report.slices)
    assert {"day=holiday", "day=spike", "day=heavy_rain"} <= set(done.report.slices)


def test_little_known(done, made):
    """Asked with day, hour and borough alone, in the weeks after the dataset's end, answers say what they assumed.

    Levels of Queens are known to the end; there the answers rank better than chance by far without any history.
    """
    predictor = predict.load(done.bundle, verify(done.bundle, digest_of(done.bundle)))
    queens = [example for example in made["test"] if example["borough"] == "QUEENS"]
    asked = [{name: example[name] for name in ("date", "hour", "borough")} for example in queens]
    answers = predictor.predict(asked)
    assert {tuple(answer["assumed"]) for answer in answers} == {(*WEATHER, *RECENT)}
    metrics, _ = evaluate(queens, answers)
    assert metrics["roc_auc"] > 0.70
    assert metrics["within_one"] > 0.85


def test_more_recent_crashes_are_never_safer(done, made):
    """Doubling what a cell had in recent weeks never makes its answer safer, whatever the cell."""
    predictor = predict.load(done.bundle, verify(done.bundle, digest_of(done.bundle)))
    doubled = [
        example | {name: 2.0 * float(str(example[name])) for name in RECENT if name in example}
        for example in made["test"][::7]
    ]
    before = [int(str(answer["label_id"])) for answer in predictor.predict(made["test"][::7])]
    after = [int(str(answer["label_id"])) for answer in predictor.predict(doubled)]
    assert all(more <= fewer for more, fewer in zip(after, before, strict=True))
    assert sum(more < fewer for more, fewer in zip(after, before, strict=True)) > 0.8 * len(after)


def test_probabilities_are_honest(done, made):
    """How sure the answers are is how often they are right, within the error of some thousand examples."""
    predictor = predict.load(done.bundle, verify(done.bundle, digest_of(done.bundle)))
    answers = predictor.predict(made["test"])
    right = [answer["label"] == example["label"] for answer, example in zip(answers, made["test"], strict=True)]
    sure = sum(float(str(answer["confidence"])) for answer in answers) / len(answers)
    assert sure == pytest.approx(sum(right) / len(right), abs=0.04)
    assert date.fromisoformat(str(made["test"][0]["date"])) > date.fromisoformat(str(made["train"][-1]["date"]))
