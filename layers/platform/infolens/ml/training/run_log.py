"""Tells how a training run goes: lines that SageMaker turns into metrics, and the job's tracker (S0-26, S1-07)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.metric_lines import metric_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens.ml.training.job import TrainingJob


class RunLog:
    """The log of one run."""

    def __init__(self, job: TrainingJob, settings: Mapping[str, object]) -> None:
        """Say whose run it is and with what settings."""
        whose = job.provenance
        self._tracker = job.tracker
        self.note(f"task={whose.task} run={whose.run_id} dataset={whose.dataset_id} profile={job.profile}")
        self.note(" ".join(f"{name}={value}" for name, value in settings.items()))
        if self._tracker is not None:
            self._tracker.settings({"profile": job.profile, "seed": job.seed, **settings})

    def metrics(self, **values: float) -> None:
        """Log numbers of one moment; `step` and `epoch` say which."""
        self.note(metric_line(**values))
        if self._tracker is not None:
            numbers = {name: float(value) for name, value in values.items() if name not in {"step", "epochs"}}
            self._tracker.metrics(int(values.get("step", values.get("epoch", 0))), numbers)

    def note(self, line: str) -> None:
        """Log a line for people."""
        print(line, flush=True)  # noqa: T201 - SageMaker reads a job's metrics from its standard output
