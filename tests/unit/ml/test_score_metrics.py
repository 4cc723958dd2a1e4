"""ROC-AUC, false positives at a recall and the choice of a threshold agree with scikit-learn and with counting."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score, roc_curve

from infolens.ml.score_metrics import fpr_at_recall, roc_auc, threshold_at_recall, threshold_near_best_f1

SOURCE = np.random.default_rng(3)
POSITIVE = SOURCE.random(500) < 0.2
SCORES = np.round(SOURCE.normal(size=500) + POSITIVE, 2)  # rounded: ties


def test_roc_auc():
    """The area is scikit-learn's, ties included; a perfect order has 1, a reversed one 0, one score for all a half."""
    assert roc_auc(POSITIVE, SCORES) == pytest.approx(roc_auc_score(POSITIVE, SCORES))
    truth = np.array([False, False, True])
    assert roc_auc(truth, np.array([0.1, 0.2, 0.3])) == 1.0
    assert roc_auc(truth, np.array([0.3, 0.2, 0.1])) == 0.0
    assert roc_auc(truth, np.array([0.2, 0.2, 0.2])) == 0.5


def test_fpr_at_recall():
    """It is the first point of scikit-learn's curve with that recall."""
    fpr, tpr, _ = roc_curve(POSITIVE, SCORES, drop_intermediate=False)
    for recall in (0.1, 0.5, 0.9, 1.0):
        assert fpr_at_recall(POSITIVE, SCORES, recall) == pytest.approx(fpr[np.argmax(tpr >= recall - 1e-12)])


@pytest.mark.parametrize(("recall", "threshold"), [(0.90, 2.0), (0.91, 1.0), (1.0, 1.0), (0.05, 10.0)])
def test_threshold_at_recall(recall, threshold):
    """Of ten positive rows, nine are recall 0.90 exactly, and 0.91 needs the tenth."""
    positive = np.array([True] * 10 + [False])
    scores = np.array([10.0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    assert threshold_at_recall(positive, scores, recall) == threshold


def test_threshold_near_best_f1():
    """No threshold has an F1 that is half a point better; the F1 given is that of the threshold given."""
    threshold, f1 = threshold_near_best_f1(POSITIVE, SCORES)
    assert f1 == pytest.approx(f1_score(POSITIVE, threshold <= SCORES))
    best = max(f1_score(POSITIVE, one <= SCORES) for one in SCORES)
    assert f1 >= best - 0.01


def test_a_separable_threshold():
    """Where the kinds are apart, the threshold takes all of one and none of the other."""
    threshold, f1 = threshold_near_best_f1(np.array([False, False, True, True]), np.array([-2.0, -1.0, 1.0, 2.0]))
    assert -1.0 < threshold <= 1.0
    assert f1 == 1.0


@pytest.mark.parametrize(
    ("positive", "scores"),
    [([True, True], [0.1, 0.2]), ([False, False], [0.1, 0.2]), ([True, False], [0.1, float("nan")])],
)
def test_what_cannot_be_said(positive, scores):
    """Rows of one kind, and scores that are no numbers, are refused: a missing metric is not zero."""
    for measure in (roc_auc, threshold_near_best_f1):
        with pytest.raises(ValueError, match=r"one kind|no number"):
            measure(np.array(positive), np.array(scores))
