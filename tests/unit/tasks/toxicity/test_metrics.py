"""Metrics of toxicity say what moderators ask, and their slices are the comments that they name."""

import pytest

from infolens.tasks.toxicity.metrics import IDENTITY_TERMS, evaluate, groups_of


def rows(*texts_and_labels) -> list[dict[str, str]]:
    """Clean rows."""
    return [{"text": text, "label": label} for text, label in texts_and_labels]


def answer(score: float, threshold: float = 0.5) -> dict[str, object]:
    """An answer with this score."""
    return {"label": "toxic" if score >= threshold else "non-toxic", "toxicity": score}


def test_metrics():
    """Accuracy, F1 of the toxic class, false positives and the order of the scores, counted by hand."""
    truth = rows(*[(f"word {i}", "toxic") for i in range(2)], *[(f"word {i}", "non-toxic") for i in range(8)])
    scores = [0.9, 0.4, 0.6, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]
    metrics, _ = evaluate(truth, [answer(score) for score in scores])
    assert metrics["accuracy"] == 0.8
    assert metrics["recall"] == 0.5
    assert metrics["f1"] == 0.5
    assert metrics["false_positive_rate"] == 0.125
    assert metrics["roc_auc"] == 15 / 16
    assert metrics["fpr_at_recall_90"] == 0.125  # both toxic ones are needed: from 0.4 on, one benign one is above
    assert metrics["macro_f1"] == pytest.approx((0.5 + 14 / 16) / 2)


def test_nothing_toxic_says_little():
    """Answering non-toxic to everything has an accuracy of 0.9 and no F1 at all: why there are other gates."""
    truth = rows(("a", "toxic"), *[("b", "non-toxic")] * 9)
    metrics, _ = evaluate(truth, [answer(0.0)] * 10)
    assert metrics["accuracy"] == 0.9
    assert metrics["f1"] == 0.0
    assert metrics["roc_auc"] == 0.5
    assert metrics["fpr_at_recall_90"] == 1.0


def test_one_kind_of_rows():
    """What needs both kinds is missing where one is: a missing metric is not zero."""
    metrics, _ = evaluate(rows(("a", "non-toxic"), ("b", "non-toxic")), [answer(0.1), answer(0.9)])
    assert metrics["false_positive_rate"] == 0.5
    assert not {"roc_auc", "fpr_at_recall_90", "recall"} & set(metrics)
    assert evaluate([], []) == ({}, {})


def test_slices():
    """Each slice has the accuracy and false positives of its own comments, and how many there are."""
    truth = rows(
        ("A Muslim reader wrote this.", "non-toxic"),
        ("The MUSLIMS of the town", "non-toxic"),
        ("women and a muslim", "toxic"),
        ("nothing of that kind", "toxic"),
    )
    _, slices = evaluate(truth, [answer(score) for score in (0.9, 0.1, 0.9, 0.1)])
    assert slices["identity=muslim"] == {
        "accuracy": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "recall": 1.0,
        "false_positive_rate": 0.5,
        "rows": 3.0,
    }
    assert slices["identity=women"]["rows"] == 1.0
    assert slices["length=short"]["rows"] == 4.0
    assert slices["label=toxic"] == {"recall": 0.5, "rows": 2.0}
    assert "identity=men" not in slices


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("a gay man", {"identity=lgbt", "identity=men"}),
        ("the black women", {"identity=black", "identity=women"}),
        ("human mankind, blackboard, Jewel", set()),  # words, not parts of them
        ("BLIND, deaf.", {"identity=disability"}),
    ],
)
def test_mentions(text, groups):
    """A group is mentioned by a whole word, in any case."""
    assert set(groups_of(text)) - {"length=short"} == groups


@pytest.mark.parametrize(
    ("length", "name"),
    [(99, "short"), (100, "medium"), (399, "medium"), (400, "long"), (999, "long"), (1_000, "very long")],
)
def test_lengths(length, name):
    """The limits of the length slices."""
    assert f"length={name}" in groups_of("x" * length)


def test_no_term_is_in_two_groups():
    """A comment is not in two groups by one word."""
    terms = [term for some in IDENTITY_TERMS.values() for term in some]
    assert len(terms) == len(set(terms))
    assert len(IDENTITY_TERMS) == 11


def test_answers_must_fit():
    """As many answers as rows, or none of the figures would mean anything."""
    with pytest.raises(ValueError, match="zip"):
        evaluate(rows(("a", "toxic")), [])
