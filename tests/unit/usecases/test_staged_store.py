"""Unit tests of `infolens.usecases.staged_store`."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import replace

import pytest

from infolens.ingest.file_format import FileFormat
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.sections import Dropped, StagedSection, stage_section
from infolens.ingest.survey import Survey
from infolens.usecases import staged_store
from infolens.usecases.staged_store import InBucket, InMemory
from ingest_fakes import DATA, DiedError, MemoryStore
from pets import PetSchema

CONTENT = b"text,label\npurrs,cat\nmoos,cow\nbarks,dog\n"
SURVEY = Survey(FileFormat("", "utf-8", ","), ("text", "label"), {"text": 0, "label": 1}, 11, 1)
STARTS = (11, 30, 40)
"""Where the two sections begin, and the end: the second one starts at `barks`."""


def section(number: int, start: int, stop: int) -> StagedSection:
    """Stage some bytes of the file."""
    content = io.BytesIO(CONTENT)
    content.seek(start)
    return stage_section(content, SURVEY, PetSchema(), number, start, stop, "u1")


FIRST, SECOND = section(0, 11, 25), section(1, 30, 50)


def shelf(store: MemoryStore) -> InBucket:
    """Look at the place of the upload anew, as another attempt does."""
    return InBucket(store, DATA, ("pets", "u1", "c0de"))


def test_what_one_attempt_has_kept_the_next_one_finds():
    """Counts, part, index and rejects come back; the chain is whole when it reaches the end of the file."""
    store = MemoryStore()
    one = shelf(store)
    one.keep(FIRST)
    assert not one.follow(SURVEY)
    one.keep(SECOND)
    assert one.follow(SURVEY)
    other = shelf(store)
    assert other.follow(SURVEY)
    assert other.counts == [FIRST.counts, SECOND.counts]
    assert (other.part(1), other.rejects(0)) == (SECOND.part, FIRST.rejects)
    assert other.index(1).records().line.tolist() == [1]
    assert other.known(0) == FIRST.counts


def test_counts_are_the_mark():
    """A process that dies before the last write of a section has not staged it."""
    for step in range(1, 5):
        store = MemoryStore()
        store.die_at = step
        with pytest.raises(DiedError):
            shelf(store).keep(FIRST)
        assert not shelf(store).has(0, 11)
        assert shelf(store).known(0) is None


def test_a_section_from_a_wrong_start_does_not_count():
    """It lies beside the right one under its own name, and the chain passes it by."""
    store = MemoryStore()
    shelf(store).keep(FIRST)
    shelf(store).keep(section(1, 36, 50))
    wrong = shelf(store)
    assert not wrong.follow(SURVEY)
    assert [counts.number for counts in wrong.counts] == [0]
    assert wrong.known(1).start == 36  # whoever asks compares it with the end of the section before
    shelf(store).keep(SECOND)
    right = shelf(store)
    assert right.follow(SURVEY)
    assert right.counts[1] == SECOND.counts


def test_a_part_without_earlier_rows_and_the_whole_one_do_not_mix():
    """Whichever attempt writes last, the counts name the part that they were made with."""
    earlier = Dropped(1, {"dog": 1}, {"train": 1}, {})
    fresh = StagedSection(replace(SECOND.counts, earlier=earlier), b"fresh", SECOND.index, SECOND.rejects)
    for attempts in ((fresh, SECOND), (SECOND, fresh)):
        store = MemoryStore()
        for section_of_one in (FIRST, *attempts):
            shelf(store).keep(section_of_one)
        after = shelf(store)
        assert after.follow(SURVEY)
        assert (after.counts[1], after.part(1)) == (attempts[1].counts, attempts[1].part)


def test_counts_that_were_written_here_are_not_read():
    """Each would be a request of its own; the parts' keys follow from them."""
    store = MemoryStore()
    own = shelf(store)
    for each in (FIRST, SECOND):
        own.keep(each)
    assert own.follow(SURVEY)
    assert own.counts == [FIRST.counts, SECOND.counts]
    assert store.reads == []
    assert store.objects[DATA, own.part_key(1)] == SECOND.part


def test_an_index_that_was_staged_here_is_not_read_again():
    """The store would be asked for each section, one by one; that of another start is no section's index."""
    store = MemoryStore()
    own = shelf(store)
    own.keep(replace(SECOND, counts=replace(SECOND.counts, start=27), index=FIRST.index))  # from a wrong guess
    for each in (FIRST, SECOND):
        own.keep(each)
    own.follow(SURVEY)
    assert own.index(1).records().hi.tolist() == IdentityIndex.of(SECOND.index).records().hi.tolist()
    assert store.reads == []


def test_the_rest_of_a_broken_file_is_held_and_not_kept():
    """Its counts and rejects are there for the report, and the next attempt does not take it for the end."""
    store = MemoryStore()
    broken = shelf(store)
    broken.keep(FIRST)
    broken.follow(SURVEY)
    rest = section(1, 30, 50)
    broken.hold(rest)
    assert broken.counts == [FIRST.counts, rest.counts]
    assert broken.rejects(1) == rest.rejects
    assert not shelf(store).follow(SURVEY)


def test_other_code_finds_nothing():
    """What another version of the code has staged may mean something else."""
    store = MemoryStore()
    shelf(store).keep(FIRST)
    assert not InBucket(store, DATA, ("pets", "u1", "n3w")).has(0, 11)


def refuse(*_):
    """Stand for a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("place", "name", "without"),
    [(staged_store, "HELD_INDEX_BYTES", 0), (os, "posix_fallocate", refuse)],
    ids=["too many", "full disk"],
)
def test_indexes_without_room_are_read_by_ranges(monkeypatch, place, name, without):
    """The same records either way."""
    store = MemoryStore()
    full = shelf(store)
    for each in (FIRST, SECOND):
        full.keep(each)
    full.follow(SURVEY)
    held = [full.index(number).records().line.tolist() for number in (0, 1)]
    assert held == [IdentityIndex.of(each.index).records().line.tolist() for each in (FIRST, SECOND)]
    monkeypatch.setattr(place, name, without)
    lean = shelf(store)
    lean.follow(SURVEY)
    assert [lean.index(number).records().line.tolist() for number in (0, 1)] == held
    assert lean.index(1).label_name(0) == full.index(1).label_name(0) == ""


def test_a_full_disk_is_met_once(monkeypatch):
    """No index is read whole, time and again, only to find that there is no room for it."""
    store = MemoryStore()
    for each in (FIRST, SECOND):
        shelf(store).keep(each)
    lean = shelf(store)
    lean.follow(SURVEY)
    asked = []
    monkeypatch.setattr(os, "posix_fallocate", lambda *given: [asked.append(given), refuse()])
    for number in (0, 1, 0, 1):
        assert lean.index(number).rows == IdentityIndex.of((FIRST, SECOND)[number].index).rows
    assert len(asked) == 1


def test_a_small_file_needs_no_bucket():
    """Its one section is handed on as it is."""
    small = InMemory(FIRST)
    assert small.counts == [FIRST.counts]
    assert (small.part(0), small.rejects(0)) == (FIRST.part, FIRST.rejects)
    assert small.part_key(0) == ""
    assert small.index(0).rows == 1
