"""Metrics agree with scikit-learn's, and slices hold the rows they name."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from infolens.tasks.crash_risk.metrics import evaluate, slices_of, unit
from infolens.tasks.crash_risk.schema import LABELS


def example(**given) -> dict[str, object]:
    """A Wednesday afternoon in Queens."""
    usual = {"date": "2023-02-08", "hour": 12, "borough": "QUEENS", "label": "Average", "seasonal": "Average"}
    return usual | {"crashes": 15, "band_crashes_28d": 15.0} | given


def answer(label: str, **probabilities: float) -> dict[str, object]:
    """An answer that is sure, unless it is said otherwise."""
    return {"label": label, "probabilities": {name: probabilities.get(name, float(name == label)) for name in LABELS}}


def drawn(rows: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Random truths and answers."""
    source = random.Random(5)
    examples, answers = [], []
    for _ in range(rows):
        weights = [source.random() for _ in LABELS]
        shares = dict(zip(LABELS, (weight / sum(weights) for weight in weights), strict=True))
        examples.append(example(label=source.choice(LABELS), seasonal=source.choice(LABELS)))
        answers.append({"label": max(shares, key=lambda name: shares[name]), "probabilities": shares})
    return examples, answers


def test_against_scikit_learn():
    """Accuracy, precision, recall, macro-F1 and ROC-AUC (S4-11) are the usual ones."""
    rows, answers = drawn(300)
    metrics, _ = evaluate(rows, answers)
    truth, said = [row["label"] for row in rows], [one["label"] for one in answers]
    names = sorted(LABELS)
    scores = [[one["probabilities"][name] for name in names] for one in answers]
    assert metrics["accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert metrics["precision"] == pytest.approx(precision_score(truth, said, average="macro"))
    assert metrics["recall"] == pytest.approx(recall_score(truth, said, average="macro"))
    assert metrics["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(truth, scores, multi_class="ovr", labels=names))
    seasonal = f1_score(truth, [row["seasonal"] for row in rows], average="macro")
    assert metrics["macro_f1_over_seasonal"] == pytest.approx(metrics["macro_f1"] - seasonal)


def test_ties_rank_halfway():
    """Answers that are all alike rank nothing: the area is one half."""
    rows = [example(label="Safe"), example(label="Average"), example(label="Dangerous")]
    metrics, _ = evaluate(rows, [answer("Average", **dict.fromkeys(LABELS, 0.2))] * 3)
    assert metrics["roc_auc"] == 0.5


def test_within_one():
    """One class off is near, two are not."""
    said = [answer("Average"), answer("Somewhat Safe"), answer("Safe"), answer("Dangerous")]
    metrics, _ = evaluate([example()] * 4, said)
    assert metrics["within_one"] == 0.5


def test_one_class_alone_has_no_area():
    """What the rows cannot tell is left out, not zero."""
    metrics, _ = evaluate([example()], [answer("Average")])
    assert "roc_auc" not in metrics
    assert metrics["macro_f1"] == 1.0


def test_no_rows():
    """No rows, no metrics."""
    assert evaluate([], []) == ({}, {})


def test_as_many_answers_as_rows():
    """Answers that do not belong to the rows are an error."""
    with pytest.raises(ValueError, match="0 answers to 1 rows"):
        evaluate([example()], [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, set()),
        ({"date": "2022-12-26"}, {"day=holiday"}),
        ({"snow": 1.0}, {"day=snow"}),
        ({"snow": 0.99}, set()),
        ({"prcp": 1.0}, {"day=heavy_rain"}),
        ({"prcp": 0.99}, set()),
        ({"crashes": 23}, {"day=spike"}),
        ({"crashes": 22}, set()),
        ({"crashes": 1, "band_crashes_28d": 0.2}, set()),
        ({"crashes": 2, "band_crashes_28d": 0.2}, {"day=spike"}),
    ],
)
def test_slices(given, expected):
    """Every row is in its borough and hours; holidays, snow, heavy rain and spikes besides (S4-11)."""
    assert slices_of(example(**given)) == {"borough=QUEENS", "hours=12-18", *expected}


def test_slices_are_measured():
    """A slice has the metrics of its own rows."""
    rows = [example(), example(), example(borough="BRONX", hour=18)]
    _, slices = evaluate(rows, [answer("Average"), answer("Safe"), answer("Average")])
    assert slices["borough=QUEENS"]["rows"] == 2
    assert slices["borough=QUEENS"]["accuracy"] == 0.5
    assert slices["hours=18-24"]["accuracy"] == 1.0


def test_unit():
    """Rows of one day are not independent of each other."""
    assert unit(example()) == unit(example(hour=18, borough="BRONX")) != unit(example(date="2023-02-09"))
