"""Reads a content once, cuts it into sections, and stages them here or in worker processes; yields them in order.

A worker may begin a section before the one before it is done, at a place where a record seems to start (speculative
parsing: Ge et al., SIGMOD 2019). Each section is checked: it stands only when it starts where the one before it ended
and none of its records reached beyond the bytes that it was given; else it is staged again from the right place.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from infolens.ingest.csv_reading import MAX_RECORD, FileRefused
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.process_memory import give_back_holes, hold_little
from infolens.ingest.record_starts import guess_record_start
from infolens.ingest.sections import SECTION_BYTES, SectionCounts, StagedSection, read_section
from infolens.ingest.seen_rows import SeenRows
from infolens.ingest.worker_processes import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from infolens.contracts.task import Schema
    from infolens.ingest.sections import ReadSection
    from infolens.ingest.survey import Survey
    from infolens.ingest.worker_processes import Body, Given

WINDOW_BYTES = 256 << 10
"""Bytes beyond a section's end that its last record mostly needs, and by which a record's start is guessed at most."""

_FIRST_WINDOW_BYTES = 64 << 10
"""By which it is guessed at first: a hundred records of news, read in a quarter of the time."""

_HELD = 2
"""Sections whose rows a worker holds at most: one that waits for those before it, and the next."""

_BETWEEN_HOLES = 16
"""Sections that a worker reads before it gives back what lies free between those that it holds: its heap would grow
with the file, by some 10 MB in a gigabyte. In the parent nothing was gained."""

_READ_BYTES = 256 << 10
"""Few enough to find memory that has been used before; what is larger is fetched from the system, zeroed, each time."""
_SHARED_BYTES_MOST = 64 << 20
_LINE_ENDS = (b"\n", b"\r")


def staged_sections(  # noqa: PLR0913 - a file, and how to read it
    content: IO[bytes],
    survey: Survey,
    schema: Schema,
    upload_id: str,
    *,
    section_bytes: int = SECTION_BYTES,
    workers: int = 1,
    known: Callable[[int], SectionCounts | None] = lambda _: None,
    index_of: Callable[[SectionCounts], IdentityIndex] | None = None,
) -> Generator[StagedSection, None, None]:
    """Stage all sections of a content, in order; each part without the rows that an earlier section has.

    Close the iterator when leaving it early (`contextlib.closing`), so that its workers go at once.

    Args:
        content: stands at `survey.data_start`; read once from there.
        survey: of the file.
        schema: of the task.
        upload_id: written into each row.
        section_bytes: size of a section.
        workers: processes to stage in; 1 stages here, and so does any number a content of one section.
        known: gives what has been staged of a section before; nothing is yielded for one that fits.
        index_of: gives the index of such a section, when it kept rows; left out, the parts of those behind it hold
            the rows of earlier sections, too, and merging takes them out.

    Raises:
        FileRefused: the content breaks off; what was read up to there has been yielded.
        WorkerDiedError: a worker was killed.
    """
    source = _Source(content, survey)
    job = _Job(survey, schema, upload_id, section_bytes)
    earlier = _Earlier(index_of)
    number, start = 0, survey.data_start
    while (counts := _fitting(known(number), start)) is not None:
        if counts.last:
            return
        earlier.skip(counts)
        number, start = number + 1, counts.end
    source.let_go(start)
    # What is hardly more than a section is read before a process would have started.
    few = workers <= 1 or not source.reaches(max(job.stop(number), start) + WINDOW_BYTES)
    stage = (
        _stage_here(source, job, earlier, known, number, start)
        if few
        else _stage_in_workers(source, job, earlier, workers, number, start)
    )
    with contextlib.closing(stage):
        yield from stage
    if source.refused:
        raise source.refused


@dataclass(frozen=True)
class _Job:
    """What is the same for all sections."""

    survey: Survey
    schema: Schema
    upload_id: str
    section_bytes: int

    def stop(self, number: int) -> int:
        """Give the offset at which the next section begins."""
        return (number + 1) * self.section_bytes

    def read(self, content: Given | _Bytes, number: int, start: int) -> ReadSection:
        """Read a section from bytes that begin at its start."""
        stop, whole = self.stop(number), cast("IO[bytes]", content)
        return read_section(whole, self.survey, self.schema, number, start, stop, self.upload_id)


class _Earlier:
    """Knows the rows of the sections so far."""

    def __init__(self, index_of: Callable[[SectionCounts], IdentityIndex] | None) -> None:
        """Begin before the first; `index_of` as in `staged_sections`."""
        self._index_of = index_of
        self._seen: SeenRows | None = SeenRows()

    def skip(self, counts: SectionCounts) -> None:
        """Take a section that was staged before; nobody can say what later ones share with one that has no index."""
        if self._index_of is None:
            self._seen = None
        elif self._seen and counts.rows_kept:
            self._seen.add(self._index_of(counts).records())

    def add(self, index: bytes) -> NDArray[np.uint32]:
        """Take the next section by its index; gives the lines of its part that those before it have."""
        if self._seen is None:
            return np.zeros(0, np.uint32)
        return self._seen.add(IdentityIndex.of(index).records())


class _Bytes:
    """Reads memory without a copy of the whole."""

    def __init__(self, data: Sequence[memoryview]) -> None:
        self._left = deque(data)

    def read(self, size: int) -> bytes:
        """See IO."""
        taken: list[memoryview] = []
        while size and self._left:
            piece = self._left.popleft()
            if len(piece) > size:
                self._left.appendleft(piece[size:])
            taken.append(piece[:size])
            size -= len(taken[-1])
        return b"".join(taken)


class _Source:
    """Content that is read on as far as it is asked for, and held until it is let go."""

    def __init__(self, content: IO[bytes], survey: Survey) -> None:
        self._content = content
        self._held: deque[bytes] = deque()
        """In pieces as they were read: none is copied, and none moves when others go."""
        self._first = survey.data_start
        """Offset at which the first of them begins."""
        self.end = survey.data_start
        """Offset up to which the content was read."""
        self._seeks = survey.format.splittable and content.seekable() and content.tell() == survey.data_start
        self.start = survey.data_start
        """Offset of what is held."""
        self.ended = False
        self.refused: FileRefused | None = None
        """Why the content broke off; it is taken for its end."""

    def reaches(self, offset: int) -> bool:
        """Read on to an offset; False when the content ends before it."""
        while not self.ended and self.end < offset:
            data = self._read(min(_READ_BYTES, offset - self.end))
            self._held.append(data)
            self.end += len(data)
        return self.end >= offset

    def between(self, start: int, stop: int) -> list[memoryview]:
        """Give what was read of a range and is not let go or put away, in pieces."""
        return [piece for _, piece in self._pieces(start, stop)]

    def after_line_end(self, start: int, stop: int) -> int:
        """Give the last place up to `stop` at which a line ends for certain; `start` when there is none behind it."""
        if self.ended and stop >= self.end:
            return self.end
        for begin, view in reversed(list(self._pieces(start, stop))):
            piece = bytes(view)
            feed = piece.rfind(b"\n") + 1
            back = piece.rfind(b"\r", 0, stop - 1 - begin) + 1  # one at the very end may be half of an end
            if feed or back:
                return begin + max(feed, back)
        return start

    def let_go(self, before: int) -> None:
        """Forget what lies before an offset; what was not read yet is read over."""
        self._drop(before)
        self.start = max(self.start, min(before, self.end))
        if before > self.end and self._seeks:
            self._content.seek(before)
            self.end = before
        while self.end < before and not self.ended:
            self.end += len(self._read(min(_READ_BYTES, before - self.end)))
        if not self._held:
            self._first = self.end
            self.start = max(self.start, min(before, self.end))

    def put_away(self, before: int) -> None:
        """Hold nothing that lies before an offset and can be read again."""
        if self._seeks:
            self._drop(before)

    def go_back(self, to: int) -> None:
        """Read again from an offset on, if what follows it was put away."""
        if to < self._first:
            self._held.clear()
            self._content.seek(to)
            self._first = self.end = to
            self.ended = False

    def forget(self) -> None:
        """Give the memory back; for a process that was forked and has no use for it."""
        self._held.clear()

    def _drop(self, before: int) -> None:
        while self._held and self._first + len(self._held[0]) <= before:
            self._first += len(self._held.popleft())

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, memoryview]]:
        """Give what was read of a range, in pieces that are not empty, each with its offset."""
        begin = self._first
        for piece in self._held:
            low, high = max(start, begin), min(stop, begin + len(piece))
            if low < high:
                yield low, memoryview(piece)[low - begin : high - begin]
            begin += len(piece)

    def _read(self, size: int) -> bytes:
        try:
            data = self._content.read(size)
        except FileRefused as error:
            self.refused = error
            data = b""
        self.ended = not data
        return data


def _stage_here(  # noqa: PLR0913, PLR0917 - as staged_sections
    source: _Source,
    job: _Job,
    earlier: _Earlier,
    known: Callable[[int], SectionCounts | None],
    number: int,
    start: int,
) -> Generator[StagedSection, None, None]:
    while True:
        counts = _fitting(known(number), start)
        if counts is None:
            section = _read_whole(source, job, number, start)
            counts = section.counts
            source.let_go(counts.end)
            yield section.staged(earlier.add(section.index))
            del section
        else:
            earlier.skip(counts)
            source.let_go(counts.end)
        if counts.last:
            return
        number, start = number + 1, counts.end


def _fitting(counts: SectionCounts | None, start: int) -> SectionCounts | None:
    return counts if counts is not None and counts.start == start else None


def _read_whole(source: _Source, job: _Job, number: int, start: int) -> ReadSection:
    """Read a section here, reading on until none of its records needs more."""
    beyond = WINDOW_BYTES
    source.go_back(start)
    while True:
        source.reaches(max(start, job.stop(number)) + beyond)
        given = source.after_line_end(start, source.end)
        if source.ended or given >= job.stop(number):
            section = job.read(_Bytes(source.between(start, given)), number, start)
            if _is_whole(section.counts, given, source):
                return section
        beyond = min(beyond * 8, beyond + MAX_RECORD)


def _is_whole(counts: SectionCounts, given: int, source: _Source) -> bool:
    """Say whether more bytes than those given, which end at a line's end, could change nothing about a section."""
    return not counts.ended_inside or (source.ended and given >= source.end)


@dataclass
class _Attempt:
    """A section that is being read from a guessed start, then written when it is known to be right."""

    number: int
    start: int | None
    """None when no start could be guessed: it waits until it is known."""
    given: int
    """Offset of the end of its bytes."""
    worker: int = -1
    """Who reads it, and holds its rows until they are written."""
    read: tuple[SectionCounts, bytes, bytes] | None = None
    """Counts, index and rejects."""
    earlier: NDArray[np.uint32] | None = None
    """Lines that are to be left out, once the section is known to be right."""
    section: StagedSection | None = None

    def __str__(self) -> str:
        """Name it where its process died."""
        return f"section {self.number}"


class _Plan:
    """Guesses where sections start and end."""

    def __init__(self, source: _Source, job: _Job, number: int, start: int) -> None:
        self._source = source
        self._job = job
        self._number = number
        self._start: int | None = start
        self.done = False

    def next(self) -> _Attempt:
        """Give the next section; `done` afterwards when it is the last."""
        source, number, start = self._source, self._number, self._start
        stop = self._job.stop(number)
        if start is not None and start < source.start:
            start = None  # a guess within a record that has been read by now
        if start is not None and start >= stop:  # a record reaches over this whole section
            following: int | None = start
        elif source.reaches(stop + 1):
            following = self._guess(stop)
        else:
            following = source.end
            self.done = following < stop
        self._number, self._start = number + 1, following
        if following is None:
            start = None  # nobody knows how many bytes it needs
        return _Attempt(number, start, following or 0)

    def _guess(self, stop: int) -> int | None:
        if stop <= self._source.start:
            return None
        self._source.reaches(stop + WINDOW_BYTES)
        # A place at which a line has just ended is the first that may be found: hence one byte before the border.
        survey, found, window = self._job.survey, None, b""
        for size in (_FIRST_WINDOW_BYTES, WINDOW_BYTES):
            window = b"".join(self._source.between(stop - 1, stop + size))
            found = guess_record_start(window, survey.format.delimiter, len(survey.header))
            if found is not None:
                break
        # A section that was cut within a line would not know; within quotes it does.
        if found is None or window[found - 1 : found] not in _LINE_ENDS or window[found - 1 : found + 1] == b"\r\n":
            return None
        return stop - 1 + found


class _Work:
    """What a worker does: it reads sections, and writes their parts when it is told which of their rows stay."""

    def __init__(self, source: _Source, job: _Job) -> None:
        self._source = source
        self._job = job
        self._held: dict[int, ReadSection] = {}
        self._read = 0

    def __call__(
        self, head: tuple[str, int, int, tuple[int, ...]], bodies: Sequence[Given]
    ) -> tuple[SectionCounts, Sequence[Body]]:
        what, number, start, wanted = head
        if what == "write":
            counts, part = self._held.pop(number).write(np.frombuffer(bodies[0].read(), np.uint32))
            return counts, (part,)
        self._source.forget()  # the parent's, of which the fork has a copy
        self._held = {each: section for each, section in self._held.items() if each in wanted}
        self._read += 1
        if self._read % _BETWEEN_HOLES == 0:
            give_back_holes()
        section = self._held[number] = self._job.read(bodies[0], number, start)
        return section.counts, (section.index, section.rejects)


class _Line:
    """Sections on their way through the workers: begun, then known to be right, then written."""

    def __init__(self, crew: Crew, source: _Source, workers: int) -> None:
        self._crew = crew
        self._source = source
        self._workers = workers
        self.begun: deque[_Attempt] = deque()
        self.right: deque[_Attempt] = deque()

    def employ(self, plan: _Plan) -> None:
        """Give each worker that has nothing to do something to write, else something to read."""
        for worker in self._crew.idle_ones:
            attempt = next((each for each in self.right if each.worker == worker and each.earlier is not None), None)
            if attempt is not None and attempt.earlier is not None:
                lines, attempt.earlier = attempt.earlier.tobytes(), None
                self._crew.begin(attempt, ("write", attempt.number, 0, ()), lines, by=worker)
                continue
            held = tuple(each.number for each in (*self.begun, *self.right) if each.worker == worker)
            while len(held) < _HELD and len(self.begun) <= self._workers and not plan.done:
                attempt = plan.next()
                self.begun.append(attempt)
                if attempt.start is not None:
                    attempt.worker = worker
                    data = self._source.between(attempt.start, attempt.given)
                    self._crew.begin(attempt, ("read", attempt.number, attempt.start, held), data, by=worker)
                    del data
                    self._source.put_away(attempt.given)  # it is asked for again only if the guess was wrong
                    break

    def written(self) -> StagedSection | None:
        """Give the next section when it is ready."""
        if not self.right or self.right[0].section is None:
            return None
        return self.right.popleft().section

    def wait(self) -> None:
        """Wait for a worker."""
        for attempt, counts, bodies in self._crew.finished():
            if attempt.read is None:
                index, rejects = bodies
                attempt.read = counts, index, rejects
            else:
                attempt.section = StagedSection(counts, bodies[0], *attempt.read[1:])


def _stage_in_workers(  # noqa: PLR0913, PLR0917 - as staged_sections
    source: _Source, job: _Job, earlier: _Earlier, workers: int, number: int, start: int
) -> Generator[StagedSection, None, None]:
    plan = _Plan(source, job, number, start)
    hold_little()  # workers are born with it
    job.schema.clean_block({})  # loads what cleans, once for all of them
    shared = min(job.section_bytes + 2 * WINDOW_BYTES, _SHARED_BYTES_MOST)
    with Crew(_Work(source, job), workers, shared) as crew:
        line = _Line(crew, source, workers)
        while True:
            line.employ(plan)
            if (section := line.written()) is not None:
                last = section.counts.last
                yield section
                del section
                if last:
                    return
                continue
            head = line.begun[0] if line.begun else None
            if head is None or (head.start is not None and head.read is None):
                line.wait()
                continue
            line.begun.popleft()
            if head.read is None or head.start != start or not _is_whole(head.read[0], head.given, source):
                # No guess, a wrong one, or its last record goes on: staged again, from where it does start.
                here = _read_whole(source, job, head.number, start)
                head.worker = -1
                head.section = here.staged(earlier.add(here.index))
                counts = head.section.counts
                del here
            else:
                counts, index, _ = head.read
                head.earlier = earlier.add(index)
            line.right.append(head)
            start = counts.end
            source.let_go(start)
            if counts.last:
                plan.done = True
                line.begun.clear()
