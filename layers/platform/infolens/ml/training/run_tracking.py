"""Sends a training run to MLflow where MLFLOW_TRACKING_URI is set; a server that does not answer stops no training."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from infolens.ml.training.job import Provenance

_JOB_TAG = "infolens.training_job"
_PARAMETER_LENGTH = 500
"""MLflow takes longer ones since 2.x, its older servers do not."""
_PARAMETERS_AT_ONCE = 100

# Before mlflow is imported: its patience is seven tries of two minutes each, and it reports on its users.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def run_name(whose: Provenance, now: datetime) -> str:
    """Name a run for people: task, version of dataset and code, time."""
    return f"{whose.task}-{whose.dataset_id[:12]}-{whose.code_version[:12]}-{now:%Y%m%dT%H%M%SZ}"


class MlflowTracker:
    """One run on an MLflow server; after the first failure it says so once and does nothing more."""

    def __init__(
        self, uri: str, whose: Provenance, name: str, job_name: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Open the run.

        Args:
            uri: MLFLOW_TRACKING_URI.
            whose: the experiment is named after its task; the rest become tags.
            name: see `run_name`.
            job_name: of the training job; when it was interrupted and goes on, so does its run. "" opens a new one.
            clock: seconds since 1970.
        """
        self._clock = clock
        self._client: Any = None
        self._run_id = ""
        self._try(lambda: self._open(uri, whose, name, job_name))

    def settings(self, values: Mapping[str, object]) -> None:
        """Log the settings of the run."""
        self._try(lambda: self._log_settings(values))

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers of one step."""
        self._try(lambda: self._log_metrics(step, values))

    def end(self, *, succeeded: bool) -> None:
        """Close the run."""
        self._try(lambda: self._client.set_terminated(self._run_id, "FINISHED" if succeeded else "FAILED"))

    def _try(self, send: Callable[[], None]) -> None:
        if self._run_id == "lost":
            return
        try:
            send()
        except Exception as error:  # noqa: BLE001 - whatever mlflow, its store or its server raise
            self._run_id = "lost"
            reason = str(error).splitlines()[0] if str(error) else ""
            print(  # noqa: T201 - a job's standard output is its log
                f"warning: MLflow does not take this run; training goes on without: {type(error).__name__}: {reason}",
                flush=True,
            )

    def _open(self, uri: str, whose: Provenance, name: str, job_name: str) -> None:
        for variable, value in _PATIENCE.items():
            os.environ.setdefault(variable, value)
        if uri.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # who names a folder wants a folder
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - three seconds, and only where it is used
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        self._client = MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(f"infolens-{whose.task}")
        if found is None:
            try:
                experiment = self._client.create_experiment(f"infolens-{whose.task}")
            except MlflowException:  # another run was faster
                experiment = self._client.get_experiment_by_name(f"infolens-{whose.task}").experiment_id
        else:
            experiment = found.experiment_id
        if job_name:
            known = self._client.search_runs([experiment], f"tags.`{_JOB_TAG}` = '{job_name}'", max_results=1)
            if known:
                self._run_id = known[0].info.run_id
                self._client.update_run(self._run_id, status="RUNNING")
                return
        tags = {
            "infolens.task": whose.task,
            "infolens.run_id": whose.run_id,
            "infolens.dataset_id": whose.dataset_id,
            "infolens.code_version": whose.code_version,
            _JOB_TAG: job_name,
        }
        self._run_id = self._client.create_run(experiment, run_name=name, tags=tags).info.run_id

    def _log_settings(self, values: Mapping[str, object]) -> None:
        from mlflow.entities import Param  # noqa: PLC0415

        known = self._client.get_run(self._run_id).data.params  # a parameter cannot be set twice
        new = [Param(key, str(value)[:_PARAMETER_LENGTH]) for key, value in values.items() if key not in known]
        for first in range(0, len(new), _PARAMETERS_AT_ONCE):
            self._client.log_batch(self._run_id, params=new[first : first + _PARAMETERS_AT_ONCE])

    def _log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric  # noqa: PLC0415

        now = int(self._clock() * 1000)
        self._client.log_batch(self._run_id, metrics=[Metric(key, value, now, step) for key, value in values.items()])


@contextmanager
def tracked(env: Mapping[str, str], whose: Provenance, name: str) -> Iterator[MlflowTracker | None]:
    """Give the tracker of a run, or None where MLFLOW_TRACKING_URI is not set; its end is told, good or bad."""
    uri = env.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        yield None
        return
    tracker = MlflowTracker(uri, whose, name, env.get("TRAINING_JOB_NAME", ""))
    try:
        yield tracker
    except BaseException:
        tracker.end(succeeded=False)
        raise
    tracker.end(succeeded=True)
