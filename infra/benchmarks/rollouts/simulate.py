"""Replays our rule and those of other tools on the same simulated traffic, and writes what each of them did.

`python infra/benchmarks/rollouts/simulate.py` replays every rule 1000 times under every fault (some minutes on one
core); `--replays 50` is a quick look, `--fault` and `--rule` choose cells, `--look-seconds 60` makes ours look every
minute. Seeded: the same command writes the same files.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the modules beside this one

from ours import replay  # noqa: E402 - found through the line above
from peers import RULES  # noqa: E402
from report import markdown, svg  # noqa: E402
from traces import FAULTS, HOUR, Fault, Trace  # noqa: E402
from verdicts import EXPIRED, HELD, PROMOTED, ROLLED_BACK, Verdict, exposed  # noqa: E402

from infolens.rollout.plan import parse_plan  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infolens.contracts.rollout import Plan

OURS = "InfoLens"
WITHOUT_SHADOW = "InfoLens without shadow"
"""The same plan, less the shadow and what needs its pairs: nothing is asked, or claimed, about quality. Only if it
is named."""

CONFIDENCE = 0.95
_RESAMPLES = 400


@dataclass(frozen=True)
class Cell:
    """One rule under one fault."""

    rule: str
    fault: str
    bad: bool
    replays: int
    shares: dict[str, tuple[float, float, float]]
    """Ending -> share of replays, with its 95 % interval (Clopper-Pearson)."""
    exposed: tuple[float, float, float, float]
    """Requests that users had answered by the bad candidate within a day: median with its interval (bootstrap), and
    p95."""
    hours: tuple[float, float, float, float]
    """Time to the verdict: median with its interval (bootstrap), and p95."""


def share_of(count: int, replays: int) -> tuple[float, float, float]:
    """Share with its exact 95 % interval (Clopper and Pearson, 1934)."""
    tail = (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, count, replays - count + 1) if count else 0.0
    high = beta.ppf(1 - tail, count + 1, replays - count) if count < replays else 1.0
    return count / replays, float(low), float(high)


def spread_of(values: Sequence[float], seed: int) -> tuple[float, float, float, float]:
    """Median with its bootstrap interval, and p95."""
    drawn = np.random.default_rng(seed).choice(np.asarray(values, float), (_RESAMPLES, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(np.median(values)), float(low), float(high), float(np.quantile(values, 0.95))


def run(rules: dict[str, Callable[[Trace], Verdict]], fault: Fault, number: int, replays: int, seed: int) -> list[Cell]:
    """Replay rules under one fault, each replay on one trace for all of them."""
    endings: dict[str, Counter[str]] = {rule: Counter() for rule in rules}
    met: dict[str, list[float]] = {rule: [] for rule in rules}
    took: dict[str, list[float]] = {rule: [] for rule in rules}
    for turn in range(replays):
        trace = Trace(fault, (seed, number, turn))
        for name, rule in rules.items():
            verdict = rule(trace)
            endings[name][verdict.ended] += 1
            met[name].append(exposed(verdict, trace))
            took[name].append(verdict.seconds / HOUR)
    return [
        Cell(
            rule=name,
            fault=fault.name,
            bad=fault.bad,
            replays=replays,
            shares={end: share_of(endings[name][end], replays) for end in (PROMOTED, ROLLED_BACK, EXPIRED, HELD)},
            exposed=spread_of(met[name], seed),
            hours=spread_of(took[name], seed),
        )
        for name in rules
    ]


def without_shadow(plan: Plan) -> Plan:
    """Give the plan for a deployment that cannot mirror requests."""
    return replace(plan, shadow=None, guardrails=replace(plan.guardrails, max_cost_ratio=None, max_quality_loss=None))


def main() -> None:
    """Replay what was asked for and write the results."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--replays", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=20260301)
    asked.add_argument("--look-seconds", type=float, default=600.0, help="between two looks of ours")
    asked.add_argument("--fault", action="append", help="only this one; may be repeated")
    asked.add_argument("--rule", action="append", help=f"only this one; may be repeated ({WITHOUT_SHADOW!r} only so)")
    asked.add_argument("--out", type=Path, default=HERE, help="folder of results.json, results.md and results.svg")
    given = asked.parse_args()
    plan = parse_plan(json.loads((HERE / "plan.json").read_text()))
    rules = {
        OURS: functools.partial(replay, plan=plan, look_seconds=given.look_seconds),
        WITHOUT_SHADOW: functools.partial(replay, plan=without_shadow(plan), look_seconds=given.look_seconds),
        **RULES,
    }
    wanted = given.rule or [name for name in rules if name != WITHOUT_SHADOW]
    rules = {name: rule for name, rule in rules.items() if name in wanted}
    cells: list[Cell] = []
    for number, fault in enumerate(FAULTS):
        if given.fault and fault.name not in given.fault:
            continue
        began = time.monotonic()
        cells += run(rules, fault, number, given.replays, given.seed)
        for cell in cells[-len(rules) :]:
            ended = ", ".join(f"{end} {share[0]:.3f}" for end, share in cell.shares.items() if share[0])
            print(f"{cell.fault:20} {cell.rule:32} {ended}; {cell.exposed[0]:.0f} exposed, {cell.hours[0]:.1f} h")
        print(f"{'':20} {time.monotonic() - began:.1f} s", flush=True)
    chosen = "".join(f" --rule {name!r}" for name in given.rule or ())
    command = f"simulate.py{chosen} --replays {given.replays} --seed {given.seed} --look-seconds {given.look_seconds:g}"
    given.out.mkdir(parents=True, exist_ok=True)
    plain = [asdict(cell) for cell in cells]
    (given.out / "results.json").write_text(json.dumps({"command": command, "cells": plain}, indent=1) + "\n")
    (given.out / "results.md").write_text(markdown(plain, command))
    (given.out / "results.svg").write_text(svg(plain))


if __name__ == "__main__":
    main()
