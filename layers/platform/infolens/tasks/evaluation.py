"""Measures a task's bundles on held-out examples and on the task's own cases, the way they are served.

A task's `metrics.py` offers `evaluate(rows, answers) -> (metrics, slices)`. It may offer two more:

- `per_row(rows, answers) -> {metric: [value on each row]}` for metrics that are means over rows. Comparing two models
  measures them on hundreds of draws of the rows; what is slow to compute (ROUGE) is then computed once a row.
- `unit(row) -> Hashable`, where rows are not independent of each other: those of one unit (a day, a user) are drawn
  together.

An example with a true `variant` is another example changed (a mark removed, say): it is answered like them, counts
in slices alone, and is no row of evidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, cast

from infolens.ml.bundle import verify
from infolens.ml.paired_comparison import differences_of_means, differences_of_measures, on_part
from infolens.tasks import part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path
    from types import ModuleType

    from infolens.contracts.evaluation import Gate, PairedDifference
    from infolens.contracts.task import LoadPredictor

    Row = Mapping[str, object]
    Metrics = dict[str, float]

CASES = "cases="
"""Slices with this prefix are the task's own cases, a suite each; no row of the data is in them."""


FEW_ROWS = 1_000
"""From here on a row is worth less than a thousandth of a mean."""


class MetricsError(ValueError):
    """A task's metrics contradict each other; the message names what."""


@dataclass(frozen=True)
class Answers:
    """What one bundle answers."""

    examples: list[dict[str, object]]
    cases: dict[str, list[dict[str, object]]]
    """Suite -> answers to its cases in order."""


@dataclass(frozen=True)
class HeldOut:
    """What the bundles of a task are measured on."""

    task: str
    examples: Sequence[Row]
    cases: Mapping[str, Sequence[Row]]
    """Suite -> its examples."""

    @classmethod
    def of(cls, task: str, dataset: Path) -> HeldOut:
        """Take the examples of the dataset's test split, and the task's cases."""
        cases: dict[str, list[Row]] = {}
        for case in part_of(task, "cases").CASES:
            cases.setdefault(case.suite, []).append(case.example)
        return cls(task, part_of(task, "examples").examples(dataset, "test"), cases)

    @property
    def rows(self) -> int:
        """Examples that the metrics rest on; variants of them are none."""
        return sum(not example.get("variant") for example in self.examples)

    def answered_by(self, directory: Path, digest: str) -> Answers:
        """Answer everything with the bundle in `directory`.

        Raises:
            DigestMismatchError: the bundle is not what `digest` says.
        """
        manifest = verify(directory, digest)
        predictor = cast("LoadPredictor", part_of(self.task, "predict").load)(directory, manifest)
        return Answers(
            predictor.predict(self.examples),
            {suite: predictor.predict(examples) for suite, examples in self.cases.items()},
        )

    def measure(self, answers: Answers) -> tuple[Metrics, dict[str, Metrics]]:
        """Give metrics and slices of the examples, and each suite of cases as a slice `cases=<suite>`.

        Raises:
            MetricsError: the task names a slice of its data as if it were a suite of cases.
        """
        evaluate = self._metrics.evaluate
        metrics, slices = evaluate(self.examples, answers.examples)
        if taken := [name for name in slices if name.startswith(CASES)]:
            raise MetricsError(f"{taken[0]}: slices of the data are not to begin with {CASES}")
        for suite, examples in self.cases.items():
            found, _ = evaluate(examples, answers.cases[suite])
            slices[f"{CASES}{suite}"] = {**found, "rows": float(len(examples))}
        return metrics, slices

    def compare(
        self, candidate: Answers, champion: Answers, gates: Sequence[Gate]
    ) -> tuple[dict[str, PairedDifference], dict[str, dict[str, PairedDifference]]]:
        """Give candidate minus champion, with bounds: of each metric, and of the slices that `gates` compare.

        Args:
            candidate: its answers.
            champion: its answers to the same.
            gates: those of the task; metrics that they compare (`max_loss`) are always found where they can be.

        Returns:
            Metric -> difference, and slice -> metric -> difference.

        Raises:
            MetricsError: `per_row` does not have the metric as its mean.
        """
        compared = [gate for gate in gates if gate.max_loss is not None]
        globs = {gate.slice for gate in compared if gate.slice}
        overall = self._compare_means(candidate, champion)
        slices: dict[str, dict[str, PairedDifference]] = {}
        missing = {gate.metric for gate in compared if not gate.slice} - set(overall)
        if not overall or missing or any(not glob.startswith(CASES) for glob in globs):
            found = self._compare_measures(self.examples, candidate.examples, champion.examples, globs)
            overall = found.pop("", {}) | overall
            slices = found
        for suite, examples in self.cases.items():
            if any(fnmatchcase(f"{CASES}{suite}", glob) for glob in globs):
                found = self._compare_measures(examples, candidate.cases[suite], champion.cases[suite], set())
                slices[f"{CASES}{suite}"] = found.get("", {})
        return overall, slices

    def one_row(self, exact: Answers, other: Answers, names: AbstractSet[str]) -> dict[str, float]:
        """Give the most that each metric moves when a single row's exact answer gives way to the other's.

        On FEW_ROWS and more a single row moves nothing that matters, and asking each would take long: {}.
        """
        rows = [number for number, example in enumerate(self.examples) if not example.get("variant")]
        if not names or len(rows) >= FEW_ROWS:
            return {}
        found: dict[str, float] = {}
        if hasattr(self._metrics, "per_row"):
            mine, theirs = (self._by_row(answers) for answers in (exact, other))
            for name in names & set(mine):
                moved = [abs(a - b) for a, b in zip(mine[name], theirs[name], strict=True)]
                found[name] = max(moved) / len(moved)
        left = names - set(found)
        changed = [number for number in rows if left and exact.examples[number] != other.examples[number]]
        before, _ = self._metrics.evaluate(self.examples, exact.examples)
        for number in changed:
            answers = [*exact.examples[:number], other.examples[number], *exact.examples[number + 1 :]]
            after, _ = self._metrics.evaluate(self.examples, answers)
            for name in left & set(after):
                found[name] = max(found.get(name, 0.0), abs(after[name] - before[name]))
        return found

    @property
    def _metrics(self) -> ModuleType:
        return part_of(self.task, "metrics")

    def _units(self, rows: Sequence[Row]) -> Sequence[Hashable]:
        unit: Callable[[Row], Hashable] | None = getattr(self._metrics, "unit", None)
        return range(len(rows)) if unit is None else [unit(row) for row in rows]

    def _compare_means(self, candidate: Answers, champion: Answers) -> dict[str, PairedDifference]:
        if not hasattr(self._metrics, "per_row"):
            return {}
        mine, theirs = (self._by_row(answers) for answers in (candidate, champion))
        return differences_of_means(mine, theirs, self._units(self.examples))

    def _by_row(self, answers: Answers) -> dict[str, list[float]]:
        by_row: dict[str, list[float]] = self._metrics.per_row(self.examples, answers.examples)
        metrics, _ = self._metrics.evaluate(self.examples, answers.examples)
        for name, values in by_row.items():
            mean = sum(values) / len(values) if values else math.nan
            if values and not math.isclose(mean, metrics.get(name, math.nan), rel_tol=1e-6, abs_tol=1e-6):
                raise MetricsError(f"{name}: the mean over rows is {mean}, the metric is {metrics.get(name)}")
        return by_row

    def _compare_measures(
        self, rows: Sequence[Row], mine: Sequence[Row], theirs: Sequence[Row], globs: set[str]
    ) -> dict[str, dict[str, PairedDifference]]:
        """Compare all metrics of these rows ("") and of those slices of them that match -> slice -> metric -> ..."""
        evaluate = self._metrics.evaluate

        def measured(answers: Sequence[Row]) -> Callable[[Sequence[int]], dict[tuple[str, str], float]]:
            def on(numbers: Sequence[int]) -> dict[tuple[str, str], float]:
                metrics, slices = evaluate([rows[i] for i in numbers], [answers[i] for i in numbers])
                wanted = {where for where in slices if any(fnmatchcase(where, glob) for glob in globs)}
                found = {("", name): value for name, value in metrics.items()}
                return found | {(where, name): value for where in wanted for name, value in slices[where].items()}

            return on

        _, slices = evaluate(rows, mine)
        found: dict[str, dict[str, PairedDifference]] = {}
        for (where, name), one in differences_of_measures(measured(mine), measured(theirs), self._units(rows)).items():
            if name != "rows":
                found.setdefault(where, {})[name] = on_part(one, int(slices[where]["rows"])) if where else one
        return found
