"""Writes the report of an upload as text for people; everything in it comes from the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.contracts import keys
from infolens.contracts.dataset import REFUSED_WITH_FILE
from infolens.ingest.row_metrics import seconds_to_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infolens.contracts.dataset import UploadReport

_NAME_WIDTH = 16
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_PACKINGS = {"": "not packed", "gzip": "packed with gzip", "zip": "packed as zip"}


def report_text(report: UploadReport) -> str:
    """Lay a report out: status and reason, rows with reasons of rejects, file, labels, lengths, doubtful rows, ids."""
    lines = [f"{report.source.key}: {report.status}"]
    if report.reason:
        lines.append(report.reason)
    for block in (_rows(report), _file(report), _content(report), _doubts(report), _places(report)):
        if found := list(block):
            lines += ["", *found]
    return "\n".join(lines) + "\n"


def _rows(report: UploadReport) -> Iterator[str]:
    if not report.rows_counted:
        yield _line("rows in", "not counted: a large file, refused before its rows were read")
        return
    yield _line("rows in", f"{report.rows_in:>10,}")
    yield _line("  kept", f"{report.rows_kept:>10,}")
    yield _line("  duplicate", f"{report.rows_duplicate:>10,}")
    yield _line("  rejected", f"{report.rows_rejected:>10,}")
    for reason, count in _by_count(report.rejected_by_reason):
        yield _line("", f"{count:>10,}  {_one_line(reason)}")


def _file(report: UploadReport) -> Iterator[str]:
    yield _line("size", f"{report.bytes_in:,} bytes")
    if report.format:
        packing = _PACKINGS.get(report.format.packing, report.format.packing)
        delimiter = _DELIMITERS.get(report.format.delimiter, repr(report.format.delimiter))
        yield _line("format", f"{report.format.encoding}, fields between {delimiter}, {packing}")
    if report.bytes_repaired:
        yield _line("repaired", f"{report.bytes_repaired:,} bytes that are no UTF-8 were read as Windows-1252")
    if report.bytes_replaced:
        yield _line("replaced", f"{report.bytes_replaced:,} bytes without a meaning became U+FFFD")
    if report.uploaded_at:
        yield _line("uploaded", report.uploaded_at)
    if report.settled_at:
        seconds = seconds_to_dataset(report)
        yield _line("settled", report.settled_at + ("" if seconds is None else f" ({seconds:,.1f} s later)"))


def _content(report: UploadReport) -> Iterator[str]:
    if report.label_counts:
        yield _line("labels kept", ", ".join(f"{_one_line(name)} {n:,}" for name, n in _by_count(report.label_counts)))
    if report.text_lengths:
        lengths = ", ".join(f"{name} {value:,}" for name, value in sorted(report.text_lengths.items(), key=_size))
        yield _line("text lengths", f"{lengths} characters")


def _doubts(report: UploadReport) -> Iterator[str]:
    if report.conflicting_labels:
        yield _line(
            "label conflicts", f"{report.conflicting_labels:,} rows have the text of a kept row, but another label"
        )
        for conflict in report.conflicts:
            other = _other(report, conflict.other_upload_id, conflict.other_line)
            label = f" ({_one_line(conflict.other_label)})" if conflict.other_label else ""
            yield _line("", f"line {conflict.line} ({_one_line(conflict.label)}) and {other}{label}")
    if report.near_duplicates:
        yield _line("near-duplicates", f"{report.near_duplicates:,} kept rows are almost the same as another")
        for pair in report.near_duplicate_pairs:
            other = _other(report, pair.other_upload_id, pair.other_line)
            yield _line("", f"line {pair.line} and {other}: {pair.similarity:.0%} alike")


def _places(report: UploadReport) -> Iterator[str]:
    yield _line("upload", report.upload_id + (f", a replay of {report.replay_of}" if report.replay_of else ""))
    if report.dataset_id:
        yield _line("dataset", report.dataset_id)
    if report.rejected_by_reason.keys() - {REFUSED_WITH_FILE}:
        yield _line("rejected rows", f"{keys.rejects(report.task, report.upload_id)}, to be mended and dropped again")


def _other(report: UploadReport, upload_id: str, line: int) -> str:
    where = f"line {line}" if line else "a row"
    return where if upload_id in ("", report.upload_id) else f"{where} of upload {upload_id}"


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _size(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]


def _line(name: str, text: str) -> str:
    return f"{name:<{_NAME_WIDTH}}{text}"


def _one_line(text: str) -> str:
    """Keep what a file says from breaking the layout."""
    return " ".join(text.split())
