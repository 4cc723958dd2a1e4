"""Merges the staged sections of an upload with each other and with what the dataset has: nothing is kept twice.

Rows are told apart by digest, one range of digests after the other, so that memory holds the rows of a range and not
those of a huge file. Of equal rows the dataset's stays, else the first in the file. A part from which nothing is
dropped is used as it was staged; from others rows are taken out, and they are what they would be without these.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from infolens.contracts.dataset import Conflict, NearDuplicate, Part
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.identity_index import BUCKETS, IndexRecords, find, is_first, joined, order_of
from infolens.ingest.near_duplicates import near_pairs, perhaps_near
from infolens.ingest.parts import arrow_schema, part_bytes, part_id_of, read_part, without_lines
from infolens.ingest.reasons import most_frequent
from infolens.ingest.sections import Dropped, dropped_of, has_texts, read_rejects
from infolens.ingest.survey import REJECT_COLUMNS
from infolens.ingest.worker_processes import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from infolens.contracts.task import Schema
    from infolens.ingest.identity_index import IdentityIndex
    from infolens.ingest.near_duplicates import Sketches
    from infolens.ingest.sections import SectionCounts
    from infolens.ingest.survey import Survey
    from infolens.ingest.worker_processes import Given

_LISTED = 10
"""Conflicts and near duplicates shown one by one."""
_ROWS_AT_ONCE = 262_144
"""Rows of an upload compared at a time: some 30 MB with what sorting needs."""
_REJECTS_AT_ONCE = 500


class StagedParts(Protocol):
    """Where the sections of the upload lie, by number."""

    def index(self, number: int) -> IdentityIndex:
        """Give the index of a section that kept rows."""

    def part(self, number: int) -> bytes:
        """Give the part of a section that kept rows."""

    def rejects(self, number: int) -> bytes:
        """Give the rejects of a section that rejected rows."""


@dataclass(frozen=True)
class ExistingPart:
    """A part that the dataset has."""

    upload_id: str
    part: Part
    index: IdentityIndex


@dataclass(frozen=True)
class FinalPart:
    """A part of the upload as the dataset takes it."""

    part: Part
    index: bytes
    read: Callable[[], bytes]
    """Gives its bytes."""
    staged_as: int | None = None
    """Number of the section whose staged part it is, byte for byte; None for one that was written anew."""

    @property
    def data(self) -> bytes:
        """Its bytes; they are read now when they lie where they were staged."""
        return self.read()


@dataclass(frozen=True)
class Merged:
    """What became of the upload: rows_in == rows_kept + rows_duplicate + rows_rejected."""

    parts: tuple[Part, ...]
    rows_in: int
    rows_kept: int
    rows_duplicate: int
    rows_rejected: int
    rejected_by_reason: dict[str, int]
    label_counts: dict[str, int]
    split_counts: dict[str, int]
    length_bins: dict[str, int]
    repaired: int
    replaced: int
    conflicting_labels: int
    """Rows dropped as duplicates that have another label than the row that stays."""
    conflicts: tuple[Conflict, ...]
    """The first ten of them in the file."""
    near_duplicates: int
    """Kept rows with a near duplicate before them, in the file or in the dataset."""
    near_duplicate_pairs: tuple[NearDuplicate, ...]
    """The first ten of them in the file, each with the row that is most like it."""


@dataclass(frozen=True)
class _Rows:
    """Rows of several sections by digest; equal ones in the order of the file."""

    records: IndexRecords
    section: NDArray[np.int64]
    """Place of each row's section among the sections."""

    def at(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> _Rows:
        return _Rows(self.records.at(rows), self.section[rows])


@dataclass(frozen=True)
class _Written:
    """A section's part as it was given; None when it has no row left."""

    part: Part | None
    rows: int
    """Dropped from it."""
    gone: Dropped


@dataclass
class _Standing:
    """Which rows of the upload stay, and which of the others have another label."""

    dropped: list[NDArray[np.uint32]]
    """Lines that go, of each section, among those of its part."""
    conflicts: int = 0
    first: list[Conflict] = field(default_factory=list)


class Merging:
    """The sections of one upload on their way into a dataset."""

    def __init__(  # noqa: PLR0913 - an upload, and how to merge it
        self,
        schema: Schema,
        survey: Survey,
        upload_id: str,
        counts: Sequence[SectionCounts],
        staged: StagedParts,
        *,
        workers: int = 1,
    ) -> None:
        """Take the sections of the upload.

        Args:
            schema: of the task.
            survey: of the file.
            upload_id: of the upload.
            counts: of all sections in order; they hang together.
            staged: where they lie.
            workers: processes that write parts anew; 1: this one.
        """
        self._schema = schema
        self._workers = workers
        self._upload_id = upload_id
        self._counts = counts
        self._staged = staged
        self._lines_before = lines_before(survey, counts)
        self._filled = [place for place, section in enumerate(counts) if section.rows_kept]
        rows = sum(section.rows_kept + section.rows_duplicate for section in counts)
        self._pieces = min(BUCKETS, 1 << max(0, -(-rows // _ROWS_AT_ONCE) - 1).bit_length())
        self._loaded: tuple[int, _Rows] | None = None
        self._existing: list[ExistingPart] = []
        self._hits: list[list[_Rows]] = [[] for _ in range(self._pieces)]
        """For each range the rows of the dataset that the upload has as well; `section` is their part's place."""
        self._alike: list[_Rows] = []
        """Rows of the dataset that may be near duplicates."""
        self._standing: _Standing | None = None
        self._written: dict[int, _Written] = {}
        self._near: Future[tuple[int, tuple[NearDuplicate, ...]]] | None = None

    def compare(self, existing: Sequence[ExistingPart]) -> None:
        """Drop what these parts have; they are added to those compared before."""
        if not existing or not self._filled:  # an upload without a kept row has nothing to drop
            return
        self._standing = None
        first = len(self._existing)
        self._existing += existing
        places = list(enumerate(existing, first))
        for piece in range(self._pieces):
            mine = _first_of_each(self._rows(piece))
            for place, part in places:
                theirs = part.index.records(*self._range(piece))
                hit = _common(mine.records, theirs)
                if len(hit):
                    self._hits[piece].append(_Rows(hit, np.full(len(hit), place)))
        self._find_alike(places)

    def parts(self) -> Iterator[FinalPart]:
        """Give the parts to be written: all at first, later those that are no longer what they were.

        Close the iterator when leaving it early.

        Raises:
            WorkerDiedError: a process that wrote a part was killed.
        """
        standing = self._resolve()
        # What is dropped stays dropped.
        changed = [
            (place, standing.dropped[place])
            for place in self._filled
            if place not in self._written or self._written[place].rows != len(standing.dropped[place])
        ]
        rewritten = sum(self._is_changed(place, lines) for place, lines in changed)
        if self._near:
            wait([self._near])  # before a process is forked
            self._near = None
        if self._workers > 1 and rewritten > 1:
            made = self._made_in_processes(changed)
        else:
            self._look_for_near_duplicates(standing)
            made = ((place, lines, self._made(place, lines)) for place, lines in changed)
        with contextlib.closing(made):
            for place, lines, (data, gone) in made:
                final, self._written[place] = self._final(place, lines, data, gone)
                if final:
                    yield final

    def result(self) -> Merged:
        """Give the counts; all parts have been given."""
        standing = self._resolve()
        gone = [written.gone for written in self._written.values()]
        rows_in, rejected = (sum(getattr(c, name) for c in self._counts) for name in ("rows_in", "rows_rejected"))
        parts = tuple(self._written[place].part for place in self._filled)
        kept = sum(part.rows for part in parts if part)
        near, pairs = self._near.result() if self._near else self._near_duplicates(standing)
        return Merged(
            parts=tuple(part for part in parts if part),
            rows_in=rows_in,
            rows_kept=kept,
            rows_duplicate=rows_in - kept - rejected,
            rows_rejected=rejected,
            rejected_by_reason=rejected_by_reason(self._counts),
            label_counts=_less((c.label_counts for c in self._counts), (each.labels for each in gone)),
            split_counts=_less((c.split_counts for c in self._counts), (each.splits for each in gone)),
            length_bins=_less((c.length_bins for c in self._counts), (each.lengths for each in gone)),
            repaired=sum(section.repaired for section in self._counts),
            replaced=sum(section.replaced for section in self._counts),
            conflicting_labels=standing.conflicts,
            conflicts=tuple(standing.first),
            near_duplicates=near,
            near_duplicate_pairs=pairs,
        )

    def _look_for_near_duplicates(self, standing: _Standing) -> None:
        """Begin to look beside the writing of parts, if there is a second processor; no process is forked meanwhile."""
        if self._workers > 1:
            pool = ThreadPoolExecutor(1, "near-duplicates")
            self._near = pool.submit(self._near_duplicates, standing)
            pool.shutdown(wait=False)

    def _range(self, piece: int) -> tuple[int, int]:
        width = BUCKETS // self._pieces
        return piece * width, (piece + 1) * width

    def _index(self, place: int) -> IdentityIndex:
        return self._staged.index(self._counts[place].number)

    def _rows(self, piece: int) -> _Rows:
        """Read the upload's rows of one range; the range read last is held."""
        if self._loaded is None or self._loaded[0] != piece:
            self._loaded = None
            read = [self._index(place).records(*self._range(piece)) for place in self._filled]
            sections = np.repeat(np.array(self._filled, np.int64), [len(each) for each in read])
            rows = _Rows(joined(read), sections)
            if len(read) > 1:
                rows = rows.at(order_of(rows.records))
            self._loaded = piece, rows
        return self._loaded[1]

    def _find_alike(self, places: Sequence[tuple[int, ExistingPart]]) -> None:
        if not has_texts(self._schema) or not self._filled:
            return
        mine = np.concatenate([self._index(place).records().sketch for place in self._filled])
        for place, part in places:
            theirs = part.index.records()
            alike = theirs.at(perhaps_near(mine, theirs.sketch))
            if len(alike):
                self._alike.append(_Rows(alike, np.full(len(alike), place)))

    def _resolve(self) -> _Standing:
        if self._standing is None:
            dropped: list[list[NDArray[np.uint32]]] = [[] for _ in self._counts]
            standing = _Standing([])
            for piece in range(self._pieces if self._filled else 0):
                self._resolve_piece(piece, dropped, standing)
            self._loaded = None  # what comes next has use for the memory
            none = np.zeros(0, np.uint32)
            standing.dropped = [np.sort(np.concatenate(lines)) if lines else none for lines in dropped]
            self._standing = standing
        return self._standing

    def _resolve_piece(self, piece: int, dropped: list[list[NDArray[np.uint32]]], standing: _Standing) -> None:
        rows = self._rows(piece)
        if not len(rows.records):
            return
        first = is_first(rows.records)
        group = np.cumsum(first) - 1
        firsts = np.flatnonzero(first)
        hits, at = self._hits_of(piece, rows.records.at(firsts))
        known = (at >= 0)[group]
        stays = first & ~known
        in_part = first.copy()
        in_part[1:] |= rows.section[1:] != rows.section[:-1]
        goes = in_part & ~stays
        lines, owners = rows.records.line[goes], rows.section[goes]
        for place in np.flatnonzero(np.bincount(owners)).tolist():
            dropped[place].append(lines[owners == place])
        if self._schema.label:
            label = rows.records.label[firsts]
            if hits is not None:
                label[at >= 0] = hits.records.label[at[at >= 0]]
            others = np.flatnonzero(rows.records.label != label[group])
            standing.conflicts += len(others)
            order = np.lexsort((rows.records.line[others], rows.section[others]))[:_LISTED]
            found = [self._conflict(rows, row, firsts[group[row]], hits, at[group[row]]) for row in others[order]]
            standing.first = sorted([*standing.first, *found], key=lambda conflict: conflict.line)[:_LISTED]

    def _hits_of(self, piece: int, firsts: IndexRecords) -> tuple[_Rows | None, NDArray[np.int64]]:
        """Give the dataset's rows of a range by digest, and which of them each of `firsts` is; -1: none."""
        if not self._hits[piece]:
            return None, np.full(len(firsts), -1, np.int64)
        hits = _Rows(
            joined([each.records for each in self._hits[piece]]),
            np.concatenate([each.section for each in self._hits[piece]]),
        )
        hits = hits.at(order_of(hits.records))
        return hits, find(firsts, hits.records)

    def _conflict(self, rows: _Rows, row: int, first: int, hits: _Rows | None, hit: int) -> Conflict:
        if hits is not None and hit >= 0:
            existing = self._existing[int(hits.section[hit])]
            other_line = int(hits.records.line[hit]) + existing.part.lines_before
            other_label, upload_id = existing.index.label_name(int(hits.records.label[hit])), existing.upload_id
        else:
            other_line, other_label, upload_id = *self._line_and_label(rows, first), self._upload_id
        line, label = self._line_and_label(rows, row)
        return Conflict(line, label, other_line, other_label, upload_id)

    def _line_and_label(self, rows: _Rows, row: int) -> tuple[int, str]:
        place = int(rows.section[row])
        label = self._index(place).label_name(int(rows.records.label[row]))
        return int(rows.records.line[row]) + self._lines_before[place], label

    def _made(self, place: int, lines: NDArray[np.uint32]) -> tuple[bytes | None, Dropped]:
        """Give a section's part without some lines (None: as it was staged), and what went with them."""
        counts = self._counts[place]
        if len(lines) == counts.rows_kept:
            return b"", Dropped(len(lines), *map(dict, (counts.label_counts, counts.split_counts, counts.length_bins)))
        if not self._is_changed(place, lines):
            return None, counts.earlier
        return _without(self._schema, counts, self._staged.part(counts.number), lines)

    def _is_changed(self, place: int, lines: NDArray[np.uint32]) -> bool:
        """Whether a section's part has to be written anew, and not left out: more goes than was staged without."""
        counts = self._counts[place]
        return counts.earlier.rows < len(lines) < counts.rows_kept

    def _made_in_processes(
        self, changed: Sequence[tuple[int, NDArray[np.uint32]]]
    ) -> Generator[tuple[int, NDArray[np.uint32], tuple[bytes | None, Dropped]], None, None]:
        """Do the same in several processes, which have no part in reading: in order, few parts in memory."""

        def work(place: int, bodies: Sequence[Given]) -> tuple[Dropped, tuple[bytes]]:
            part, lines = bodies[0].read(), np.frombuffer(bodies[1].read(), np.uint32)
            data, gone = _without(self._schema, self._counts[place], part, lines)
            return gone, (data,)

        done: dict[int, tuple[bytes | None, Dropped]] = {}
        pending: deque[tuple[int, NDArray[np.uint32]]] = deque()
        left = iter(changed)
        with Crew(work, self._workers) as crew:
            while True:
                while crew.idle and len(pending) <= self._workers and (item := next(left, None)) is not None:
                    place, lines = item
                    pending.append(item)
                    if self._is_changed(place, lines):
                        crew.begin(place, place, self._staged.part(self._counts[place].number), lines.tobytes())
                    else:
                        done[place] = self._made(place, lines)
                if not pending:
                    return
                while pending[0][0] not in done:
                    for place, gone, (data,) in crew.finished():
                        done[place] = data, gone
                place, lines = pending.popleft()
                yield place, lines, done.pop(place)

    def _final(
        self, place: int, lines: NDArray[np.uint32], data: bytes | None, gone: Dropped
    ) -> tuple[FinalPart | None, _Written]:
        counts = self._counts[place]
        read: Callable[[], bytes]
        if data is None:
            read = functools.partial(self._staged.part, counts.number)
            part_id, staged_as = counts.part_id, counts.number
        elif data:
            read, part_id, staged_as = functools.partial(bytes, data), part_id_of(data), None
        else:
            return None, _Written(None, len(lines), gone)
        index = self._index(place)
        records = index.records()
        stays = _staying(records, lines)
        part = Part(part_id, counts.rows_kept - len(lines), self._lines_before[place])
        return FinalPart(part, index.only(stays), read, staged_as), _Written(part, len(lines), gone)

    def _near_duplicates(self, standing: _Standing) -> tuple[int, tuple[NearDuplicate, ...]]:
        if not has_texts(self._schema) or not self._filled:
            return 0, ()
        theirs = sum(len(each.records) for each in self._alike)
        sizes = [len(each.records) for each in self._alike]
        sizes += [self._counts[place].rows_kept - len(standing.dropped[place]) for place in self._filled]
        owners = [*(int(each.section[0]) for each in self._alike), *self._filled]
        borders = np.cumsum(sizes)
        sketch, line = np.empty(borders[-1], np.uint64), np.empty(borders[-1], np.uint32)
        held = itertools.chain(
            ((each.records.sketch, each.records.line) for each in self._alike),
            (self._kept_in_order(place, standing.dropped[place]) for place in self._filled),
        )
        for end, size, (sketches, lines) in zip(borders.tolist(), sizes, held, strict=True):
            sketch[end - size : end], line[end - size : end] = sketches, lines
        found = near_pairs(sketch, theirs)
        pairs = []
        for row, other, equal in zip(
            *(each[:_LISTED].tolist() for each in (found.row, found.other, found.equal_bytes)), strict=True
        ):
            mine, its = (owners[int(np.searchsorted(borders, each, "right"))] for each in (row, other))
            if other < theirs:
                existing = self._existing[its]
                before, upload_id = existing.part.lines_before, existing.upload_id
            else:
                before, upload_id = self._lines_before[its], self._upload_id
            place = int(line[row]) + self._lines_before[mine]
            pairs.append(NearDuplicate(place, int(line[other]) + before, upload_id, equal / 8))
        return len(found.row), tuple(pairs)

    def _kept_in_order(self, place: int, dropped: NDArray[np.uint32]) -> tuple[Sketches, NDArray[np.uint32]]:
        """Give sketches and lines of a section's kept rows."""
        records = self._index(place).records()
        kept = np.flatnonzero(_staying(records, dropped))
        kept = kept[np.argsort(records.line[kept])]
        return records.sketch[kept], records.line[kept]


def _staying(records: IndexRecords, dropped: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Say of each row of a section whether the part that the dataset takes has it."""
    first = is_first(records)
    return first & ~np.isin(records.line, dropped) if len(dropped) else first


def _without(schema: Schema, counts: SectionCounts, data: bytes, lines: NDArray[np.uint32]) -> tuple[bytes, Dropped]:
    """Take the rows on some lines out of a section's part, and count them with those that it was staged without."""
    table, out = without_lines(read_part(data), lines)
    return part_bytes(arrow_schema(schema.columns), table.to_batches()), counts.earlier + dropped_of(schema, out)


def lines_before(survey: Survey, counts: Sequence[SectionCounts]) -> list[int]:
    """Give the physical lines of the file that stand before each section."""
    before, lines = [], survey.data_lines
    for section in counts:
        before.append(lines)
        lines += section.lines
    return before


def rejected_by_reason(counts: Iterable[SectionCounts]) -> dict[str, int]:
    """Add up the reasons of all sections: the 30 most frequent, and the others in one."""
    total: collections.Counter[str] = collections.Counter()
    for section in counts:
        total.update(section.rejected_by_reason)
    return most_frequent(total)


def refusal(schema: Schema, counts: Sequence[SectionCounts]) -> str:
    """Say why a file that was read is refused whole: it has no row, or too many bad ones; "" when it is not."""
    rows = sum(section.rows_in for section in counts)
    rejected = sum(section.rows_rejected for section in counts)
    if rows == 0:
        return "the file has a header and no row below it; at least one row is needed"
    share = rejected / rows
    if share <= schema.bad_row_budget:
        return ""
    (reason, count), *_ = rejected_by_reason(counts).items()
    return (
        f"{rejected} of {rows} rows ({share:.1%}) were rejected, at most {schema.bad_row_budget:.1%} may be; "
        f"most often ({count} rows): {reason}"
    )


def rejects_csv(survey: Survey, counts: Sequence[SectionCounts], staged: StagedParts) -> Iterator[bytes]:
    """Write the rejects of a file as CSV, piece by piece: line, column and reason before the cells as they were.

    The cells keep their header, so that an editor can mend them and drop the file again.
    """
    yield csv_bytes([(*REJECT_COLUMNS, *survey.own_header)])
    for section, before in zip(counts, lines_before(survey, counts), strict=True):
        if not section.rows_rejected:
            continue
        rows: list[tuple[str, ...]] = []
        for reject in read_rejects(staged.rejects(section.number), before):
            rows.append((str(reject.line), reject.column, reject.reason, *reject.raw))
            if len(rows) == _REJECTS_AT_ONCE:
                yield csv_bytes(rows)
                rows = []
        if rows:
            yield csv_bytes(rows)


def _first_of_each(rows: _Rows) -> _Rows:
    return rows.at(is_first(rows.records))


def _common(mine: IndexRecords, theirs: IndexRecords) -> IndexRecords:
    """Give the records of `theirs` whose digest `mine` has as well; both hold each digest once."""
    if len(mine) < len(theirs):
        at = find(mine, theirs)
        return theirs.at(at[at >= 0])
    return theirs.at(np.flatnonzero(find(theirs, mine) >= 0))


def _less(counted: Iterable[dict[str, int]], gone: Iterable[dict[str, int]]) -> dict[str, int]:
    total: collections.Counter[str] = collections.Counter()
    for each in counted:
        total.update(each)
    for each in gone:
        total.subtract(each)
    return {name: count for name, count in sorted(total.items()) if count}
