"""Unit tests of `infolens.usecases.labelled_file`."""

from __future__ import annotations

import gzip

import pytest

from infolens.aws.objects import ObjectMissingError, ObjectReplacedError
from infolens.ingest.csv_reading import FileRefused
from infolens.usecases.labelled_file import LabelledFile
from ingest_fakes import UPLOADS, World

PETS = b"text,label\npurrs,cat\nbarks,dog\n"


def labelled(name: str, data: bytes) -> LabelledFile:
    """Drop a file and take it as the task's."""
    world = World()
    return LabelledFile(world.put(f"labelled/pets/{name}", data), world.schema, world.store)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", PETS),
        ("a.csv.gz", gzip.compress(PETS)),
        ("a.csv", PETS.decode().encode("utf-16")),
    ],
    ids=["plain", "gzip", "utf-16"],
)
def test_content_from_any_offset(name, data):
    """Packed, transcoded or as it is: an offset means the same bytes of content."""
    file = labelled(name, data)
    survey = file.survey()
    assert (survey.data_start, survey.positions) == (11, {"text": 0, "label": 1})
    for start in (11, 21, 31, 32):
        with file.content(survey, start) as content:
            assert content.read() == PETS[start:]


def test_a_header_that_does_not_bind_is_refused():
    """The reason names the column."""
    with pytest.raises(FileRefused, match="column label: no such column"):
        labelled("a.csv", b"text,kind\npurrs,cat\n").survey()


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b'text,kind\npurrs,cat\n\nba"rks,dog\n', 2),
        (b"sep=;\ntext;kind\npurrs;cat\n", 1),
        (b"text,kind\n", 0),
        (b"", 0),
        (gzip.compress(b"text\n" + b"x" * 50)[:15], 0),
    ],
    ids=["two rows, one broken", "named delimiter", "header only", "empty", "broken packing"],
)
def test_rows_of_a_refused_file_are_counted(data, rows):
    """As far as they can be read; the header is none, a blank line is none, a broken row is one."""
    name = "a.csv.gz" if data.startswith(b"\x1f\x8b") else "a.csv"
    assert labelled(name, data).count_rows() == rows


def test_a_file_that_is_not_the_one_that_was_meant():
    """Deleted, or written over where no versions are kept."""
    world = World()
    arrival = world.put_unversioned("labelled/pets/a.csv", PETS)
    file = LabelledFile(arrival, world.schema, world.store)
    world.store.objects[UPLOADS, "labelled/pets/a.csv"] += b"hisses,cat\n"
    with pytest.raises(ObjectReplacedError):
        file.survey()
    del world.store.objects[UPLOADS, "labelled/pets/a.csv"]
    with pytest.raises(ObjectMissingError):
        file.survey()
