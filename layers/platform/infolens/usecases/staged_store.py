"""Keeps the staged sections of one upload, in memory or in the bucket, so that an attempt goes on where one stopped.

A section's objects are named by its number and its start: what they hold follows from these, the file and the code, so
that attempts that do not know of each other write the same, and a wrongly guessed start stands in nobody's way.
"""

from __future__ import annotations

import os
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Protocol

from infolens import codec
from infolens.contracts import keys
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.sections import SectionCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.aws.objects import ObjectStore
    from infolens.ingest.sections import StagedSection
    from infolens.ingest.survey import Survey

PART = "part.parquet"
FRESH = "fresh.parquet"
"""A part without the rows of earlier sections: another object than the whole part, which an attempt of the state
machine may write at the same time. The counts say which of the two belongs to them."""
INDEX = "index"
REJECTS = "rejects.jsonl"
COUNTS = "counts.json"
"""Written last: where it is, the others are."""

PARQUET = "application/vnd.apache.parquet"
"""Content type of parts."""
_BYTES = "application/octet-stream"

HELD_INDEX_BYTES = 256 << 20
"""Indexes of an upload that lie in a file while it is merged: at 32 bytes a row, eight million rows."""


class StagedUpload(Protocol):
    """Staged sections that hang together, as merging takes them (`infolens.ingest.merging.StagedParts`)."""

    @property
    def counts(self) -> list[SectionCounts]:
        """All sections in order."""

    def index(self, number: int) -> IdentityIndex:
        """Identities of a section that kept rows."""

    def part(self, number: int) -> bytes:
        """Kept rows of a section that kept some."""

    def part_key(self, number: int) -> str:
        """Key of that part's object in the data bucket; "" when it is in memory alone."""

    def rejects(self, number: int) -> bytes:
        """Rejected rows of a section that rejected some."""


class InMemory:
    """The one section of a small file: nothing of it needs to be kept anywhere, since reading it again is as quick."""

    def __init__(self, section: StagedSection) -> None:
        """Take the section."""
        self.counts = [section.counts]
        self._section = section

    def index(self, number: int) -> IdentityIndex:  # noqa: ARG002 - there is but one
        """See StagedUpload."""
        return IdentityIndex.of(self._section.index)

    def part(self, number: int) -> bytes:  # noqa: ARG002 - there is but one
        """See StagedUpload."""
        return self._section.part

    def part_key(self, number: int) -> str:  # noqa: ARG002 - there is but one
        """See StagedUpload."""
        return ""

    def rejects(self, number: int) -> bytes:  # noqa: ARG002 - there is but one
        """See StagedUpload."""
        return self._section.rejects


class InBucket:
    """The sections of a larger file under `staged/`, of this attempt and of those before it."""

    def __init__(self, store: ObjectStore, bucket: str, upload: tuple[str, str, str]) -> None:
        """Take the place: store, data bucket, and of the upload the task, its id and the code version."""
        self._store = store
        self._bucket = bucket
        self._sections = keys.staged_sections(*upload)
        self._indexes = _Indexes()
        self._kept: dict[tuple[int, int], bytes] = {}
        """Counts of what was staged here, by number and start, as they were written: not read again. Objects would take
        six times the memory."""
        self._held: StagedSection | None = None
        self._starts: dict[int, set[int]] | None = None
        self._lock = threading.Lock()  # sections are kept, and indexes read, by several threads
        self.counts: list[SectionCounts] = []
        """The sections that hang together so far, from the first on."""

    def has(self, number: int, start: int) -> bool:
        """Whether a section was staged from this start."""
        return start in self._found().get(number, ())

    def keep(self, section: StagedSection) -> None:
        """Write a section, its counts last."""
        counts = section.counts
        for what, data, kind in (
            (_part_of(counts), section.part, PARQUET),  # copied to where it stays, and its type with it
            (INDEX, section.index, _BYTES),
            (REJECTS, section.rejects, _BYTES),
        ):
            if data:
                self._store.write(self._bucket, self._key(counts.number, counts.start, what), data, kind)
        if section.index:  # so that merging reads none of those that were staged here
            with self._lock:
                self._indexes.get((counts.number, counts.start), lambda: section.index)
        written = codec.to_json(counts)
        self._store.write(self._bucket, self._key(counts.number, counts.start, COUNTS), written, "application/json")
        self._kept[counts.number, counts.start] = written
        self._found().setdefault(counts.number, set()).add(counts.start)

    def hold(self, section: StagedSection) -> None:
        """Take a section behind those in `counts` without writing it: the rest of a file that broke off."""
        self.counts.append(section.counts)
        self._held = section

    def follow(self, survey: Survey) -> bool:
        """Take the staged sections into `counts` as far as each begins where the one before it ends.

        Returns:
            Whether they reach the end of the file.
        """
        start = self.counts[-1].end if self.counts else survey.data_start
        while not (self.counts and self.counts[-1].last) and self.has(len(self.counts), start):
            counts = self._read(len(self.counts), start)
            self.counts.append(counts)
            start = counts.end
        return bool(self.counts) and self.counts[-1].last

    def known(self, number: int) -> SectionCounts | None:
        """Give what was staged of a section: where it hangs together with those before it that, else any."""
        if number < len(self.counts):
            return self.counts[number]
        starts = self._found().get(number)
        return self._read(number, max(starts)) if starts else None

    def index(self, number: int) -> IdentityIndex:
        """See StagedUpload."""
        return self.index_of(self.counts[number])

    def index_of(self, counts: SectionCounts) -> IdentityIndex:
        """Give the identities of a staged section that kept rows."""
        key = self._key(counts.number, counts.start, INDEX)
        with self._lock:
            held = self._indexes.get((counts.number, counts.start), lambda: self._store.read(self._bucket, key).data)
        return held or IdentityIndex(lambda start, size: self._store.read_range(self._bucket, key, start, size))

    def part(self, number: int) -> bytes:
        """See StagedUpload."""
        return self._store.read(self._bucket, self.part_key(number)).data

    def part_key(self, number: int) -> str:
        """See StagedUpload."""
        counts = self.counts[number]
        return self._key(number, counts.start, _part_of(counts))

    def rejects(self, number: int) -> bytes:
        """See StagedUpload."""
        if self._held and self._held.counts.number == number:
            return self._held.rejects
        return self._store.read(self._bucket, self._key(number, self.counts[number].start, REJECTS)).data

    def _read(self, number: int, start: int) -> SectionCounts:
        data = self._kept.get((number, start)) or self._store.read(self._bucket, self._key(number, start, COUNTS)).data
        return codec.from_json(SectionCounts, data)

    def _found(self) -> dict[int, set[int]]:
        with self._lock:
            if self._starts is None:
                self._starts = {}
                for key in self._store.keys(self._bucket, self._sections):
                    number, start, what = keys.staged_section_of(key)
                    if what == COUNTS:
                        self._starts.setdefault(number, set()).add(start)
            return self._starts

    def _key(self, number: int, start: int, what: str) -> str:
        return keys.staged_section(self._sections, number, start, what)


class _Indexes:
    """Indexes of sections in a file without a name: merging reads them range by range, and memory has other uses."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._places: dict[tuple[int, int], tuple[int, int]] = {}
        """Where each begins and ends, by the number and the start of its section."""
        self._end = 0
        self._limit = HELD_INDEX_BYTES

    def get(self, section: tuple[int, int], read: Callable[[], bytes]) -> IdentityIndex | None:
        """Give the index of a section, which is read when it is asked for first; None when there is no room for it."""
        if section not in self._places and not self._put(section, read):
            return None
        file, (begin, end) = self._file, self._places[section]
        assert file is not None
        return IdentityIndex(lambda start, size: os.pread(file.fileno(), min(size, end - begin - start), begin + start))

    def _put(self, section: tuple[int, int], read: Callable[[], bytes]) -> bool:
        if self._end >= self._limit:
            return False
        data = read()
        try:
            file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this lives
            os.posix_fallocate(file.fileno(), self._end, len(data))
            os.pwrite(file.fileno(), data, self._end)
        except OSError:  # the disk is full; what is read in vain is read in vain once
            self._limit = 0
            return False
        self._file, begin, self._end = file, self._end, self._end + len(data)
        self._places[section] = begin, self._end
        return True


def _part_of(counts: SectionCounts) -> str:
    return FRESH if counts.earlier.rows else PART
