"""Parity sees every kind of difference between an exported model and the one it was made from."""

import numpy as np
import pytest

from infolens.ml.parity import compare

TRAINED = [[0.7, 0.3], [0.4, 0.6]]


def test_equal_scores():
    """The same scores differ in nothing."""
    report = compare(TRAINED, TRAINED, "d")
    assert (report.bundle_digest, report.rows) == ("d", 2)
    assert (report.mean_difference, report.max_difference, report.label_flips) == (0.0, 0.0, 0.0)


def test_a_difference_without_a_flip():
    """A moved probability shows in mean and maximum, over all inputs and labels."""
    report = compare([[0.6, 0.4], [0.4, 0.6]], TRAINED, "d")
    assert report.mean_difference == pytest.approx(0.05)
    assert report.max_difference == pytest.approx(0.1)
    assert report.label_flips == 0.0


def test_a_flip():
    """An answer that changes counts as a share of the rows."""
    assert compare([[0.49, 0.51], [0.4, 0.6]], TRAINED, "d").label_flips == 0.5


def test_scores_that_are_no_numbers():
    """NaN and infinity count as wholly wrong, also where the reference has them too."""
    report = compare([[np.nan, 0.3], [0.4, 0.6]], TRAINED, "d")
    assert report.max_difference == 1.0
    assert report.label_flips == 0.5
    both = compare([[np.nan, np.nan]], [[np.nan, np.nan]], "d")
    assert (both.mean_difference, both.label_flips) == (1.0, 1.0)


def test_no_rows_are_no_parity():
    """Without rows everything counts as different: no evidence is not success."""
    report = compare(np.empty((0, 2)), np.empty((0, 2)), "d")
    assert (report.rows, report.mean_difference, report.label_flips) == (0, 1.0, 1.0)


def test_other_shapes():
    """Scores of other inputs or labels cannot be compared, and say so."""
    with pytest.raises(ValueError, match=r"\(1, 2\).*\(2, 2\)"):
        compare([[0.5, 0.5]], TRAINED, "d")
