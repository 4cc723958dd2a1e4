"""Lays out what has been measured: a row for each engine of each case, a table in Markdown, a picture in SVG."""

from __future__ import annotations

from html import escape
from statistics import median
from typing import TYPE_CHECKING, Any

import figures
from cases import OURS, SIZES, Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD = (
    "engine",
    "ms median",
    "p95",
    "ours / it",
    "share of roof",
    "resident MB",
    "files MB",
    "against torch fp32",
)
_BAR, _ROW, _LEFT, _TOP, _WIDTH = 12, 16, 330, 40, 520


def rows_of(part: Mapping[str, Any], reference: str) -> list[dict[str, Any]]:
    """Compute the figures of each engine in each case of a part; times in ms, fastest first, failures last."""
    rates = figures.best_rates(part["rates"])
    rows = []
    for name, case in part["cases"].items():
        seconds = {engine: found["seconds"] for engine, found in case["engines"].items()}
        ours = next((engine for engine in seconds if engine == OURS), "")
        peers = {engine: rounds for engine, rounds in seconds.items() if engine != ours}
        quickest = figures.fastest(peers)
        roof = _roof_ms(name, case, rates)
        wanted = case["engines"].get(reference, {}).get("outcome")
        found = []
        for engine, rounds in seconds.items():
            every = [value * 1e3 for one in rounds for value in one]
            about = part["engines"][engine]
            found.append(
                {
                    "case": name,
                    "part": part["part"],
                    "setting": setting(part),
                    "engine": engine,
                    "rounds": len(rounds),
                    "median_ms": median(every),
                    "p95_ms": figures.percentile(every, 0.95),
                    "ours_to_it": figures.ratio(seconds[ours], rounds) if ours and engine != ours else None,
                    "fastest_peer": engine == quickest,
                    "roof_ms": roof,
                    "roof_share": roof / median(every) if roof else None,
                    "resident_mb": about["resident_mb"],
                    "file_mb": about["bytes"] / 1e6,
                    "load_seconds": about["load_seconds"],
                    "agreement": _agreement(case, case["engines"][engine]["outcome"], wanted),
                }
            )
        rows += sorted(found, key=lambda row: float(row["median_ms"]))
        rows += [
            {"case": name, "part": part["part"], "setting": setting(part), "engine": engine, "failed": why}
            for engine, why in part["failed"].items()
        ]
    return rows


def setting(part: Mapping[str, Any]) -> str:
    """Say with what all engines of a part ran."""
    threads = "1 thread" if part["threads"] == 1 else f"{part['threads']} threads"
    return threads if part["amx"] else f"{threads} without AMX"


def _roof_ms(name: str, case: Mapping[str, Any], rates: Mapping[str, float]) -> float | None:
    if case["model"] not in SIZES or not {"int8", "fp32", "read"} <= rates.keys():
        return None
    asked = Case(name, case["model"], case["tokens"], case["written"], case["beams"])
    return figures.roof_seconds(figures.work(asked, SIZES[case["model"]]), rates) * 1e3


def _agreement(case: Mapping[str, Any], found: Sequence[float] | None, wanted: Sequence[float] | None) -> str:
    """Say how an answer agrees with the reference's: tokens at their places, or the largest difference."""
    if not found or not wanted:
        return ""
    if case["written"]:
        equal = figures.equal_share([int(one) for one in found], [int(one) for one in wanted])
        return f"{equal:.0%} of {len(wanted)} tokens equal"
    return f"{figures.difference(found, wanted):.1e}" if len(found) == len(wanted) else ""


def head_of(part: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is said once for a part: machine, time, versions, rates."""
    return {
        "part": part["part"],
        "setting": setting(part),
        "machine": part["machine"],
        "taken": part["taken"],
        "seconds": part["seconds"],
        "versions": {name: about["versions"] for name, about in part["engines"].items()},
        "rates": {name: median(rates) for name, rates in part["rates"].items()},
    }


def markdown(rows: Sequence[Mapping[str, Any]], heads: Sequence[Mapping[str, Any]], cold: str) -> str:
    """Make the tables."""
    first = heads[0]["machine"]
    lines = [
        "# Serving, ours and its peers in one run",
        "",
        "Made by `make bench`; how, and what cannot be compared, stands in README.md.",
        "",
        f"Measured on {first['cores']} cores of {first['processor']} ({first['instructions']}), {first['system']}.",
        "Models of random weights and real sizes, batch 1, text in and answer out. *ours / it*: median over the rounds",
        "of our time divided by its in the same round; below 1 ours is faster, and the fastest peer's is in bold.",
        "",
        *_overview(rows),
    ]
    for how in dict.fromkeys(row["setting"] for row in rows):
        so_run = [row for row in rows if row["setting"] == how]
        lines += ["", f"## {how}"]
        for case in dict.fromkeys(row["case"] for row in so_run):
            lines += ["", *_table(str(case), [row for row in so_run if row["case"] == case])]
    lines += ["", *_machine(heads)]
    if cold:
        lines += ["", "## Cold start", "", cold.strip()]
    return "\n".join(lines) + "\n"


def _overview(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = ("case", "with", "ours, ms", "fastest peer", "its ms", "ours / it", "share of roof", "resident MB")
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for case, how in dict.fromkeys((row["case"], row["setting"]) for row in rows):
        of_case = [row for row in rows if (row["case"], row["setting"]) == (case, how) and "failed" not in row]
        ours = next((row for row in of_case if row["engine"] == OURS), None)
        peer = next((row for row in of_case if row["fastest_peer"]), None)
        cells = (
            str(case),
            str(how),
            _ms(ours and ours["median_ms"]),
            str(peer["engine"]) if peer else "-",
            _ms(peer and peer["median_ms"]),
            _ratio(peer and peer["ours_to_it"]),
            _share(ours and ours["roof_share"]),
            _mb(ours and ours["resident_mb"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _table(case: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    good = [row for row in rows if "failed" not in row]
    roof = next((row["roof_ms"] for row in good if row["roof_ms"]), None)
    rounds = max((row["rounds"] for row in good), default=0)
    limit = f", roof {roof:.3g} ms" if roof else ""
    lines = [
        f"### {case} ({rounds} {'round' if rounds == 1 else 'rounds'}{limit})",
        "",
        f"| {' | '.join(HEAD)} |",
        f"| --- |{' ---: |' * (len(HEAD) - 1)}",
    ]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['engine']} | not measured: {row['failed']} |{' |' * (len(HEAD) - 2)}")
            continue
        against = _ratio(row["ours_to_it"])
        cells = (
            f"**{row['engine']}**" if row["engine"] == OURS else str(row["engine"]),
            _ms(row["median_ms"]),
            _ms(row["p95_ms"]),
            f"**{against}**" if row["fastest_peer"] else against,
            _share(row["roof_share"]),
            _mb(row["resident_mb"]),
            _size(row["file_mb"]),
            row["agreement"] or "-",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _machine(heads: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what the machine gave in each part, and which versions answered."""
    lines = [
        "## The machine and the versions",
        "",
        "| part | with | taken | s | load before | best rates |",
        "|" + " --- |" * 6,
    ]
    for head in heads:
        best = figures.best_rates({name: [rate] for name, rate in head["rates"].items()})
        told = ", ".join(
            f"{kind} {rate / 1e9:.0f} {'GB/s' if kind == 'read' else 'G/s'}" for kind, rate in best.items()
        )
        cells = (head["part"], head["setting"], head["taken"], head["seconds"], head["machine"]["load"], told or "-")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    versions: dict[str, str] = {}
    for head in heads:
        for engine, found in head["versions"].items():
            versions[engine] = ", ".join(f"{name} {number}" for name, number in found.items())
    lines += ["", *(f"- {engine}: {found}" for engine, found in versions.items())]
    rates = {name: rate for head in heads for name, rate in head["rates"].items()}
    if rates:
        lines += ["", "Rates of the last part (operations or bytes a second, in 10^9):", ""]
        lines += [f"- {name}: {rate / 1e9:.0f}" for name, rate in rates.items()]
    return lines


def svg(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw a bar for each engine of each case, as long as its time, each case by its own scale; ours is dark."""
    good = [row for row in rows if "failed" not in row]
    cases = list(dict.fromkeys((row["case"], row["setting"]) for row in good))
    height = _TOP + sum(_ROW * (2 + sum((row["case"], row["setting"]) == case for row in good)) for case in cases) + 10
    space = f'xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 120}" height="{height}"'
    parts = [
        f'<svg {space} font-family="sans-serif" font-size="11">',
        f'<rect width="{_LEFT + _WIDTH + 120}" height="{height}" fill="white"/>',
        '<text x="10" y="20" font-size="14">Milliseconds for one answer: median, line to p95, dotted: roof</text>',
    ]
    y = _TOP
    for case, how in cases:
        of_case = [row for row in good if (row["case"], row["setting"]) == (case, how)]
        longest = max(row["p95_ms"] for row in of_case)
        top = y
        parts.append(f'<text x="10" y="{y + 11}" font-weight="bold">{escape(f"{case}, {how}")}</text>')
        y += _ROW
        for row in of_case:
            length, far = (_WIDTH * row[name] / longest for name in ("median_ms", "p95_ms"))
            colour = "#1f5f8b" if row["engine"] == OURS else "#c9d3da"
            parts += [
                f'<text x="{_LEFT - 8}" y="{y + 10}" text-anchor="end">{escape(str(row["engine"]))}</text>',
                f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>',
                f'<line x1="{_LEFT + length:.1f}" x2="{_LEFT + far:.1f}" y1="{y + 6}" y2="{y + 6}" stroke="#555"/>',
                f'<text x="{_LEFT + far + 6:.1f}" y="{y + 10}">{_ms(row["median_ms"])}</text>',
            ]
            y += _ROW
        if roof := of_case[0]["roof_ms"]:
            x = _LEFT + _WIDTH * roof / longest
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + _ROW}" y2="{y}" stroke="#b03030" stroke-dasharray="2 2"/>'
            )
        y += _ROW
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.1g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _mb(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _size(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
