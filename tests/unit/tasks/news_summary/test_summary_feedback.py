"""Editors' summaries that are told later."""

import pytest

from infolens.contracts.task import RowRejected
from infolens.tasks.news_summary.feedback import FEEDBACK, MAX_LABEL


def summary(text):
    """An answer."""
    return {"summary": text, "kind": "written", "sentences": []}


def test_score_is_rouge_l():
    """ROUGE-L's own example (Lin 2004): police kill the gunman against police killed the gunman is 3/4."""
    assert FEEDBACK.score(summary("Police kill the gunman."), "police killed the gunman") == 0.75


@pytest.mark.parametrize(("other", "alike"), [("one two x y", True), ("one x y z", False)])
def test_half_of_the_words_in_common_is_agreement(other, alike):
    """Two words of four are enough, one is not; order of the answers does not matter."""
    assert FEEDBACK.agree(summary("one two three four"), summary(other)) is alike
    assert FEEDBACK.agree(summary(other), summary("one two three four")) is alike


@pytest.mark.parametrize(("told", "fits"), [("w" * MAX_LABEL, True), ("w" * (MAX_LABEL + 1), False), ("...", False)])
def test_limits_of_a_label(told, fits):
    """A summary has a word, and so many characters at most."""
    if fits:
        assert FEEDBACK.check_label(told) == told
    else:
        with pytest.raises(RowRejected):
            FEEDBACK.check_label(told)


def test_punctuation_alone_is_null():
    """An answer without a word says nothing."""
    assert FEEDBACK.null(summary(" . "))
    assert not FEEDBACK.null(summary("A vote."))
