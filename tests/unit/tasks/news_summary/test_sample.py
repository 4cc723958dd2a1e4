"""Sample rows repeat for a seed, carry the dirt that was asked for, and leave room above the first three sentences."""

import pytest

from infolens.contracts.task import RowRejected
from infolens.tasks.news_summary import sample
from infolens.tasks.news_summary.metrics import evaluate, lead
from infolens.tasks.news_summary.schema import SCHEMA
from summary_fakes import clean_rows


def test_seeded():
    """Equal arguments give equal rows; another seed gives others; fewer rows are the first of more."""
    assert sample.rows(30, 1, dirt=0.3) == sample.rows(30, 1, dirt=0.3)
    assert sample.rows(30, 1) != sample.rows(30, 2)
    assert sample.rows(10, 1, dirt=0.3) == sample.rows(30, 1, dirt=0.3)[:10]
    assert sample.unlabelled(10, 1) == sample.unlabelled(10, 1)


def test_clean_rows():
    """Without dirt every row is taken, and none repeats."""
    rows = clean_rows(500)
    assert len({SCHEMA.identity(row) for row in rows}) == 500


def test_dirt():
    """A third of the dirt repeats, a third is refused, a third is cleaned to what it was."""
    kept, refused = [], 0
    for row in sample.rows(600, 1, dirt=0.3):
        try:
            kept.append(SCHEMA.clean(row))
        except RowRejected:
            refused += 1
    repeats = len(kept) - len({SCHEMA.identity(row) for row in kept})
    assert 40 < refused < 80
    assert 30 < repeats < 80


def test_the_first_sentences_can_be_beaten():
    """lead-3 says about half of what the summaries say: facts stand further down."""
    rows = clean_rows(100)
    metrics, _ = evaluate(rows, [{"summary": lead(str(row["text"]))} for row in rows])
    assert 0.25 < metrics["rouge_l"] < 0.6
    everything, _ = evaluate(rows, [sample.right_answer(row) for row in rows])
    assert everything["rouge_l"] == pytest.approx(1.0)
