"""Draws what the machinery says: reports, verdicts, histories. Takes contracts, gives rich tables; no I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from infolens_cli.figures import rate, seconds, size
from infolens_cli.quality import file_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.dataset import BatchReport, UploadReport
    from infolens.contracts.evaluation import Verdict
    from infolens.contracts.load import LoadReport
    from infolens.contracts.model import ModelRecord
    from infolens.contracts.rollout import AliasState, Arm, HistoryEvent, Plan

TEXT_WIDTH = 60
"""Characters of a user's text that a table shows."""

RESULT_WIDTH = 24
"""Characters of one cell of a result file that a table shows; such files are wide."""


BRIEF_WIDTH = 56
"""Characters of a reason where an event has one line."""


def short(text: str, most: int = TEXT_WIDTH) -> str:
    """Cut a text to one line of at most `most` characters; what cannot be printed becomes a dot."""
    line = "".join(letter if letter.isprintable() else "·" for letter in " ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def digest(value: str) -> str:
    """Shorten a hash as git does; twelve hex digits do not collide in one bucket."""
    return value[:12]


def grid(*columns: str, title: str = "", numbers: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """A table with a header; columns in `numbers` stand to the right; neither they nor those in `whole` are folded."""
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        right = column in numbers
        table.add_column(
            column, overflow="fold", justify="right" if right else "left", no_wrap=right or column in whole
        )
    return table


def facts_table(rows: Mapping[str, str]) -> Table:
    """Names and values, one line each."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _with_reasons(total: int, reasons: Mapping[str, int]) -> str:
    """A number of rows, and below it how many for which reason, the most frequent first."""
    counted = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join([str(total), *(f"[dim]{count:>5}[/]  {escape(short(reason, 100))}" for reason, count in counted)])


def upload_report(report: UploadReport) -> Table:
    """Counts of one labelled upload; they add up."""
    style = {"accepted": "green", "refused": "red"}.get(report.status, "yellow")
    facts = {"status": f"[{style}]{report.status}[/]" + (f" - {escape(report.reason)}" if report.reason else "")}
    if report.replay_of:
        facts["replay of"] = report.replay_of
    if report.format or report.bytes_in:
        facts["file"] = ", ".join([size(report.bytes_in), *_written(report)])
    facts["rows in"] = str(report.rows_in) if report.rows_counted else "not counted"
    facts["kept"] = str(report.rows_kept)
    facts["duplicate"] = str(report.rows_duplicate)
    facts["rejected"] = _with_reasons(report.rows_rejected, report.rejected_by_reason)
    if report.label_counts:
        counted = sorted(report.label_counts.items(), key=lambda item: (-item[1], item[0]))
        facts["labels kept"] = ", ".join(f"{escape(label)} {count}" for label, count in counted)
    if report.text_lengths:
        facts["text lengths"] = lengths(report.text_lengths)
    facts |= _oddities(report)
    if took := _took(report):
        facts["took"] = took
    facts["upload id"] = report.upload_id
    if report.dataset_id:
        facts["dataset"] = report.dataset_id
    return facts_table(facts)


_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def _written(report: UploadReport) -> list[str]:
    """How the file was written, in words."""
    found = report.format
    if found is None:
        return []
    encoding = _ENCODINGS.get(found.encoding, found.encoding)
    mixed = " and Windows-1252" if report.bytes_repaired else ""
    delimiter = _DELIMITERS.get(found.delimiter, repr(found.delimiter))
    return [*([found.packing] if found.packing else []), f"{encoding}{mixed}", f"{delimiter} between the columns"]


def _oddities(report: UploadReport) -> dict[str, str]:
    """What an editor may want to look at although the rows were taken."""
    facts = {}
    if report.bytes_repaired:
        facts["repaired"] = f"{report.bytes_repaired} bytes that are no UTF-8 were read as Windows-1252"
    if report.bytes_replaced:
        facts["replaced"] = f"{report.bytes_replaced} bytes that mean nothing in either became \ufffd"
    if report.conflicting_labels:
        facts["conflicts"] = f"{report.conflicting_labels} rows have the text of a kept row, and another label"
    if report.near_duplicates:
        facts["near duplicates"] = f"{report.near_duplicates} kept rows are almost the same as another"
    return facts


def lengths(found: Mapping[str, int]) -> str:
    """Quantiles of text lengths in words."""
    names = {"p05": "5 % up to", "p50": "half up to", "p95": "95 % up to", "max": "longest"}
    said = ", ".join(f"{words} {found[name]}" for name, words in names.items() if name in found)
    return f"{said} characters"


def _took(report: UploadReport) -> str:
    """Time from the upload to the dataset, with rates; "" where the report does not say."""
    timed = file_figures(report, datetime.now(UTC))
    if timed.seconds is None:
        return ""
    rates = [f"{rate(timed.rows_per_second)} rows/s"] if timed.rows_per_second else []
    return ", ".join([f"{seconds(timed.seconds)} from upload to report", *rates])


def places(bucket: str, keys: Mapping[str, str]) -> Table:
    """Where things lie in a bucket, for those who want the whole of them."""
    return facts_table({name: f"[dim]s3://{bucket}/{escape(key)}[/]" for name, key in keys.items()})


def conflicts(report: UploadReport) -> Table:
    """First rows whose text another row has under another label."""
    first = (
        f"the first {len(report.conflicts)} of {report.conflicting_labels} rows"
        if (len(report.conflicts) < report.conflicting_labels)
        else "rows"
    )
    table = grid("line", "label", "has the text of", "with label", title=f"{first} of the same text and another label")
    for one in report.conflicts:
        table.add_row(
            str(one.line),
            escape(one.label),
            _other(report, one.other_line, one.other_upload_id),
            escape(one.other_label),
        )
    return table


def near_duplicates(report: UploadReport) -> Table:
    """First kept rows that are almost the same as another."""
    pairs = report.near_duplicate_pairs
    first = f"the first {len(pairs)} of {report.near_duplicates} " if len(pairs) < report.near_duplicates else ""
    table = grid("line", "is almost", "similarity", title=f"{first}near duplicates (both were kept)")
    for one in pairs:
        other = _other(report, one.other_line, one.other_upload_id)
        table.add_row(str(one.line), other, f"{one.similarity:.0%}")
    return table


def _other(report: UploadReport, line: int, upload_id: str) -> str:
    """Where the other row is: a line of this file, or of another upload."""
    at = f"line {line}" if line else "a row"
    return at if upload_id in {"", report.upload_id} else f"{at} of upload {upload_id}"


def rejects(rows: Sequence[Mapping[str, str]], total: int) -> Table:
    """First rejected rows: where, why, and how they looked."""
    shown = f"the first {len(rows)} of {total} rejected rows" if len(rows) < total else "rejected rows"
    table = grid("line", "column", "why", "row as it was", title=shown)
    for row in rows:
        raw = " | ".join(value for name, value in row.items() if not name.startswith("reject_") and value)
        table.add_row(
            row.get("reject_line", ""),
            row.get("reject_column", ""),
            escape(row.get("reject_reason", "")),
            escape(short(raw)),
        )
    return table


def batch_report(report: BatchReport) -> Table:
    """Counts of one answered batch; they add up."""
    style = "green" if report.status == "answered" else "red"
    versions = ", ".join(f"version {name}: {count}" for name, count in sorted(report.model_versions.items()))
    return facts_table(
        {
            "status": f"[{style}]{report.status}[/]" + (f" - {escape(report.reason)}" if report.reason else ""),
            "rows in": str(report.rows_in),
            "answered": str(report.rows_answered) + (f" ({versions})" if versions else ""),
            "failed": _with_reasons(report.rows_failed, report.failed_by_reason),
            "results": f"s3://{report.source.bucket}/{report.results_key}" if report.results_key else "none",
        }
    )


def result_rows(rows: Sequence[Mapping[str, str]], total: int) -> Table:
    """First answered rows of a batch, as its result file has them."""
    names = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    table = Table(
        box=box.SIMPLE_HEAD, title=f"the first {len(rows)} of {total} answers", title_justify="left", title_style="bold"
    )
    for name in names:
        table.add_column(escape(name), no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(escape(short(row[name], RESULT_WIDTH)) for name in names))
    return table


def verdict(found: Verdict) -> Table:
    """Every gate with the numbers it saw."""
    table = grid("", "gate", "reason")
    for result in found.results:
        table.add_row("[green]✓[/]" if result.passed else "[red]✗[/]", escape(result.gate), escape(result.reason))
    return table


def load(found: LoadReport) -> str:
    """What users would have seen of a version, of the last window that was measured."""
    tries = f", window {len(found.windows)}" if len(found.windows) > 1 else ""
    if not found.windows:
        return f"{found.users} users, none of them answered: {found.warm_up.failures.words()}"
    seen = found.windows[-1]
    return (
        f"{found.users} users for {seen.seconds:.1f} s{tries}: {seen.per_second:.1f} answers a second, p50 "
        f"{seen.warm.p50_ms:.0f} ms, p95 {seen.warm.p95_ms:.0f} ms, p99 {seen.warm.p99_ms:.0f} ms, "
        f"failures: {seen.failures.words()}; {found.warm_up.cold.count + seen.cold.count} cold ones apart"
    )


def answer(body: Mapping[str, object]) -> Table:
    """One answer of the API; a model that is missing from it is a line with its problem."""
    facts = {name: escape(str(value)) for name, value in body.items() if name != "problems"}
    missing = body.get("problems", [])
    if isinstance(missing, list):
        facts |= {str(each["model"]): f"[red]{escape(problem(each))}[/]" for each in missing}
    return facts_table(facts)


def problem(body: Mapping[str, object]) -> str:
    """One problem document (RFC 9457) as a plain sentence or two."""
    status, title, detail = body.get("status", ""), body.get("title", "refused"), body.get("detail", "")
    where = f" ({body['field']})" if body.get("field") else ""
    return f"{status} {title}{where}: {detail}".strip()


def alias(state: AliasState | None) -> str:
    """Who serves, in words."""
    if state is None:
        return "no version is live yet"
    if not state.candidate or not state.weight:
        return f"version {state.champion} has 100 %"
    return f"version {state.champion} has {100 - state.weight} %, candidate {state.candidate} has {state.weight} %"


def bar(percent: float, width: int = 20) -> str:
    """A bar of a share."""
    full = round(width * min(max(percent, 0.0), 100.0) / 100)
    return "█" * full + "░" * (width - full)


def who(name: str) -> str:
    """Who did something; of an alarm only its kind, its full name is as long as the rollout's id."""
    kind, _, full = name.partition(":")
    return f"{full.rpartition('.')[2]} alarm" if kind == "alarm" else name


_EVENT_STYLES = {"promoted": "green", "rolled_back": "red", "expired": "yellow", "aborted": "yellow"}


def _event(event: HistoryEvent) -> str:
    style = _EVENT_STYLES.get(event.event, "bold")
    return f"[{style}]{event.event}[/]"


_CROSSED = re.compile(r"Threshold Crossed: .*?\[([\d.]+) .*?threshold \(([\d.]+)\)")


def brief_reason(reason: str) -> str:
    """A reason on one line; of CloudWatch's long sentence about an alarm only the value and the limit."""
    crossed = _CROSSED.search(reason)
    if crossed:
        return f"{float(crossed[1]):.0f}, limit {float(crossed[2]):g}"
    return short(reason, BRIEF_WIDTH)


def _versions(event: HistoryEvent) -> str:
    return f"{event.candidate} against {event.champion or 'none'}" if event.candidate else event.champion


def brief_history(events: Sequence[HistoryEvent]) -> Table:
    """The history of an alias with one line for each event, oldest first."""
    table = grid("at", "event", "versions", "weight", "who", "why")
    for event in events:
        why = brief_reason("; ".join(event.reasons))
        table.add_row(
            event.at[11:19], _event(event), _versions(event), f"{event.weight} %", escape(who(event.who)), escape(why)
        )
    return table


def history(events: Sequence[HistoryEvent]) -> str:
    """The history of an alias in full, oldest first: each event with all its reasons below it."""
    lines = []
    for event in events:
        at = event.at[:19].replace("T", " ")
        head = f"[dim]{at}[/]  {_event(event)}  version {_versions(event)}, {event.weight} %, by {escape(event.who)}"
        lines += [head, *(f"    [dim]{escape(reason)}[/]" for reason in event.reasons)]
    return "\n".join(lines)


def arms(champion: Arm, candidate: Arm, plan: Plan) -> Table:
    """What both versions did in the present step, with the limits they are held to."""
    table = grid("", "version", "requests", "error rate", "p95 ms", "mean ms", title="in this step")
    for role, arm in (("champion", champion), ("candidate", candidate)):
        rate = f"{arm.faults / arm.requests:.2%} ({arm.faults})" if arm.requests else "no requests"
        needed = f" of {plan.min_requests}" if role == "candidate" else ""
        table.add_row(
            role, arm.version, f"{arm.requests}{needed}", rate, _ms(arm.latency_p95_ms), _ms(arm.latency_mean_ms)
        )
    limits = plan.guardrails
    table.caption = (
        f"limits: error rate {limits.max_error_rate:.2%} and the champion's + {limits.max_error_rate_increase:.2%}, "
        f"p95 {limits.max_latency_ms:.0f} ms and {limits.max_latency_ratio:g} times the champion's"
    )
    return table


def _ms(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.0f}"


def models(records: Sequence[ModelRecord], state: AliasState | None) -> Table:
    """Registered versions of a task, newest first, with who serves."""
    table = grid("version", "traffic", "bundle", "metrics", "registered", "by")
    for record in records:
        traffic = ""
        if state and record.version == state.champion:
            traffic = f"[green]{100 - state.weight if state.candidate else 100} %[/]"
        elif state and record.version == state.candidate:
            traffic = f"[yellow]{state.weight} %[/]"
        measured = ", ".join(f"{name} {value:.3f}" for name, value in sorted(record.metrics.items()))
        gates = "" if record.verdict_passed else " [red](past its gates)[/]"
        if record.load_passed is False:
            gates += " [red](refused under load)[/]"
        table.add_row(
            record.version,
            traffic,
            digest(record.bundle_digest),
            escape(measured),
            record.registered_at[:16].replace("T", " "),
            escape(record.registered_by) + gates,
        )
    return table
