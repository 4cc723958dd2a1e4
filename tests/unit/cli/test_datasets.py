"""Datasets as a person names them."""

import pytest

from cli_fakes import Objects
from dataset_records import TASK, manifest, part, source
from infolens import codec
from infolens.contracts.model import ModelRecord
from infolens.ingest.dataset import Head
from infolens_cli.datasets import Shelf
from infolens_cli.trouble import Trouble
from serving_fakes import FakeRegistry

FIRST = manifest("aaaa1", source("u1", part("a")))
SECOND = manifest("aaaa2", source("u1", part("a")), source("u2", part("b")), parent="aaaa1")
THIRD = manifest("bbbb3", *SECOND.sources, source("u3", part("c")), parent="aaaa2")
ASIDE = manifest("cccc4", *FIRST.sources, source("u4", part("d")), parent="aaaa1")


def model(version, dataset_id):
    """A registered model of a dataset."""
    return ModelRecord(TASK, version, "s3://m/b/", "f" * 64, "run", dataset_id, "c", {}, True, (), "2026-03-01", "x")


def shelf(*manifests, head=THIRD, records=()):
    """Some datasets in memory."""
    content = {("data", f"datasets/{TASK}/{one.dataset_id}/manifest.json"): codec.to_json(one) for one in manifests}
    if head:
        content["data", f"datasets/{TASK}/head.json"] = codec.to_json(Head(TASK, head.dataset_id))
    return Shelf(Objects(content), "data", FakeRegistry(*records))


def test_a_beginning_of_an_id_is_enough():
    """As git has it."""
    assert shelf(FIRST, THIRD).find("bbbb").manifest == THIRD


def test_two_datasets_of_one_beginning_are_both_named():
    """With more digits of each, and their task."""
    with pytest.raises(Trouble, match=r"2 datasets begin with aaaa: aaaa1\w+ \(news_category\), aaaa2") as caught:
        shelf(FIRST, SECOND, THIRD).find("aaaa")
    assert caught.value.advice == "give more of the id"


@pytest.mark.parametrize("name", ["dddd", "d" * 64])
def test_a_dataset_that_is_not_there_is_said_to_be_none(name):
    """The advice lists the ways to name one."""
    with pytest.raises(Trouble, match="no dataset begins with d") as caught:
        shelf(FIRST).find(name)
    assert "TASK@VERSION" in caught.value.advice


@pytest.mark.parametrize("name", ["aaa", "main", "AAAA"])
def test_a_word_that_is_no_id_names_nothing(name):
    """Three digits would name half the bucket."""
    with pytest.raises(Trouble, match=f"{name} names no dataset"):
        shelf(FIRST).find(name)


def test_a_task_means_its_newest_dataset():
    """What the next training would take."""
    assert shelf(FIRST, SECOND, THIRD).find(TASK).manifest == THIRD


def test_a_task_without_datasets_says_how_to_make_one():
    """Before the first upload."""
    with pytest.raises(Trouble, match="has no dataset yet"):
        shelf(head=None).find(TASK)


def test_a_model_means_what_it_was_trained_on():
    """However old the dataset is."""
    found = shelf(FIRST, SECOND, THIRD, records=(model("7", FIRST.dataset_id),)).find(f"{TASK}@7")
    assert found.manifest == FIRST
    assert found.model.version == "7"


@pytest.mark.parametrize("version", ["8", "seven", ""])
def test_a_version_that_is_not_registered_is_named_with_those_that_are(version):
    """A number is easily mistyped."""
    with pytest.raises(Trouble, match="no registered version") as caught:
        shelf(FIRST, records=(model("7", FIRST.dataset_id),)).find(f"{TASK}@{version}")
    assert caught.value.advice == "registered versions: 7"


def test_a_model_of_an_unknown_task_is_refused():
    """The task is what is wrong, so the tasks are listed."""
    with pytest.raises(Trouble, match="unknown task weather"):
        shelf(FIRST).find("weather@7")


def test_the_line_goes_from_the_head_to_the_first():
    """Each names its parent."""
    line = shelf(FIRST, SECOND, THIRD, ASIDE).line(TASK, 10)
    assert (line.datasets, line.ended, line.broken) == ((THIRD, SECOND, FIRST), True, "")


@pytest.mark.parametrize(("most", "length", "ended"), [(2, 2, False), (3, 3, True)])
def test_the_line_stops_at_its_limit(most, length, ended):
    """A parent that was not read is not the end."""
    line = shelf(FIRST, SECOND, THIRD).line(TASK, most)
    assert (len(line.datasets), line.ended) == (length, ended)


def test_a_missing_parent_breaks_the_line_and_not_the_command():
    """Those above it are shown."""
    line = shelf(SECOND, THIRD).line(TASK, 10)
    assert line.datasets == (THIRD, SECOND)
    assert "has no dataset aaaa1" in line.broken


def test_a_task_without_a_head_has_an_empty_line():
    """And it ends there."""
    line = shelf(head=None).line(TASK, 10)
    assert (line.datasets, line.ended) == ((), True)


def test_what_the_head_was_moved_away_from_lies_aside():
    """Nothing is ever lost."""
    datasets = shelf(FIRST, SECOND, THIRD, ASIDE)
    assert datasets.aside(TASK, datasets.line(TASK, 10)) == [ASIDE]


def test_a_dataset_of_another_version_of_the_code_is_told_in_words():
    """Not as a page of field names."""
    objects = Objects({("data", f"datasets/{TASK}/{'e' * 64}/manifest.json"): b'{"dataset_id": "e"}'})
    with pytest.raises(Trouble, match="was described by another version of the code"):
        Shelf(objects, "data", FakeRegistry()).find("eeee")


def test_models_are_found_by_their_dataset():
    """The way from an upload to what it influenced."""
    records = (model("7", FIRST.dataset_id), model("8", SECOND.dataset_id))
    assert [one.version for one in shelf(FIRST, records=records).trained_on(FIRST)] == ["7"]
