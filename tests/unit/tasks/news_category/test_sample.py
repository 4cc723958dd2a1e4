"""Sample rows repeat for a seed, carry the dirt that was asked for, and can be learned."""

from collections import Counter

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from infolens.contracts.task import RowRejected
from infolens.tasks.news_category import sample
from infolens.tasks.news_category.schema import LABELS, SCHEMA


def cleaned(rows) -> list[dict[str, object]]:
    """The rows that the schema takes."""
    kept = []
    for row in rows:
        try:
            kept.append(SCHEMA.clean({"title": row["title"], "text": row["body"], "label": row["label"]}))
        except RowRejected:
            continue
    return kept


def test_seeded():
    """Equal arguments give equal rows; another seed gives others; fewer rows are the first of more."""
    assert sample.rows(30, 1, dirt=0.3) == sample.rows(30, 1, dirt=0.3)
    assert sample.rows(30, 1) != sample.rows(30, 2)
    assert sample.rows(10, 1, dirt=0.3) == sample.rows(30, 1, dirt=0.3)[:10]
    assert sample.unlabelled(10, 1) == sample.unlabelled(10, 1)


def test_clean_rows():
    """Without dirt every row is taken, none repeats, and all sections occur about equally often."""
    rows = cleaned(sample.rows(1_000, 1))
    assert len(rows) == 1_000
    assert len({SCHEMA.identity(row) for row in rows}) == 1_000
    counts = Counter(row["label"] for row in rows)
    assert set(counts) == set(LABELS)
    assert min(counts.values()) > 60


def test_dirt():
    """Of 3,000 rows with a tenth of dirt, about a thirtieth each is refused, repeats, or needs cleaning."""
    rows = sample.rows(3_000, 1, dirt=0.1)
    kept = cleaned(rows)
    assert 60 < 3_000 - len(kept) < 150
    assert 60 < len(kept) - len({SCHEMA.identity(row) for row in kept}) < 150
    text = "".join(row["title"] + row["body"] for row in rows)
    assert all(mark in text for mark in ("&amp;", "&nbsp;", "\x07", "\u200b", "\ufeff", '"So it goes,"\r\n'))
    assert not any(mark in str(row["text"]) for row in kept for mark in ("&amp;", "\x07", "\u200b", "\r"))


@pytest.mark.parametrize(("row", "field"), sample.refused_rows())
def test_refused_rows(row, field):
    """Every kind of row that must be refused is refused for its own field."""
    with pytest.raises(RowRejected) as refusal:
        SCHEMA.clean({"title": row["title"], "text": row["body"], "label": row["label"]})
    assert refusal.value.field == field


def test_unlabelled_rows_can_be_answered():
    """Every unlabelled row is long enough for the API."""
    for row in sample.unlabelled(300, 1):
        assert SCHEMA.check({"title": row["title"], "text": row["body"]})


def test_more_rows_teach_more():
    """A linear model passes the floor from 600 rows and is visibly better, though not perfect, with 2,400."""
    test = cleaned(sample.rows(800, 99))

    def accuracy(count: int) -> float:
        rows = cleaned(sample.rows(count, 1))
        words = TfidfVectorizer()
        model = LogisticRegression(C=10, max_iter=300)
        model.fit(words.fit_transform([row["text"] for row in rows]), [row["label"] for row in rows])
        return float(model.score(words.transform([row["text"] for row in test]), [row["label"] for row in test]))

    few, many = accuracy(600), accuracy(2_400)
    assert few > 0.70
    assert few + 0.02 < many < 0.99
