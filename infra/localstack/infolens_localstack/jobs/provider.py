"""The sagemaker operations that run something, as LocalStack's dispatch table takes them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from localstack.aws.api import CommonServiceException, RequestContext

from infolens_localstack.jobs.job import Job
from infolens_localstack.jobs.processing import ProcessingJob
from infolens_localstack.jobs.search import RangesRefused
from infolens_localstack.jobs.training import TrainingJob
from infolens_localstack.jobs.tuning import TuningJob

_NOT_RUN: Final = (
    "CreateAutoMLJob",
    "CreateAutoMLJobV2",
    "CreateCompilationJob",
    "CreateEndpoint",
    "CreateLabelingJob",
    "CreatePipeline",
    "CreateTransformJob",
)
"""moto says "done" to these without doing anything."""

_TUNING_NAME_LENGTH: Final = 32

Handler = Callable[[RequestContext, Mapping[str, Any]], Mapping[str, Any] | None]


def job_operations() -> dict[str, Handler]:
    """Return operation name to handler: three kinds of job, and a refusal for what would only seem to run."""
    table: dict[str, Handler] = dict.fromkeys(_NOT_RUN, _refuse)
    training = _Operations(TrainingJob)
    tuning = _TuningOperations(training)
    for operations in (training, _Operations(ProcessingJob), tuning):
        table |= {
            f"Create{operations.kind}": operations.create,
            f"Describe{operations.kind}": operations.describe,
            f"Stop{operations.kind}": operations.stop,
            f"List{operations.kind}s": operations.list,
        }
    return table | {"ListTrainingJobsForHyperParameterTuningJob": tuning.trials}


def _refuse(context: RequestContext, _request: Mapping[str, Any]) -> None:
    name = context.operation.name if context.operation else "This"
    raise CommonServiceException(
        "ValidationException", f"{name}: the embedded cloud runs training, processing and tuning jobs only.", 400
    )


class _Operations:
    """Create, describe, stop and list of one kind of job."""

    def __init__(self, kind: type[Job]) -> None:
        self._kind = kind
        self.kind = kind.kind
        self._noun = kind.kind.removesuffix("Job").lower()
        self._name_field = f"{kind.kind}Name"
        self._jobs: dict[tuple[str, str, str], Job] = {}
        self._lock = threading.Lock()

    def create(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_unsupported(request)
        job = self.start(request, context.account_id, context.region)
        return {f"{self._kind.kind}Arn": job.arn}

    def start(self, request: Mapping[str, Any], account: str, region: str) -> Job:
        """Start a job under a name that nobody has taken."""
        key = (account, region, request[self._name_field])
        with self._lock:
            if key in self._jobs:
                raise CommonServiceException(
                    "ResourceInUse",
                    f"{self._noun.capitalize()} job names must be unique within an AWS account and region. "
                    f"A {self._noun} job with this name already exists ({self._jobs[key].arn})",
                    400,
                )
            job = self._build(dict(request), account, region)
            self._jobs[key] = job
        job.start()
        return job

    def _build(self, request: dict[str, Any], account: str, region: str) -> Job:
        return self._kind(request, account, region)

    def describe(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._find(context, request).described()

    def stop(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._find(context, request)
        if job.status not in {"InProgress", "Stopping"}:
            message = f"The request was rejected because the {self._noun} job is in status {job.status}."
            raise CommonServiceException("ValidationException", message, 400)
        job.stop()
        return {}

    def list(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            jobs = [job for key, job in self._jobs.items() if key[:2] == (context.account_id, context.region)]
        wanted = [found for job in jobs if _is_asked_for(found := job.described(), self._kind.kind, request)]
        fields = {"Name": self._name_field, "Status": f"{self._kind.kind}Status"}
        order = fields.get(request.get("SortBy", ""), "CreationTime")
        wanted.sort(key=lambda found: found[order], reverse=request.get("SortOrder", "Descending") == "Descending")
        first = int(request.get("NextToken", "0"))
        last = first + int(request.get("MaxResults", 10))
        page = {f"{self._kind.kind}Summaries": wanted[first:last]}
        return page | ({"NextToken": str(last)} if last < len(wanted) else {})

    def _find(self, context: RequestContext, request: Mapping[str, Any]) -> Job:
        with self._lock:
            job = self._jobs.get((context.account_id, context.region, request[self._name_field]))
        if job is None:
            raise CommonServiceException("ValidationException", "Requested resource not found.", 400)
        return job


class _TuningOperations(_Operations):
    """Tuning jobs, whose trials are training jobs."""

    def __init__(self, training: _Operations) -> None:
        super().__init__(TuningJob)
        self._training = training

    def create(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_unsupported_tuning(request)
        _refuse_unsupported(request["TrainingJobDefinition"])
        return super().create(context, request)

    def trials(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._find(context, request)
        status = request.get("StatusEquals")
        found = job.trials() if isinstance(job, TuningJob) else []
        return {"TrainingJobSummaries": [each for each in found if status in {None, each["TrainingJobStatus"]}]}

    def _build(self, request: dict[str, Any], account: str, region: str) -> Job:
        def start(trial: dict[str, Any]) -> TrainingJob:
            job = self._training.start(trial, account, region)
            assert isinstance(job, TrainingJob)
            return job

        try:
            return TuningJob(request, account, region, start)
        except RangesRefused as refusal:
            raise CommonServiceException("ValidationException", str(refusal), 400) from refusal


def _refuse_unsupported_tuning(request: Mapping[str, Any]) -> None:
    """Refuse what SageMaker refuses and what this cloud would do wrongly in silence."""
    definition = request.get("TrainingJobDefinition", {})
    configuration = request["HyperParameterTuningJobConfig"]
    metric = configuration.get("HyperParameterTuningJobObjective", {}).get("MetricName")
    names = {each["Name"] for each in definition.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])}
    ranges = configuration.get("ParameterRanges", {})
    tuned = {each["Name"] for kind in ranges.values() if isinstance(kind, list) for each in kind}
    beyond_us = not definition or {"TrainingJobDefinitions", "WarmStartConfig", "Autotune"} & set(request)
    refusals = {
        "HyperParameterTuningJobName must have length less than or equal to 32.": (
            len(request["HyperParameterTuningJobName"]) > _TUNING_NAME_LENGTH
        ),
        "The embedded cloud tunes one TrainingJobDefinition, without warm start and autotune.": beyond_us,
        "The embedded cloud knows no TuningJobCompletionCriteria.": "TuningJobCompletionCriteria" in configuration,
        f"The objective metric {metric} is none of the MetricDefinitions.": metric not in names,
        "A hyperparameter is both static and tuned.": tuned & set(definition.get("StaticHyperParameters", {})),
    }
    for message, refused in refusals.items():
        if refused:
            raise CommonServiceException("ValidationException", message, 400)


def _is_asked_for(job: Mapping[str, Any], kind: str, request: Mapping[str, Any]) -> bool:
    created = job["CreationTime"]
    return (
        request.get("NameContains", "") in job[f"{kind}Name"]
        and request.get("StatusEquals", job[f"{kind}Status"]) == job[f"{kind}Status"]
        and ("CreationTimeAfter" not in request or created > request["CreationTimeAfter"])
        and ("CreationTimeBefore" not in request or created < request["CreationTimeBefore"])
    )


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    """Refuse what would otherwise be done wrongly in silence, and spot jobs that SageMaker refuses."""
    limits = request.get("StoppingCondition", {})
    if request.get("EnableManagedSpotTraining") and limits.get("MaxWaitTimeInSeconds", 0) < limits.get(
        "MaxRuntimeInSeconds", 86_400
    ):
        raise CommonServiceException(
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
            400,
        )
    sources = [channel.get("DataSource", {}).get("S3DataSource", {}) for channel in request.get("InputDataConfig", [])]
    sources += [entry.get("S3Input", {}) for entry in request.get("ProcessingInputs", [])]
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    if any(output.get("S3Output", {}).get("S3UploadMode", "EndOfJob") != "EndOfJob" for output in outputs):
        raise CommonServiceException("ValidationException", "The embedded cloud uploads outputs as EndOfJob only.", 400)
    for source in sources:
        if source.get("S3DataType", "S3Prefix") not in {"S3Prefix", "ManifestFile"}:
            raise CommonServiceException(
                "ValidationException", "The embedded cloud reads inputs as S3Prefix or ManifestFile only.", 400
            )
        if source.get("S3InputMode", "File") != "File":
            raise CommonServiceException(
                "ValidationException", "The embedded cloud copies inputs in File mode only.", 400
            )
        if source.get("S3CompressionType", "None") != "None":
            raise CommonServiceException(
                "ValidationException", "The embedded cloud does not unpack inputs (S3CompressionType).", 400
            )
