"""Replays our rule: the very function that decides in production, on evidence summed up from a trace."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from traces import ANSWERS, CANDIDATE, CHAMPION, LABEL_DELAY, Trace
from verdicts import Verdict

from infolens.contracts.rollout import Action, AliasState, Arm, Labels, Pairs, Plan, RolloutRecord
from infolens.rollout.confidence import quantile_bracket
from infolens.rollout.decision import judge
from infolens.rollout.evidence import Evidence
from infolens.rollout.guardrails import ALPHA, LATENCY_QUANTILE

_START = datetime(2026, 3, 1, tzinfo=UTC)
_ENDED = {Action.ROLL_BACK: "rolled_back", Action.EXPIRE: "expired", Action.PROMOTE: "promoted"}
_bracket = functools.cache(functools.partial(quantile_bracket, quantile=LATENCY_QUANTILE, alpha=ALPHA / 2))


def replay(trace: Trace, plan: Plan, look_seconds: float) -> Verdict:
    """Bring the candidate of a trace in by a plan, with a look every `look_seconds`."""
    step, began, now = (-1 if plan.shadow else 0), 0.0, 0.0
    steps: list[tuple[float, float, float]] = []
    leaks_since: float | None = None
    labels = _Labels(trace, plan)
    seen = _Stage(trace, plan, step, began, leaks_since)
    while True:
        now += look_seconds
        look = seen.look(now, labels)
        action = judge(look).action
        if action is Action.HOLD:
            continue
        share = plan.weights[step] / 100 if step >= 0 else 0.0
        steps.append((began, now, share))
        if action in _ENDED:
            return Verdict(_ENDED[action], now, tuple(steps))
        if step < 0:
            labels.shadow_until = now
        step, began = step + 1, now
        if step == 2:
            leaks_since = now
        seen = _Stage(trace, plan, step, began, leaks_since)


class _Labels:
    """Labels of shadowed pairs, as they come in."""

    def __init__(self, trace: Trace, plan: Plan) -> None:
        self._trace, self._wanted = trace, plan.guardrails.max_quality_loss is not None
        self._done, self._counts = 0, np.zeros(3, int)
        self.shadow_until = float("inf") if plan.shadow else 0.0

    def at(self, now: float) -> Labels | None:
        if not self._wanted:
            return None
        trace = self._trace
        pairs = trace.index(min(now, self.shadow_until))
        due = trace.index(min(now - LABEL_DELAY, self.shadow_until))
        if due > self._done:
            window = slice(self._done, due)
            score = [
                trace.right[version, window] & ~trace.null[version, window] & ~trace.faults(version, window)
                for version in (CHAMPION, CANDIDATE)
            ]
            gain = score[CANDIDATE].astype(int) - score[CHAMPION].astype(int)
            self._counts += np.bincount(gain[trace.labelled[window]] + 1, minlength=3)
            self._done = due
        lost, same, won = (int(count) for count in self._counts)
        return Labels({-100: lost, 0: same, 100: won}, pairs)


class _Stage:
    """What was seen since a stage began, summed up as time goes on."""

    def __init__(self, trace: Trace, plan: Plan, step: int, began: float, leaks_since: float | None) -> None:
        self._trace, self._plan, self._step, self._leaks_since = trace, plan, step, leaks_since
        self._began, self._done = began, trace.index(began)
        self._weight = plan.weights[step] / 100 if step >= 0 else 0.0
        self._latencies: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        self._sums = np.zeros((2, 3), int)  # requests, faults, nulls
        self._answers = np.zeros((2, ANSWERS), int)
        self._pairs = np.zeros(7, int)
        self._moved = np.zeros((2, ANSWERS), int)
        at = (_START + timedelta(seconds=began)).isoformat()
        self._record = RolloutRecord("r", "simulated", "1", "2", plan, step, at, "rev", "running", forced=False)
        self._alias = AliasState("1", "2" if step >= 0 else "", int(100 * self._weight), "rev")

    def look(self, now: float, labels: _Labels) -> Evidence:
        """Sum up until now."""
        self._gather(slice(self._done, self._trace.index(now)))
        self._done = self._trace.index(now)
        return Evidence(
            record=self._record,
            alias=self._alias,
            champion=self._arm(CHAMPION),
            candidate=self._arm(CANDIDATE),
            at=(_START + timedelta(seconds=now)).isoformat(),
            pairs=self._paired() if self._step < 0 else None,
            labels=labels.at(now),
        )

    def _gather(self, window: slice) -> None:
        trace, shadow = self._trace, self._step < 0
        if window.stop == window.start:
            return
        to_candidate = trace.route[window] < self._weight
        faults, nulls, took = [], [], []
        for version in (CHAMPION, CANDIDATE):
            mine = np.ones(len(to_candidate), bool) if shadow else to_candidate == bool(version)
            fault = trace.faults(version, window, self._leaks_since)
            null = trace.null[version, window] & ~fault
            latency = trace.latencies(version, window, self._leaks_since)
            self._sums[version] += (int(mine.sum()), int((fault & mine).sum()), int((null & mine).sum()))
            given = trace.answer[version, window][mine & ~fault & ~null]
            self._answers[version] += np.bincount(given, minlength=ANSWERS)
            self._latencies[version].append(latency[mine])
            faults.append(fault)
            nulls.append(null)
            took.append(latency)
        if shadow:
            self._gather_pairs(window, faults, nulls, took)

    def _gather_pairs(
        self, window: slice, faults: list[np.ndarray], nulls: list[np.ndarray], took: list[np.ndarray]
    ) -> None:
        limits = self._plan.guardrails
        answers = [
            np.where(fault | null, -1, given)
            for fault, null, given in zip(faults, nulls, self._trace.answer[:, window], strict=True)
        ]
        differ = answers[CHAMPION] != answers[CANDIDATE]
        self._pairs += (
            len(differ),
            int((~differ).sum()),
            int((faults[CANDIDATE] & ~faults[CHAMPION]).sum()),
            int((faults[CHAMPION] & ~faults[CANDIDATE]).sum()),
            int((nulls[CANDIDATE] & ~nulls[CHAMPION]).sum()),
            int((nulls[CHAMPION] & ~nulls[CANDIDATE]).sum()),
            int((took[CANDIDATE] > limits.max_latency_ratio * took[CHAMPION]).sum()),
        )
        for version in (CHAMPION, CANDIDATE):
            moved = answers[version][differ]
            self._moved[version] += np.bincount(moved[moved >= 0], minlength=ANSWERS)

    def _arm(self, version: int) -> Arm:
        requests, faults, nulls = (int(count) for count in self._sums[version])
        arm = Arm(str(version + 1), requests, faults, None, None, nulls=nulls, answers=_named(self._answers[version]))
        if not requests:
            return arm
        latencies = np.concatenate(self._latencies[version])
        self._latencies[version][:] = [latencies]
        low, high = _bracket(requests)
        ranks = [
            min(requests, max(1, int(np.ceil(share * requests)))) - 1
            for share in (low or 1, LATENCY_QUANTILE, high or 1)
        ]
        ordered = np.partition(latencies, sorted(set(ranks)))
        least, p95, most = (float(ordered[rank]) for rank in ranks)
        return replace(
            arm,
            latency_p95_ms=p95,
            latency_p95_low_ms=None if low is None else least,
            latency_p95_high_ms=None if high is None else most,
        )

    def _paired(self) -> Pairs:
        pairs, agree, ours, theirs, our_nulls, their_nulls, slower = (int(count) for count in self._pairs)
        return Pairs(
            pairs=pairs,
            agree=agree,
            only_candidate_failed=ours,
            only_champion_failed=theirs,
            only_candidate_null=our_nulls,
            only_champion_null=their_nulls,
            timed=pairs,
            slower=slower,
            costlier=slower,  # both versions have the same memory
            gained=_named(self._moved[CANDIDATE]),
            lost=_named(self._moved[CHAMPION]),
        )


def _named(counts: np.ndarray) -> dict[str, int]:
    return {str(answer): int(count) for answer, count in enumerate(counts)}
