"""The cases are enough to mean something, of both labels, not repeated, and none of what training makes or is given."""

from collections import Counter

import pytest

from infolens.ml.comment_words import words_of
from infolens.tasks.toxicity import sample
from infolens.tasks.toxicity.cases import CASES
from infolens.tasks.toxicity.schema import LABELS, SCHEMA
from infolens.tasks.toxicity.train import FRAMES

SUITES = ("negation", "sarcasm", "spelling_noise", "toxicity_at_end", "long_benign_context", "templates")


def texts(suite: str, label: str) -> list[str]:
    """Texts of one side of a suite."""
    return [str(case.example["text"]) for case in CASES if case.suite == suite and case.example["label"] == label]


def test_suites():
    """The five failure modes of S1 and its template tests, at least 50 cases each, half of them benign."""
    assert {case.suite for case in CASES} == set(SUITES)
    for suite in SUITES:
        counts = Counter(case.example["label"] for case in CASES if case.suite == suite)
        assert counts == dict.fromkeys(LABELS, 40)


def test_no_case_is_there_twice():
    """Every case is a text of its own, and clean already."""
    all_texts = [str(case.example["text"]) for case in CASES]
    assert len(set(all_texts)) == len(all_texts)
    for text in all_texts:
        assert SCHEMA.check({"text": text}) == {"text": text}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("label", LABELS)
def test_variety(suite, label):
    """No sentence stands behind more than a fifth of one side of a suite: its first four words differ."""
    starts = Counter(" ".join(text.split(" ")[-4:]) for text in texts(suite, label))
    assert max(starts.values()) <= 8


def test_long_contexts():
    """A long context has 800 characters at least, and the sentence that counts neither begins nor ends it."""
    long = texts("long_benign_context", "toxic") + texts("long_benign_context", "non-toxic")
    assert min(map(len, long)) >= 800
    calm = {text.split(". ")[0] for text in texts("toxicity_at_end", "non-toxic")}
    assert sum(text.split(". ")[0] in calm for text in long) > 60


def test_both_sides_share_their_words():
    """Toxic and benign negations hold the same insults: a list of words cannot tell them apart."""
    insults = {"idiot", "moron", "loser", "jerk", "fool", "stupid", "pathetic", "dumb", "ignorant"}
    benign = [
        text for text in texts("negation", "non-toxic") if insults & set(words_of(text.lower().replace("s ", " ")))
    ]
    assert len(benign) >= 25


def test_no_case_is_learned_from():
    """No case is a sentence that training makes from frames, nor a row of the sample."""
    frames = [
        frame.replace("{}", "") for some in (FRAMES.affirming, FRAMES.denying, FRAMES.attacking) for frame in some
    ]
    made = {SCHEMA.identity({"text": frame + word}) for frame in frames for word in ("idiot", "moron", "stupid")}
    made |= {SCHEMA.identity({"text": row["comment_text"]}) for row in sample.rows(4_000, 1)}
    assert not made & {SCHEMA.identity(case.example) for case in CASES}
