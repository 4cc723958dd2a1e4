"""Unit tests of `infolens.ingest.sections`."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import time

import pyarrow.parquet as pq
import pytest

from infolens import codec
from infolens.contracts.dataset import Reject
from infolens.ingest import parts
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.sections import SectionCounts, read_rejects, stage_section
from infolens.ingest.survey import survey
from infolens.rows.split import digest_of, split_of
from pets import PetSchema
from section_fakes import PLAIN, content_at, taken

FILE = b"Label,extra,Text\ncat,1,purrs\ndog,2,barks\ncat,3,PURRS\nfish,4,swims\ndog,5\n"


def stage(data: bytes, schema=None):
    """Stage a file as one section."""
    schema = schema or PetSchema()
    found = survey(io.BytesIO(data), PLAIN, schema)
    return stage_section(content_at(data, found.data_start), found, schema, 0, found.data_start, None, "up1")


def test_rows_are_kept_dropped_or_rejected():
    """Columns are found in any order; a copy is a duplicate; a wrong row keeps line, column, reason and cells."""
    section = stage(FILE)
    table = pq.read_table(io.BytesIO(section.part)).to_pylist()
    assert [(row["line"], row["split"], row["text"], row["label"], row["age"]) for row in table] == [
        (1, split_of("purrs"), "purrs", "cat", None),
        (2, split_of("barks"), "barks", "dog", None),
    ]
    assert [row["identity"] for row in table] == [digest_of("purrs"), digest_of("barks")]
    assert list(read_rejects(section.rejects, 1)) == [
        Reject(5, "Label", "no known pet; known: cat, dog", ("fish", "4", "swims")),
        Reject(6, "", "the row has 2 fields, the header has 3", ("dog", "5")),
    ]
    assert section.counts == SectionCounts(
        number=0,
        start=17,
        end=len(FILE),
        lines=5,
        rows_in=5,
        rows_kept=2,
        rows_duplicate=1,
        rows_rejected=2,
        rejected_by_reason={
            "Label: no known pet; known: cat, dog": 1,
            "the row has 2 fields, the header has 3": 1,
        },
        label_counts={"cat": 1, "dog": 1},
        split_counts=dict(sorted({split_of("purrs"): 1, split_of("barks"): 1}.items()))
        if split_of("purrs") != split_of("barks")
        else {split_of("purrs"): 2},
        length_bins=section.counts.length_bins,
        repaired=0,
        replaced=0,
        ended_inside=False,
        last=True,
        part_id=hashlib.sha256(section.part).hexdigest(),
    )
    assert sum(section.counts.length_bins.values()) == 2
    assert IdentityIndex.of(section.index).rows == 3  # copies too: merging needs their labels


def test_rows_are_written_in_groups(monkeypatch):
    """Rows of one block may go into several groups and those of several blocks into one: nothing changes but that."""
    data = b"text,label\n" + b"".join(b"pet %d of the long row of pets,cat\n" % (n % 40) for n in range(50))
    whole = stage(data)
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", 7)
    grouped = stage(data)
    assert pq.ParquetFile(io.BytesIO(grouped.part)).num_row_groups == 6
    assert pq.read_table(io.BytesIO(grouped.part)).equals(pq.read_table(io.BytesIO(whole.part)))
    assert dataclasses.replace(grouped.counts, part_id=whole.counts.part_id) == whole.counts
    assert grouped.index == whole.index


def test_counts_travel_as_json():
    """They lie in the bucket beside the section."""
    counts = stage(FILE).counts
    assert codec.from_json(SectionCounts, codec.to_json(counts)) == counts


def test_bytes_that_were_repaired_are_counted():
    """A byte of Windows-1252 does not cost the row."""
    counts = stage(b"text,label\ncaf\xe9 \x81 cat,cat\n").counts
    assert (counts.rows_kept, counts.repaired, counts.replaced) == (1, 1, 1)


def test_section_within_a_file_counts_from_its_start():
    """Lines, start and end are those of the section; the rest of the content is not its own."""
    data = b"text,label\npurrs,cat\nbarks,dog\nhisses,cat\n"
    found = survey(io.BytesIO(data), PLAIN, PetSchema())
    section = stage_section(content_at(data, 21), found, PetSchema(), 1, 21, 30, "up1")
    assert (section.counts.start, section.counts.end, section.counts.lines, section.counts.last) == (21, 31, 1, False)
    assert pq.read_table(io.BytesIO(section.part)).column("line").to_pylist() == [1]


def test_record_over_a_whole_section_leaves_it_empty():
    """The section in which no record begins has neither rows nor parts, and hangs together with its neighbours."""
    file = taken(b'text,label\n"' + b"purrs " * 20 + b'",cat\nbarks,dog\n', 30)
    sizes = [(section.start, section.end, section.rows_in) for section in file.held.counts]
    assert sizes == [(11, 138, 1), (138, 138, 0), (138, 138, 0), (138, 138, 0), (138, 148, 1)]
    assert [section.last for section in file.held.counts] == [False] * 4 + [True]


@dataclasses.dataclass(frozen=True)
class Numbers(PetSchema):
    """A task without texts and labels."""

    columns: dict = dataclasses.field(default_factory=lambda: {"age": "int64"})
    label: str = ""


def test_task_without_text_and_label():
    """Neither lengths nor labels nor sketches are made."""
    section = stage(b"text,label,age\npurrs,cat,3\nbarks,dog,4\n", Numbers())
    assert (section.counts.length_bins, section.counts.label_counts) == ({}, {})
    assert IdentityIndex.of(section.index).records().sketch.tolist() == [0, 0]


@pytest.mark.parametrize("rows", [100])
def test_small_file_is_quick(rows):
    """A hundred rows cost some milliseconds in all of staging and merging."""
    data = b"text,label\n" + b"".join(b"pet number %d purrs,cat\n" % number for number in range(rows))
    taken(data)  # modules that are loaded at first use
    used = []
    for _ in range(5):
        before = time.process_time()
        taken(data)
        used.append(time.process_time() - before)
    assert min(used) < 0.03
