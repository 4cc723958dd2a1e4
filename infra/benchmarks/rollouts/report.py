"""Writes the results of the simulation for people: a table in Markdown and a plot in SVG, by hand."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PROMOTE_LIMIT = 0.01
TAKE_BACK_LIMIT = 0.05

_CELL, _ROW, _LEFT, _TOP = 92, 24, 240, 120


def markdown(cells: Sequence[dict[str, Any]], command: str) -> str:
    """Make the tables: wrong verdicts per rule and fault, then exposure and time of each."""
    rules = list(dict.fromkeys(cell["rule"] for cell in cells))
    faults = list(dict.fromkeys(cell["fault"] for cell in cells))
    by = {(cell["rule"], cell["fault"]): cell for cell in cells}
    lines = [
        "# Rollout rules on the same simulated traffic",
        "",
        f"Made by `{command}`. What is simulated, and how each rule is modelled, stand in traces.py and peers.py.",
        "",
        "## Wrong verdicts",
        "",
        "Share of replays that promoted a bad candidate, or took back a good one, with its 95 % interval (exact).",
        "",
        "| | " + " | ".join(rules) + " |",
        "|---|" + "---|" * len(rules),
    ]
    for fault in faults:
        row = [by[rule, fault] for rule in rules]
        kind = "P(promote)" if row[0]["bad"] else "P(take back)"
        lines.append(f"| {fault}: {kind} | " + " | ".join(_share(_wrong(cell)) for cell in row) + " |")
    lines += [
        "",
        "## Endings, users who met a bad candidate, time",
        "",
        "Exposed: requests that a bad candidate answered to users within a day of the start (after a promotion all of",
        "them, after a hold those of the share that it has); median [95 % interval by bootstrap], p95. Hours to the",
        "verdict likewise.",
        "",
        "| fault | rule | promoted | taken back | expired | held | exposed: median | p95 | hours: median | p95 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for fault in faults:
        for rule in rules:
            cell = by[rule, fault]
            ends = " | ".join(_number(cell["shares"][end][0]) for end in ("promoted", "rolled_back", "expired", "held"))
            met, took = cell["exposed"], cell["hours"]
            seen = f"{met[0]:.0f} [{met[1]:.0f}, {met[2]:.0f}] | {met[3]:.0f}" if cell["bad"] else "- | -"
            hours = f"{took[0]:.2f} [{took[1]:.2f}, {took[2]:.2f}] | {took[3]:.2f}"
            lines.append(f"| {fault} | {rule} | {ends} | {seen} | {hours} |")
    return "\n".join(lines) + "\n"


def svg(cells: Sequence[dict[str, Any]]) -> str:
    """Draw a field per rule and fault: green where wrong verdicts keep their limit, else the redder the more."""
    rules = list(dict.fromkeys(cell["rule"] for cell in cells))
    faults = list(dict.fromkeys(cell["fault"] for cell in cells))
    width, height = _LEFT + _CELL * len(rules) + 20, _TOP + _ROW * len(faults) + 50
    title = f"Share of wrong verdicts (limits: promote bad {PROMOTE_LIMIT}, take back good {TAKE_BACK_LIMIT})"
    space = f'xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    parts = [
        f'<svg {space} font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="20" font-size="14">{title}</text>',
    ]
    for column, rule in enumerate(rules):
        x = _LEFT + column * _CELL + _CELL / 2
        parts.append(f'<text transform="translate({x},{_TOP - 8}) rotate(-30)">{escape(rule)}</text>')
    for row, fault in enumerate(faults):
        y = _TOP + row * _ROW
        kind = next("promote" if cell["bad"] else "take back" for cell in cells if cell["fault"] == fault)
        parts.append(f'<text x="10" y="{y + 16}">{escape(fault)} ({kind})</text>')
    for cell in cells:
        x, y = _LEFT + rules.index(cell["rule"]) * _CELL, _TOP + faults.index(cell["fault"]) * _ROW
        wrong = _wrong(cell)[0]
        kept = wrong <= (PROMOTE_LIMIT if cell["bad"] else TAKE_BACK_LIMIT)
        fade = round(225 - 165 * wrong)
        colour = "#b7e1c0" if kept else f"rgb(255,{fade},{fade})"
        parts.append(f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_ROW - 2}" fill="{colour}"/>')
        parts.append(f'<text x="{x + _CELL / 2}" y="{y + 16}" text-anchor="middle">{wrong:.3f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _wrong(cell: dict[str, Any]) -> tuple[float, float, float]:
    low, middle, high = cell["shares"]["promoted" if cell["bad"] else "rolled_back"]
    return low, middle, high


def _share(share: tuple[float, float, float]) -> str:
    return f"{share[0]:.3f} [{share[1]:.3f}, {share[2]:.3f}]"


def _number(share: float) -> str:
    return f"{share:.3f}" if share else "0"
