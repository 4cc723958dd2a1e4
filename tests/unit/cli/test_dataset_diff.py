"""In what two datasets differ."""

from dataclasses import replace

from dataset_records import manifest, part, source
from infolens_cli.dataset_diff import Change, compare, share

FIRST = source("u1", part("a"))
SECOND = source("u2", part("b"), part("c", rows=5))
OTHER = source("u3", part("d", rows=7))


def test_a_dataset_is_the_same_as_itself():
    """Nothing to list, and it is said in words."""
    found = compare(manifest("1", FIRST), manifest("1", FIRST))
    assert found.same
    assert found.relation == "the same dataset"


def test_a_child_has_its_parent_and_more():
    """Its upload and its parts are new, nothing is gone, and the numbers say by how much."""
    found = compare(manifest("1", FIRST), manifest("2", FIRST, SECOND, parent="1"))
    assert found.relation == "the second is the first with 1 upload more"
    assert (found.uploads_added, found.uploads_removed) == ((SECOND,), ())
    assert (found.parts_added, found.parts_removed) == (SECOND.parts, ())
    assert (found.rows.before, found.rows.after, found.rows.by) == (10, 25, 15)
    assert found.splits == (Change("train", 8, 23), Change("validation", 1, 1), Change("test", 1, 1))
    assert not found.same


def test_the_other_way_round_what_was_added_is_removed():
    """The same pair, seen from the child."""
    found = compare(manifest("2", FIRST, SECOND, parent="1"), manifest("1", FIRST))
    assert found.relation == "the first is the second with 1 upload more"
    assert (found.uploads_added, found.uploads_removed) == ((), (SECOND,))
    assert found.rows.by == -15


def test_lines_that_parted_name_what_they_share():
    """After the head was moved back, another upload made another child."""
    found = compare(manifest("2", FIRST, SECOND), manifest("3", FIRST, OTHER))
    assert found.relation == "they parted ways after 1 common parts"
    assert (found.uploads_added, found.uploads_removed) == ((OTHER,), (SECOND,))


def test_datasets_without_a_common_beginning_say_so():
    """Two firsts."""
    assert compare(manifest("1", FIRST), manifest("3", OTHER)).relation == "they have no beginning in common"


def test_two_tasks_are_told_apart():
    """Nobody meant to compare them, probably."""
    found = compare(manifest("1", FIRST), replace(manifest("4", OTHER), task="toxicity"))
    assert found.relation == "datasets of two tasks, news_category and toxicity"


def test_an_upload_read_by_other_code_is_another_one():
    """The same file, cleaned otherwise, has other parts: it is gone and new at once."""
    again = source("u1", part("e", rows=9))
    found = compare(manifest("1", FIRST), manifest("5", again))
    assert (found.uploads_added, found.uploads_removed) == ((again,), (FIRST,))


def test_labels_come_with_the_most_frequent_first():
    """A label that only one of them has counts nothing in the other."""
    one = manifest("1", FIRST, label_counts={"Sports": 6, "Arts": 4})
    other = manifest("2", FIRST, SECOND, label_counts={"Sports": 6, "Arts": 4, "Business": 15})
    found = compare(one, other)
    assert found.labels == (Change("Business", 0, 15), Change("Sports", 6, 6), Change("Arts", 4, 4))


def test_lengths_that_nobody_knows_are_not_compared():
    """A task without texts has none."""
    bare = {"text_lengths": {}}
    assert compare(manifest("1", FIRST, **bare), manifest("2", SECOND, **bare)).lengths == ()


def test_a_share_of_nothing_is_nothing():
    """An empty dataset has no label mix."""
    assert share(0, 0) == 0.0
    assert share(1, 4) == 25.0
