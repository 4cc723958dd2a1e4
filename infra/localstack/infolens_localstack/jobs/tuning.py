"""A hyper-parameter tuning job: training jobs with other values each, some at a time, and the best of them."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from infolens_localstack.jobs import search
from infolens_localstack.jobs.failure import JobFailed
from infolens_localstack.jobs.job import TERMINAL, Job
from infolens_localstack.jobs.training import TrainingJob

_LOOK_SECONDS: Final = 0.1
_OF_A_TRIAL: Final = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "CheckpointConfig",
    "EnableManagedSpotTraining",
    "Environment",
)


@dataclass
class _Trial:
    job: TrainingJob
    tuned: dict[str, str]
    stopped_early: bool = False


class TuningJob(Job):
    """CreateHyperParameterTuningJob over training jobs of this cloud."""

    kind: ClassVar[str] = "HyperParameterTuningJob"

    def __init__(
        self, request: dict[str, Any], account: str, region: str, start: Callable[[dict[str, Any]], TrainingJob]
    ) -> None:
        """Plan the trials.

        Args:
            request: CreateHyperParameterTuningJob's.
            account: whose job.
            region: where.
            start: starts a training job, as CreateTrainingJob does.

        Raises:
            RangesRefused: see `search.planned`.
        """
        super().__init__(request, account, region)
        self._start = start
        configuration = request["HyperParameterTuningJobConfig"]
        self._objective = configuration["HyperParameterTuningJobObjective"]
        self._parallel = int(configuration["ResourceLimits"]["MaxParallelTrainingJobs"])
        self._early = configuration.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
        self._plan = search.planned(configuration, self.name)
        self._trials: list[_Trial] = []
        self.update(Strategy=configuration["Strategy"], ResourceLimits=configuration["ResourceLimits"])
        self._tell()

    def trials(self) -> list[dict[str, Any]]:
        """Return what ListTrainingJobsForHyperParameterTuningJob answers, in the order of their start."""
        return [self._summary(trial) for trial in list(self._trials)]

    def work(self) -> dict[str, Any]:
        """Run the trials; return the last state."""
        waiting = list(self._plan)
        while True:
            running = [trial for trial in self._trials if trial.job.status not in TERMINAL]
            if self.stopping.is_set():
                waiting.clear()
            while waiting and len(running) < self._parallel:
                running.append(self._begin(waiting.pop(0)))
            for trial in running:
                if self.stopping.is_set() or (self._early and self._is_behind(trial)):
                    trial.stopped_early = True
                    trial.job.stop()
            self._tell()
            if not running:
                break
            time.sleep(_LOOK_SECONDS)
        ended = {"HyperParameterTuningEndTime": datetime.now(UTC)}
        if self.stopping.is_set():
            return {"HyperParameterTuningJobStatus": "Stopped", **ended}
        if "BestTrainingJob" not in self.described():
            raise JobFailed(
                f"No training job succeeded after {len(self._trials)} attempts. For additional details, please take a "
                "look at the training job failures by listing training jobs for the hyperparameter tuning job."
            )
        return {"HyperParameterTuningJobStatus": "Completed", **ended}

    def on_failure(self, _reason: str) -> dict[str, Any]:
        """Say when it ended."""
        return {"HyperParameterTuningEndTime": datetime.now(UTC)}

    def _begin(self, tuned: dict[str, str]) -> _Trial:
        definition = self.request["TrainingJobDefinition"]
        hyperparameters = definition.get("StaticHyperParameters", {}) | tuned
        job = self._start(
            {name: definition[name] for name in _OF_A_TRIAL if name in definition}
            | {
                "TrainingJobName": f"{self.name}-{len(self._trials) + 1:03}-{uuid.uuid4().hex[:8]}",
                "HyperParameters": hyperparameters | {"_tuning_objective_metric": self._objective["MetricName"]},
            }
        )
        job.update(TuningJobArn=self.arn)
        trial = _Trial(job, tuned)
        self._trials.append(trial)
        return trial

    def _values(self, trial: _Trial) -> list[float]:
        return trial.job.metric_values(self._objective["MetricName"])

    def _is_behind(self, trial: _Trial) -> bool:
        earlier = [self._values(each) for each in self._trials if each.job.status == "Completed"]
        return search.not_worth_going_on(self._values(trial), earlier, self._objective["Type"])

    def _objective_status(self, trial: _Trial) -> str:
        if trial.job.status == "Completed" or trial.stopped_early:
            return "Succeeded" if self._values(trial) else "Failed"
        return "Failed" if trial.job.status in TERMINAL else "Pending"

    def _tell(self) -> None:
        """Write the counters and the best trial into what Describe answers."""
        statuses = [trial.job.status for trial in self._trials]
        objectives = [self._objective_status(trial) for trial in self._trials]
        finals = {
            trial.job.name: values[-1]
            for trial in self._trials
            if trial.job.status == "Completed" and (values := self._values(trial))
        }
        name = search.best(finals, self._objective["Type"])
        winner = [{"BestTrainingJob": self._summary(trial)} for trial in self._trials if trial.job.name == name]
        self.update(
            TrainingJobStatusCounters={
                "Completed": statuses.count("Completed"),
                "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
                "RetryableError": 0,
                "NonRetryableError": statuses.count("Failed"),
                "Stopped": statuses.count("Stopped"),
            },
            ObjectiveStatusCounters={status: objectives.count(status) for status in ("Succeeded", "Pending", "Failed")},
            **(winner[0] if winner else {}),
        )

    def _summary(self, trial: _Trial) -> dict[str, Any]:
        described = trial.job.described()
        fields = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
        fields = (*fields, "TrainingJobStatus", "FailureReason")
        summary = {name: described[name] for name in fields if name in described}
        summary |= {"TunedHyperParameters": trial.tuned, "ObjectiveStatus": self._objective_status(trial)}
        if values := self._values(trial):
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "MetricName": self._objective["MetricName"],
                "Value": values[-1],
            }
        return summary
