"""Adds up upload reports into the figures of the data-quality page: per day, per file and in all. Pure."""

from __future__ import annotations

import collections
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from infolens.contracts.dataset import UploadReport


@dataclass(frozen=True)
class FileFigures:
    """One upload on the page."""

    report: UploadReport
    settled_at: datetime
    """When it was dealt with, UTC."""
    seconds: float | None
    """From its arrival in the bucket to the dataset, waiting included; None where the report does not say."""

    @property
    def day(self) -> str:
        """Day of the calendar (UTC) to which it counts."""
        return self.settled_at.date().isoformat()

    @property
    def filename(self) -> str:
        """Name of the file."""
        return self.report.source.key.rpartition("/")[2]

    @property
    def rows_per_second(self) -> float | None:
        """Rows in over the seconds; None where no time passed that could be measured."""
        return self.report.rows_in / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Figures:
    """Files added up."""

    files: int = 0
    refused: int = 0
    """Files that were refused whole."""
    empty: int = 0
    """Files without one new row."""
    rows_in: int = 0
    rows_kept: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
    """The most frequent first."""
    label_counts: Mapping[str, int] = field(default_factory=dict)
    """Of kept rows, the most frequent first."""
    conflicts: int = 0
    near_duplicates: int = 0
    repaired: int = 0
    replaced: int = 0
    bytes_in: int = 0
    seconds: float = 0.0
    """Time in which at least one file was under way, of those that say when; a burst is counted once."""
    seconds_median: float | None = None
    seconds_most: float | None = None
    rows_timed: int = 0
    """Rows of the files that say how long they took."""
    bytes_timed: int = 0

    @property
    def rows_per_second(self) -> float | None:
        """Ingestion rate: rows in over the time from upload to dataset."""
        return self.rows_timed / self.seconds if self.seconds else None

    @property
    def megabytes_per_second(self) -> float | None:
        """Ingestion rate in MB (10^6 bytes) as uploaded."""
        return self.bytes_timed / 1e6 / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Page:
    """All figures of a data-quality page."""

    tasks: tuple[str, ...]
    since: datetime | None
    made_at: datetime
    files: tuple[FileFigures, ...]
    """The newest first."""
    days: tuple[tuple[str, Figures], ...]
    """The newest first."""
    by_task: tuple[tuple[str, Figures], ...]
    total: Figures
    unreadable: int = 0
    """Reports of another version of the code, which could not be read."""


def file_figures(report: UploadReport, written_at: datetime) -> FileFigures:
    """Take the times out of a report; `written_at` stands in for one that does not say when it was settled."""
    settled = _time(report.settled_at) or written_at
    uploaded = _time(report.uploaded_at)
    seconds = max(0.0, (settled - uploaded).total_seconds()) if uploaded else None
    return FileFigures(report, settled.astimezone(UTC), seconds)


def page(
    files: Iterable[FileFigures],
    *,
    tasks: Sequence[str],
    since: datetime | None,
    made_at: datetime,
    unreadable: int = 0,
) -> Page:
    """Add up what was settled since `since` (None: all there is)."""
    kept = sorted(
        (one for one in files if since is None or one.settled_at >= since),
        key=lambda one: (one.settled_at, one.report.upload_id),
        reverse=True,
    )
    by_day: dict[str, list[FileFigures]] = collections.defaultdict(list)
    by_task: dict[str, list[FileFigures]] = collections.defaultdict(list)
    for one in kept:
        by_day[one.day].append(one)
        by_task[one.report.task].append(one)
    return Page(
        tasks=tuple(tasks),
        since=since,
        made_at=made_at,
        files=tuple(kept),
        days=tuple((day, total(by_day[day])) for day in sorted(by_day, reverse=True)),
        by_task=tuple((task, total(by_task[task])) for task in sorted(by_task)),
        total=total(kept),
        unreadable=unreadable,
    )


def total(files: Sequence[FileFigures]) -> Figures:
    """Add up files."""
    reports = [one.report for one in files]
    reasons: collections.Counter[str] = collections.Counter()
    labels: collections.Counter[str] = collections.Counter()
    for report in reports:
        reasons.update(report.rejected_by_reason)
        labels.update(report.label_counts)
    timed = [(one, one.seconds) for one in files if one.seconds is not None]
    seconds = [value for _, value in timed]
    return Figures(
        files=len(reports),
        refused=sum(report.status == "refused" for report in reports),
        empty=sum(report.status == "empty" for report in reports),
        rows_in=sum(report.rows_in for report in reports),
        rows_kept=sum(report.rows_kept for report in reports),
        rows_duplicate=sum(report.rows_duplicate for report in reports),
        rows_rejected=sum(report.rows_rejected for report in reports),
        rejected_by_reason=_ordered(reasons),
        label_counts=_ordered(labels),
        conflicts=sum(report.conflicting_labels for report in reports),
        near_duplicates=sum(report.near_duplicates for report in reports),
        repaired=sum(report.bytes_repaired for report in reports),
        replaced=sum(report.bytes_replaced for report in reports),
        bytes_in=sum(report.bytes_in for report in reports),
        seconds=_covered([(one.settled_at - timedelta(seconds=value), one.settled_at) for one, value in timed]),
        seconds_median=statistics.median(seconds) if seconds else None,
        seconds_most=max(seconds) if seconds else None,
        rows_timed=sum(one.report.rows_in for one, _ in timed),
        bytes_timed=sum(one.report.bytes_in for one, _ in timed),
    )


def _covered(spans: Sequence[tuple[datetime, datetime]]) -> float:
    """Seconds that spans cover together, each second once."""
    covered, reached = 0.0, None
    for begin, end in sorted(spans):
        start = begin if reached is None else max(begin, reached)
        if reached is None or end > reached:
            covered += max(0.0, (end - start).total_seconds())
            reached = end
    return covered


def _ordered(counts: collections.Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _time(text: str) -> datetime | None:
    """A time as ISO 8601 writes it; None for "" and for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
