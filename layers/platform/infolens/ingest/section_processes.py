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

from infolens.ingest.csv_reading import MAX_RECORD, FileRefused
from infolens.ingest.record_starts import guess_record_start
from infolens.ingest.sections import SECTION_BYTES, SectionCounts, StagedSection, stage_section
from infolens.ingest.worker_processes import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from infolens.contracts.task import Schema
    from infolens.ingest.survey import Survey

WINDOW_BYTES = 256 << 10
"""Bytes by which a record's start is guessed, and beyond a section's end that its last record mostly needs."""

_READ_BYTES = 1 << 20
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
) -> Generator[StagedSection, None, None]:
    """Stage all sections of a content, in order.

    Close the iterator when leaving it early (`contextlib.closing`), so that its workers go at once.

    Args:
        content: stands at `survey.data_start`; read once from there.
        survey: of the file.
        schema: of the task.
        upload_id: written into each row.
        section_bytes: size of a section.
        workers: processes to stage in; 1 stages here, and so does any number a content of one section.
        known: gives what has been staged of a section before; nothing is yielded for one that fits.

    Raises:
        FileRefused: the content breaks off; what was read up to there has been yielded.
        WorkerDiedError: a worker was killed.
    """
    source = _Source(content, survey)
    job = _Job(survey, schema, upload_id, section_bytes)
    number, start = 0, survey.data_start
    while (counts := _fitting(known(number), start)) is not None:
        if counts.last:
            return
        number, start = number + 1, counts.end
    source.let_go(start)
    # What is hardly more than a section is read before a process would have started.
    few = workers <= 1 or not source.reaches(max(job.stop(number), start) + WINDOW_BYTES)
    stage = (
        _stage_here(source, job, known, number, start)
        if few
        else _stage_in_workers(source, job, workers, number, start)
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

    def stage(self, data: memoryview, number: int, start: int) -> StagedSection:
        """Stage a section from bytes that begin at its start."""
        stop, content = self.stop(number), cast("IO[bytes]", _Bytes(data))
        return stage_section(content, self.survey, self.schema, number, start, stop, self.upload_id)


class _Bytes:
    """Reads memory without a copy of the whole."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes:
        """See IO."""
        piece = bytes(self._data[self._at : self._at + size])
        self._at += len(piece)
        return piece


class _Source:
    """Content that is read on as far as it is asked for, and held until it is let go."""

    def __init__(self, content: IO[bytes], survey: Survey) -> None:
        self._content = content
        self._held = bytearray()
        self._seeks = survey.format.splittable and content.seekable() and content.tell() == survey.data_start
        self.start = survey.data_start
        """Offset of what is held."""
        self.ended = False
        self.refused: FileRefused | None = None
        """Why the content broke off; it is taken for its end."""

    @property
    def end(self) -> int:
        """Offset up to which the content was read."""
        return self.start + len(self._held)

    def reaches(self, offset: int) -> bool:
        """Read on to an offset; False when the content ends before it."""
        while not self.ended and self.end < offset:
            self._held += self._read(min(_READ_BYTES, offset - self.end))
        return self.end >= offset

    def between(self, start: int, stop: int) -> memoryview:
        """Give what was read of a range; to be released before more is read."""
        return memoryview(self._held)[start - self.start : stop - self.start]

    def after_line_end(self, start: int, stop: int) -> int:
        """Give the last place up to `stop` at which a line ends for certain; `start` when there is none behind it."""
        if self.ended and stop >= self.end:
            return self.end
        low, high = start - self.start, stop - self.start
        feed = self._held.rfind(b"\n", low, high) + 1
        back = self._held.rfind(b"\r", low, high - 1) + 1  # one at the very end may be half of an end
        return max(feed, back, low) + self.start

    def let_go(self, before: int) -> None:
        """Forget what lies before an offset; what was not read yet is read over."""
        held = min(before, self.end) - self.start
        if held > 0:
            del self._held[:held]
            self.start += held
        if before > self.end and self._seeks:
            self._content.seek(before)
            self.start = before
        while self.start < before and not self.ended:
            self.start += len(self._read(min(_READ_BYTES, before - self.start)))

    def forget(self) -> None:
        """Give the memory back; for a process that was forked and has no use for it."""
        self._held = bytearray()

    def _read(self, size: int) -> bytes:
        try:
            data = self._content.read(size)
        except FileRefused as error:
            self.refused = error
            data = b""
        self.ended = not data
        return data


def _stage_here(
    source: _Source, job: _Job, known: Callable[[int], SectionCounts | None], number: int, start: int
) -> Generator[StagedSection, None, None]:
    while True:
        counts = _fitting(known(number), start)
        if counts is None:
            section = _staged_whole(source, job, number, start)
            counts = section.counts
            yield section
            del section
        source.let_go(counts.end)
        if counts.last:
            return
        number, start = number + 1, counts.end


def _fitting(counts: SectionCounts | None, start: int) -> SectionCounts | None:
    return counts if counts is not None and counts.start == start else None


def _staged_whole(source: _Source, job: _Job, number: int, start: int) -> StagedSection:
    """Stage a section here, reading on until none of its records needs more."""
    beyond = WINDOW_BYTES
    while True:
        source.reaches(max(start, job.stop(number)) + beyond)
        given = source.after_line_end(start, source.end)
        if source.ended or given >= job.stop(number):
            with source.between(start, given) as data:
                section = job.stage(data, number, start)
            if _is_whole(section.counts, given, source):
                return section
        beyond = min(beyond * 8, beyond + MAX_RECORD)


def _is_whole(counts: SectionCounts, given: int, source: _Source) -> bool:
    """Say whether more bytes than those given, which end at a line's end, could change nothing about a section."""
    return not counts.ended_inside or (source.ended and given >= source.end)


@dataclass
class _Attempt:
    """A section that is being staged from a guessed start."""

    number: int
    start: int | None
    """None when no start could be guessed: it waits until it is known."""
    given: int
    """Offset of the end of its bytes."""
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
        with self._source.between(stop - 1, stop + WINDOW_BYTES) as data:
            window = bytes(data)
        survey = self._job.survey
        found = guess_record_start(window, survey.format.delimiter, len(survey.header))
        # A section that was cut within a line would not know; within quotes it does.
        if found is None or window[found - 1 : found] not in _LINE_ENDS or window[found - 1 : found + 1] == b"\r\n":
            return None
        return stop - 1 + found


def _stage_in_workers(
    source: _Source, job: _Job, workers: int, number: int, start: int
) -> Generator[StagedSection, None, None]:
    plan = _Plan(source, job, number, start)
    pending: deque[_Attempt] = deque()

    def work(place: tuple[int, int], bodies: Sequence[bytearray]) -> tuple[SectionCounts, tuple[bytes, bytes, bytes]]:
        source.forget()  # the parent's, of which the fork has a copy
        made = job.stage(memoryview(bodies[0]), *place)
        return made.counts, (made.part, made.index, made.rejects)

    with Crew(work, workers) as crew:
        while True:
            while crew.idle and len(pending) <= workers and not plan.done:
                attempt = plan.next()
                pending.append(attempt)
                if attempt.start is not None:
                    with source.between(attempt.start, attempt.given) as data:
                        crew.begin(attempt, (attempt.number, attempt.start), data)
            head = pending[0]
            if head.start is not None and head.section is None:
                for attempt, made, bodies in crew.finished():
                    attempt.section = StagedSection(made, *bodies)
                continue
            pending.popleft()
            section, head.section = head.section, None
            if section is None or head.start != start or not _is_whole(section.counts, head.given, source):
                # No guess, a wrong one, or its last record goes on: staged again, from where it does start.
                section = _staged_whole(source, job, head.number, start)
            counts = section.counts
            yield section
            del section
            start = counts.end
            source.let_go(start)
            if counts.last:
                return
