"""Draws the data-quality page as one HTML file: no network, no script, light and dark, tables to be read aloud."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from infolens_cli.figures import amount, percent, rate, seconds, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from infolens_cli.quality import Figures, FileFigures, Page

FILES_SHOWN = 1000
"""Files that have a line of their own; the newest. Days and totals count all of them."""

_SHOWN = 30
"""Reasons and labels that have a line of their own; a report has as many reasons at most."""

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --dim: #57606a; --paper: #ffffff; --line: #d0d7de; --band: #f6f8fa;
  --kept: #1a7f37; --twice: #9a6700; --out: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9aa4af; --paper: #0d1117; --line: #30363d;
  --band: #161b22; --kept: #3fb950; --twice: #d29922; --out: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 90rem; color: var(--text); background: var(--paper);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; color: var(--dim); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 8px; background: var(--band); }
dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
dd small { font-size: .8rem; color: var(--dim); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--dim); padding-bottom: .35rem; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--dim); font-size: .85rem; white-space: nowrap; }
tbody th, .text { text-align: left; } tbody tr:nth-child(even) { background: var(--band); }
.text { overflow-wrap: anywhere; max-width: 34rem; } td.none { color: var(--dim); }
.bar { display: flex; width: 9rem; height: .7rem; margin-top: .4rem; border-radius: 3px; overflow: hidden;
  background: var(--line); }
.bar i { display: block; height: 100%; } .kept { background: var(--kept); } .twice { background: var(--twice); }
.out { background: var(--out); }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin: 0 .3rem 0 .8rem; }
.refused, .empty { font-weight: 600; } .refused { color: var(--out); background: none; } .empty { color: var(--twice); }
"""

_TEXT = ' class="text"'

_COUNTS = (
    "rows in",
    "kept",
    "duplicate",
    "rejected",
    "rejected %",
    "conflicts",
    "near duplicates",
    "repaired bytes",
    "replaced bytes",
    "size",
)


def render(page: Page) -> str:
    """Draw the page."""
    title = "Data quality"
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            # The page fetches nothing and runs nothing, whatever a file's name or a reason holds.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
            f"<title>{title} - InfoLens</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n",
            f"<h1>{title}</h1>\n<p>{escape(_span(page))}</p>\n",
            *_sections(page),
            "</main>\n</body>\n</html>\n",
        )
    )


def _sections(page: Page) -> Iterable[str]:
    if page.unreadable:
        yield f"<p>{page.unreadable} reports were written by another version of the code, and are left out.</p>\n"
    if not page.files:
        yield "<p>No file was dealt with in this time.</p>\n"
        return
    yield _totals(page.total)
    yield _days(page)
    yield _reasons(page.total)
    yield _labels(page)
    yield _files(page.files)


def _span(page: Page) -> str:
    what = ", ".join(page.tasks) if len(page.tasks) == 1 else "all tasks"
    since = f"since {page.since:%Y-%m-%d %H:%M} UTC" if page.since else "from the first file on"
    return f"{what}, {since}, as of {page.made_at:%Y-%m-%d %H:%M} UTC"


def _totals(found: Figures) -> str:
    refused = f"<small>{amount(found.refused)} refused, {amount(found.empty)} without a new row</small>"
    longest = seconds(found.seconds_most)
    facts = {
        "files": f"{amount(found.files)} {refused}",
        "rows in": amount(found.rows_in),
        "kept": f"{amount(found.rows_kept)} <small>{percent(found.rows_kept, found.rows_in)}</small>",
        "duplicate": f"{amount(found.rows_duplicate)} <small>{percent(found.rows_duplicate, found.rows_in)}</small>",
        "rejected": f"{amount(found.rows_rejected)} <small>{percent(found.rows_rejected, found.rows_in)}</small>",
        "same text, other label": amount(found.conflicts),
        "near duplicates": amount(found.near_duplicates),
        "repaired bytes": f"{amount(found.repaired)} <small>{amount(found.replaced)} replaced</small>",
        "size": size(found.bytes_in),
        "ingestion rate": f"{rate(found.rows_per_second)} <small>rows/s</small>",
        "upload to dataset": f"{seconds(found.seconds_median)} <small>median, {longest} longest</small>",
    }
    return (
        "<dl>\n" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>\n" for name, value in facts.items()) + "</dl>\n"
    )


def _counts(found: Figures) -> list[str]:
    return [
        amount(found.rows_in),
        amount(found.rows_kept),
        amount(found.rows_duplicate),
        amount(found.rows_rejected),
        percent(found.rows_rejected, found.rows_in),
        amount(found.conflicts),
        amount(found.near_duplicates),
        amount(found.repaired),
        amount(found.replaced),
        size(found.bytes_in),
    ]


def _days(page: Page) -> str:
    head = ("day", "outcome", "files", "refused", *_COUNTS, "rows/s", "median time", "longest time")
    rows = [
        [
            day,
            _bar(found),
            amount(found.files),
            amount(found.refused),
            *_counts(found),
            rate(found.rows_per_second),
            seconds(found.seconds_median),
            seconds(found.seconds_most),
        ]
        for day, found in page.days
    ]
    key = (
        '<p class="key" aria-hidden="true">bars:<i class="kept"></i>kept<i class="twice"></i>duplicate'
        '<i class="out"></i>rejected</p>\n'
    )
    caption = "Files by the day (UTC) on which they were dealt with; times run from upload to dataset, waiting included"
    table = _table(caption, head, rows, raw={1})
    if len(page.by_task) < 2:
        return f"<h2>By day</h2>\n{key}{table}"
    tasks = [
        [task, _bar(found), amount(found.files), amount(found.refused), *_counts(found)] for task, found in page.by_task
    ]
    by_task = _table("All days together", ("task", "outcome", "files", "refused", *_COUNTS), tasks, raw={1})
    return f"<h2>By day</h2>\n{key}{table}<h2>By task</h2>\n{by_task}"


def _reasons(found: Figures) -> str:
    if not found.rejected_by_reason:
        return ""
    rows = [
        [reason, amount(count), percent(count, found.rows_rejected)]
        for reason, count in list(found.rejected_by_reason.items())[:_SHOWN]
    ]
    caption = "Why rows were rejected, the most frequent reason first"
    return f"<h2>Rejected by reason</h2>\n{_table(caption, ('reason', 'rows', 'of all rejected'), rows)}"


def _labels(page: Page) -> str:
    parts = []
    for task, found in page.by_task:
        if not found.label_counts:
            continue
        most = max(found.label_counts.values())
        rows = [
            [label, _length(count, most, found.rows_kept), amount(count), percent(count, found.rows_kept)]
            for label, count in list(found.label_counts.items())[:_SHOWN]
        ]
        parts.append(
            _table(f"Labels of the rows of {task} that were kept", ("label", "share", "rows", "of kept"), rows, raw={1})
        )
    return "<h2>Label mix</h2>\n" + "".join(parts) if parts else ""


def _files(files: Sequence[FileFigures]) -> str:
    head = ("file", "task", "dealt with (UTC)", "outcome", *_COUNTS, "rows/s", "time", "labels", "upload id")
    rows = []
    for one in files[:FILES_SHOWN]:
        report = one.report
        rows.append(
            [
                one.filename,
                report.task,
                f"{one.settled_at:%Y-%m-%d %H:%M}",
                _outcome(report.status, report.reason),
                amount(report.rows_in),
                amount(report.rows_kept),
                amount(report.rows_duplicate),
                amount(report.rows_rejected),
                percent(report.rows_rejected, report.rows_in),
                amount(report.conflicting_labels),
                amount(report.near_duplicates),
                amount(report.bytes_repaired),
                amount(report.bytes_replaced),
                size(report.bytes_in),
                rate(one.rows_per_second),
                seconds(one.seconds),
                _mix(report.label_counts),
                report.upload_id,
            ]
        )
    caption = (
        f"The newest {len(rows)} of {len(files)} files" if len(rows) < len(files) else "All files, the newest first"
    )
    texts = {1, 2, 3, len(head) - 2, len(head) - 1}
    return f"<h2>By file</h2>\n{_table(caption, head, rows, raw={3}, texts=texts)}"


def _outcome(status: str, reason: str) -> str:
    kind = status if status in {"refused", "empty"} else "accepted"
    said = f"{status}: {reason}" if reason and kind == "refused" else status
    return f'<span class="{kind}">{escape(said)}</span>'


def _mix(labels: Mapping[str, int]) -> str:
    counted = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    rest = f", {len(counted) - 5} more" if len(counted) > 5 else ""
    return ", ".join(f"{label} {count}" for label, count in counted[:5]) + rest


def _bar(found: Figures) -> str:
    shares = ((found.rows_kept, "kept"), (found.rows_duplicate, "twice"), (found.rows_rejected, "out"))
    drawn = "".join(
        f'<i class="{kind}" style="width:{100 * count / found.rows_in:.2f}%"></i>' for count, kind in shares if count
    )
    said = (
        f"{percent(found.rows_kept, found.rows_in)} kept, {percent(found.rows_duplicate, found.rows_in)} duplicate, "
        f"{percent(found.rows_rejected, found.rows_in)} rejected"
    )
    return f'<div class="bar" role="img" aria-label="{said}">{drawn}</div>'


def _length(count: int, most: int, whole: int) -> str:
    drawn = f'<i class="kept" style="width:{100 * count / most:.2f}%"></i>'
    return f'<div class="bar" role="img" aria-label="{percent(count, whole)}">{drawn}</div>'


def _table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    raw: set[int] | None = None,
    texts: set[int] | None = None,
) -> str:
    """Draw a table whose first column names its rows; `raw` columns are HTML already, `texts` are not numbers."""
    raw, texts = raw or set(), texts or set()
    names = "".join(
        f'<th scope="col"{_TEXT if at in texts | raw or not at else ""}>{escape(name)}</th>'
        for at, name in enumerate(head)
    )
    lines = []
    for row in rows:
        first, *others = row
        cells = [f'<th scope="row" class="text">{escape(first)}</th>']
        for at, value in enumerate(others, start=1):
            cells.append(f"<td{_TEXT if at in texts else ''}>{value if at in raw else escape(value)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">\n<table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{names}</tr></thead>\n"
        f"<tbody>\n{''.join(lines)}</tbody>\n</table>\n</div>\n"
    )
