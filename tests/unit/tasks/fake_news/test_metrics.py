"""F1 is that of the fake class, and variants of an article count in the marker slices alone."""

import pytest

from infolens.tasks.fake_news.metrics import evaluate, unit


def rows_of(*labels):
    """Short rows with these truths."""
    return [{"text": "x" * 40, "label": label} for label in labels]


def answers_of(*labels):
    """Answers with these labels."""
    return [{"label": label} for label in labels]


def test_f1_of_the_fake_class():
    """Two of three fakes found, one real text called fake: precision 2/3, recall 2/3."""
    rows = rows_of("fake", "fake", "fake", "real", "real")
    metrics, slices = evaluate(rows, answers_of("fake", "fake", "real", "fake", "real"))
    assert metrics["f1"] == pytest.approx(2 / 3)
    assert metrics["accuracy"] == pytest.approx(3 / 5)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert slices["label=fake"] == {"recall": pytest.approx(2 / 3), "rows": 3.0}
    assert not any(name.startswith("marker=") for name in slices)


def test_without_a_fake_there_is_no_f1():
    """Where neither truths nor answers hold a fake, its F1 is missing; a missing metric is not zero, nor one."""
    assert "f1" not in evaluate(rows_of("real"), answers_of("real"))[0]


def test_lengths():
    """Each row is in the slice of its length; the limits belong to the longer one."""
    rows = [{"text": "x" * length, "label": "fake"} for length in (499, 500, 1_999, 2_000, 12_000)]
    _, slices = evaluate(rows, answers_of("fake", "real", "fake", "fake", "fake"))
    assert {name: part["rows"] for name, part in slices.items() if name.startswith("length=")} == {
        "length=under 500": 1.0,
        "length=500 to 1,999": 2.0,
        "length=2,000 and more": 2.0,
    }
    assert slices["length=500 to 1,999"]["accuracy"] == 0.5


MARKED = [
    {"text": "a", "label": "real", "variant": "", "marked": True, "article": 0},
    {"text": "b", "label": "fake", "variant": "", "marked": False, "article": 1},
    {"text": "a without", "label": "real", "variant": "removed", "marked": True, "article": 0},
    {"text": "b with", "label": "fake", "variant": "planted", "marked": False, "article": 1},
]


def test_a_model_that_reads_the_mark_alone():
    """All right on the articles as they are, and wrong on everything else: that is what the slices are for."""
    metrics, slices = evaluate(MARKED, answers_of("real", "fake", "fake", "real"))
    assert metrics["f1"] == metrics["macro_f1"] == metrics["accuracy"] == 1.0
    assert slices["marker=carried"] == {"accuracy": 1.0, "rows": 1.0}
    assert slices["marker=removed"]["rows"] == slices["marker=planted"]["rows"] == 2.0
    assert slices["marker=removed"]["accuracy"] == 0.5  # the real article, without its mark, is called fake
    assert slices["marker=planted"]["f1"] == 0.0  # the fake one, with a mark, is called real
    assert slices["label=real"]["rows"] == 1.0  # variants are no rows of their own


def test_variants_are_drawn_with_their_article():
    """A comparison by draws of the rows takes an article and its variants together."""
    assert unit(MARKED[0]) == unit(MARKED[2]) != unit(MARKED[1])
    assert unit({"text": "a"}) != unit({"text": "b"})


def test_as_many_answers_as_rows():
    """A missing answer is a fault, not a metric."""
    with pytest.raises(ValueError, match="shorter"):
        evaluate(rows_of("fake", "real"), answers_of("fake"))
