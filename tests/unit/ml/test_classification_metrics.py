"""Metrics of classifiers agree with sklearn and with counting by hand."""

import pytest
from sklearn.metrics import accuracy_score, f1_score

from infolens.ml.classification_metrics import classification_metrics

LABELS = ("a", "b", "c")


def test_by_hand():
    """Two of three right: accuracy 2/3; F1 of a 1, of b 2/3, of c 0."""
    metrics, slices = classification_metrics(["a", "b", "c"], ["a", "b", "b"], LABELS)
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert slices["label=c"] == {"recall": 0.0, "rows": 1.0}


def test_as_sklearn():
    """An uneven sample gives what sklearn gives."""
    truths = list("aaaaabbbc" * 5)
    answers = list("aaabcbbac" * 5)
    metrics, _ = classification_metrics(truths, answers, LABELS)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(truths, answers))
    assert metrics["macro_f1"] == pytest.approx(f1_score(truths, answers, average="macro"))


def test_a_label_that_nobody_names_is_left_out():
    """A label without rows has no slice and does not pull macro-F1 down."""
    metrics, slices = classification_metrics(["a", "b"], ["a", "b"], LABELS)
    assert metrics["macro_f1"] == 1.0
    assert set(slices) == {"label=a", "label=b"}


def test_a_label_that_is_only_answered_counts():
    """Answering a label that no row has costs macro-F1."""
    metrics, _ = classification_metrics(["a", "b"], ["a", "c"], LABELS)
    assert metrics["macro_f1"] == pytest.approx(1 / 3)


def test_no_rows():
    """Without rows there is no metric: a missing one is not zero."""
    assert classification_metrics([], [], LABELS) == ({}, {})


def test_unequal_lengths():
    """An answer that is missing is an error, not a wrong answer."""
    with pytest.raises(ValueError, match="shorter"):
        classification_metrics(["a", "b"], ["a"], LABELS)
