"""Sample rows tempt a model as public ones do, and cannot be told apart by one word."""

from collections import Counter

from infolens.rows.agency_mark import carries_agency_mark
from infolens.tasks.fake_news.sample import rows
from infolens.tasks.fake_news.schema import SCHEMA


def test_only_real_rows_carry_the_mark():
    """A good third of the real rows do, as in the public set (307 of 1,094), and no fake one."""
    clean = [SCHEMA.clean(row) for row in rows(600, 1)]
    marked = Counter(row["label"] for row in clean if carries_agency_mark(row["text"]))
    real = sum(row["label"] == "real" for row in clean)
    assert marked["fake"] == 0
    assert 0.3 < marked["real"] / real < 0.5


def test_both_kinds_of_sentence_stand_in_both_classes():
    """Lurid and sober sentences occur under each label, in other shares."""
    told = Counter((row["label"], "reporters" in row["text"]) for row in rows(600, 1))
    assert min(told.values()) > 10
    assert told["1", True] > told["0", True]
