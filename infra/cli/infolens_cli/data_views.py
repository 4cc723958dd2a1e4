"""Draws datasets, their differences, dead letters and the figures of data quality. Records in, tables out; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from infolens_cli.dataset_diff import share
from infolens_cli.figures import amount, percent, rate, seconds, size
from infolens_cli.views import facts_table, grid, lengths, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rich.table import Table

    from infolens.contracts.dataset import DatasetManifest, DatasetSource
    from infolens.contracts.model import ModelRecord
    from infolens_cli.checkouts import RowDifference
    from infolens_cli.dataset_diff import Change, DatasetDiff
    from infolens_cli.dead_letters import DeadLetter
    from infolens_cli.quality import Figures, FileFigures, Page

ID_WIDTH = 16
"""Hex digits of a dataset id in a table; a beginning of it is enough to name it."""

UPLOAD_WIDTH = 12
"""Hex digits of an upload id in a table of files; a beginning of it is enough for `infolens report`."""

_SOURCES = 50
"""Uploads of a dataset that are listed; the newest."""

_REASON_WIDTH = 84
"""Characters of a reason beside two numbers."""

_LINE_WIDTH = 110
"""Characters of what has a line of its own."""


def dataset_list(line: Sequence[DatasetManifest], head: str, aside: Sequence[DatasetManifest] = ()) -> Table:
    """Datasets of a task, the newest first, the head marked; those beside its line below."""
    numbers = ("rows", "more", "uploads", "parts")
    whole = ("", "dataset", "created", "code")
    table = grid("", "dataset", *numbers, "newest upload", "created", "code", numbers=numbers, whole=whole)
    for manifest in (*line, *aside):
        mark = "[green]head[/]" if manifest.dataset_id == head else "" if manifest in line else "[dim]aside[/]"
        last = manifest.sources[-1]
        table.add_row(
            mark,
            manifest.dataset_id[:ID_WIDTH],
            amount(manifest.rows),
            f"+{amount(last.rows)}",
            amount(len(manifest.sources)),
            amount(len(manifest.parts)),
            escape(_filename(last)),
            when(manifest.created_at),
            escape(manifest.code_version[:12]),
        )
    return table


def dataset(manifest: DatasetManifest, *, is_head: bool) -> Table:
    """What a dataset is and what is in it."""
    facts = {
        "dataset": manifest.dataset_id + ("  [green]head[/]" if is_head else ""),
        "task": manifest.task,
        "parent": manifest.parent or "none, it is the first",
        "rows": amount(manifest.rows),
        "splits": ", ".join(f"{name} {amount(count)}" for name, count in manifest.split_counts.items()),
    }
    if manifest.label_counts:
        facts["labels"] = mix(manifest.label_counts)
    if manifest.text_lengths:
        facts["text lengths"] = lengths(manifest.text_lengths)
    facts["schema version"] = str(manifest.schema_version)
    facts["created"] = when(manifest.created_at)
    facts["code"] = escape(manifest.code_version)
    return facts_table(facts)


def sources(found: Sequence[DatasetSource], title: str) -> Table:
    """Uploads inside a dataset, the newest last."""
    shown = found[-_SOURCES:]
    many = f" (the newest {len(shown)} of {len(found)})" if len(shown) < len(found) else ""
    table = grid(
        "upload",
        "rows",
        "parts",
        "file",
        "version",
        title=f"{title}{many}",
        numbers=("rows", "parts"),
        whole=("upload",),
    )
    for source in shown:
        table.add_row(
            source.upload_id,
            amount(source.rows),
            amount(len(source.parts)),
            escape(source.source.key),
            escape(short(source.source.version, 34)),
        )
    return table


def trained(records: Sequence[ModelRecord]) -> Table:
    """Models that were trained on a dataset."""
    table = grid("version", "gates", "metrics", "registered", "run", title="models trained on it")
    for record in records:
        measured = ", ".join(f"{name} {value:.3f}" for name, value in sorted(record.metrics.items()))
        gates = "[green]passed[/]" if record.verdict_passed else "[red]past its gates[/]"
        if record.load_passed is False:
            gates += ", [red]refused under load[/]"
        table.add_row(record.version, gates, escape(measured), when(record.registered_at), escape(record.run_id))
    return table


def model(record: ModelRecord) -> Table:
    """Where a model came from."""
    return facts_table(
        {
            "model": f"{record.task} version {record.version}"
            + ("" if record.verdict_passed else "  [red]registered past its gates[/]")
            + ("  [red]refused under load[/]" if record.load_passed is False else ""),
            "bundle": record.bundle_digest,
            "lies at": escape(record.bundle_uri),
            "run": escape(record.run_id),
            "trained on": record.dataset_id,
            "code": escape(record.code_version),
            "registered": f"{when(record.registered_at)} by {escape(record.registered_by)}",
        }
    )


def mix(labels: Mapping[str, int]) -> str:
    """Labels with their shares, the most frequent first."""
    counted = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    whole = sum(labels.values())
    return ", ".join(f"{escape(label)} {amount(count)} ({percent(count, whole)})" for label, count in counted)


def difference(found: DatasetDiff) -> list[Table]:
    """Everything in which two datasets differ, uploads first."""
    drawn = []
    if found.uploads_added:
        drawn.append(sources(found.uploads_added, f"{len(found.uploads_added)} uploads only in the second"))
    if found.uploads_removed:
        drawn.append(sources(found.uploads_removed, f"{len(found.uploads_removed)} uploads only in the first"))
    rows = (found.rows, *found.splits)
    parts = f"parts: {len(found.parts_added)} only in the second, {len(found.parts_removed)} only in the first"
    drawn.append(_changes(rows, parts, whole=None))
    if any(change.by for change in found.labels):
        drawn.append(_changes(found.labels, "labels", whole=(found.rows.before, found.rows.after)))
    if any(change.by for change in found.lengths):
        drawn.append(_changes(found.lengths, "text lengths in characters", whole=None))
    return drawn


def _changes(changes: Sequence[Change], title: str, whole: tuple[int, int] | None) -> Table:
    numbers = ("first", "second", "change", *(("share of first", "share of second") if whole else ()))
    table = grid("", *numbers, title=title, numbers=numbers)
    for change in changes:
        colour = "green" if change.by > 0 else "red"
        by = f"[{colour}]{change.by:+,}[/]" if change.by else "0"
        shares = (f"{share(change.before, whole[0]):.1f} %", f"{share(change.after, whole[1]):.1f} %") if whole else ()
        table.add_row(escape(change.name), amount(change.before), amount(change.after), by, *shares)
    return table


def differing_rows(found: RowDifference) -> list[Table]:
    """The first rows that are on one side only."""
    sides = (("first", found.only_before, found.first_before), ("second", found.only_after, found.first_after))
    return [_rows(rows, count, side) for side, count, rows in sides if rows]


def _rows(rows: Sequence[Mapping[str, str]], count: int, side: str) -> Table:
    first = f"the first {len(rows)} of {amount(count)} rows" if len(rows) < count else f"{amount(count)} rows"
    table = grid(
        "upload", "line", "split", "row", title=f"{first} only in the {side}", numbers=("line",), whole=("upload",)
    )
    for row in rows:
        rest = " | ".join(value for name, value in row.items() if name not in {"upload_id", "line", "split"} and value)
        table.add_row(row.get("upload_id", ""), row.get("line", ""), row.get("split", ""), escape(short(rest)))
    return table


def dead_letters(letters: Sequence[DeadLetter], errors: Mapping[str, str], now: datetime) -> str:
    """Messages that could not be dealt with, the oldest first; in lines, since each part of them will be copied."""
    lines = []
    for letter in letters:
        age = f"{seconds((now - letter.sent_at).total_seconds())} old, " if letter.sent_at else ""
        error = letter.given_error or errors.get(letter.message_id, "")
        lines.append(f"[bold]{letter.message_id}[/]  {letter.queue}, {age}received {letter.received} times")
        lines.append(f"    {escape(short(letter.about, _LINE_WIDTH))}")
        lines.append(
            f"    [red]{escape(short(error, _LINE_WIDTH))}[/]" if error else "    [dim]no error in the logs[/]"
        )
        lines += [f"    [dim]infolens logs {subject}[/]" for subject in letter.subjects]
    return "\n".join(lines)


def quality(page: Page, most: int) -> list[Table]:
    """Figures of data quality: in all, by day, by task, by reason, and the newest files."""
    drawn = [_totals(page.total), _by("day", page.days, "by day (UTC)", most)]
    if len(page.by_task) > 1:
        drawn.append(_by("task", page.by_task, "by task", most))
    if page.total.rejected_by_reason:
        table = grid("rows", "of rejected", "reason", title="rejected by reason", numbers=("rows", "of rejected"))
        for reason, count in list(page.total.rejected_by_reason.items())[:most]:
            table.add_row(amount(count), percent(count, page.total.rows_rejected), escape(short(reason, _REASON_WIDTH)))
        drawn.append(table)
    drawn.append(_newest(page.files, most))
    return drawn


def _totals(found: Figures) -> Table:
    facts = {
        "files": f"{amount(found.files)}, {found.refused} refused, {found.empty} without a new row",
        "rows in": amount(found.rows_in),
        "kept": f"{amount(found.rows_kept)}, {percent(found.rows_kept, found.rows_in)}",
        "duplicate": f"{amount(found.rows_duplicate)}, {percent(found.rows_duplicate, found.rows_in)}",
        "rejected": f"{amount(found.rows_rejected)}, {percent(found.rows_rejected, found.rows_in)}",
        "conflicts": amount(found.conflicts),
        "near duplicates": amount(found.near_duplicates),
        "bytes": f"{size(found.bytes_in)}, {amount(found.repaired)} bytes repaired, {amount(found.replaced)} replaced",
        "ingestion rate": f"{rate(found.rows_per_second)} rows/s, {rate(found.megabytes_per_second)} MB/s",
        "upload to dataset": f"{seconds(found.seconds_median)} in the median, {seconds(found.seconds_most)} at most",
    }
    if found.label_counts:
        facts["labels kept"] = mix(dict(list(found.label_counts.items())[:12]))
    return facts_table(facts)


def _by(name: str, lines: Sequence[tuple[str, Figures]], title: str, most: int) -> Table:
    many = f" (the first {most} of {len(lines)})" if len(lines) > most else ""
    numbers = ("files", "refused", "rows in", "kept", "dup.", "rejected", "confl.", "near", "size", "rows/s", "median")
    table = grid(name, *numbers, title=f"{title}{many}", numbers=numbers, whole=(name,))
    for key, found in lines[:most]:
        table.add_row(
            key,
            amount(found.files),
            amount(found.refused),
            amount(found.rows_in),
            amount(found.rows_kept),
            amount(found.rows_duplicate),
            amount(found.rows_rejected),
            amount(found.conflicts),
            amount(found.near_duplicates),
            size(found.bytes_in),
            rate(found.rows_per_second),
            seconds(found.seconds_median),
        )
    return table


def _newest(files: Sequence[FileFigures], most: int) -> Table:
    many = f"the newest {most} of {amount(len(files))} files" if len(files) > most else "files, the newest first"
    numbers = ("rows in", "kept", "dup.", "rejected", "size", "rows/s", "time")
    table = grid("file", "upload", "outcome", *numbers, title=many, numbers=numbers, whole=("upload", "outcome"))
    colours = {"accepted": "green", "refused": "red"}
    for one in files[:most]:
        report = one.report
        table.add_row(
            escape(short(one.filename, 28)),
            report.upload_id[:UPLOAD_WIDTH],
            f"[{colours.get(report.status, 'yellow')}]{report.status}[/]",
            amount(report.rows_in),
            amount(report.rows_kept),
            amount(report.rows_duplicate),
            amount(report.rows_rejected),
            size(report.bytes_in),
            rate(one.rows_per_second),
            seconds(one.seconds),
        )
    return table


def when(text: str) -> str:
    """A time of a record, to the minute."""
    return text[:16].replace("T", " ")


def _filename(source: DatasetSource) -> str:
    return source.source.key.rpartition("/")[2]
