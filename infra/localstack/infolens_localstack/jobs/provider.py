"""The sagemaker operations that run something, as LocalStack's dispatch table takes them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from localstack.aws.api import CommonServiceException, RequestContext

from infolens_localstack.jobs.job import Job
from infolens_localstack.jobs.processing import ProcessingJob
from infolens_localstack.jobs.training import TrainingJob

Handler = Callable[[RequestContext, Mapping[str, Any]], Mapping[str, Any] | None]
_jobs: Final[dict[tuple[str, str, str, str], Job]] = {}
_lock: Final = threading.Lock()


def job_operations() -> dict[str, Handler]:
    """Return operation name to handler for both kinds of job."""
    table: dict[str, Handler] = {}
    for kind in (TrainingJob, ProcessingJob):
        table |= _operations_of(kind)
    return table


def _operations_of(kind: type[Job]) -> dict[str, Handler]:
    name_field, status_field = f"{kind.kind}Name", f"{kind.kind}Status"

    def create(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_unsupported(request)
        name = request[name_field]
        key = (kind.kind, context.account_id, context.region, name)
        with _lock:
            if key in _jobs:
                noun = kind.kind.removesuffix("Job").lower()
                raise CommonServiceException(
                    "ResourceInUse",
                    f"{noun.capitalize()} job names must be unique within an AWS account and region. "
                    f"A {noun} job with this name already exists ({_jobs[key].arn})",
                    400,
                )
            job = kind(dict(request), context.account_id, context.region)
            _jobs[key] = job
        job.start()
        return {f"{kind.kind}Arn": job.arn}

    def describe(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        return _find(context, request).described()

    def stop(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        job = _find(context, request)
        if job.status not in {"InProgress", "Stopping"}:
            raise CommonServiceException(
                "ValidationException",
                f"The request was rejected because the {kind.kind.removesuffix('Job').lower()} job is in status {job.status}.",
                400,
            )
        job.stop()
        return {}

    def list_(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        with _lock:
            jobs = [job for key, job in _jobs.items() if key[:3] == (kind.kind, context.account_id, context.region)]
        wanted = [job.described() for job in jobs if request.get("NameContains", "") in job.name]
        if "StatusEquals" in request:
            wanted = [found for found in wanted if found[status_field] == request["StatusEquals"]]
        if "CreationTimeAfter" in request:
            wanted = [found for found in wanted if found["CreationTime"] > request["CreationTimeAfter"]]
        if "CreationTimeBefore" in request:
            wanted = [found for found in wanted if found["CreationTime"] < request["CreationTimeBefore"]]
        order = {"Name": name_field, "Status": status_field}.get(request.get("SortBy", ""), "CreationTime")
        wanted.sort(key=lambda found: found[order], reverse=request.get("SortOrder", "Descending") == "Descending")
        first = int(request.get("NextToken", "0"))
        last = first + int(request.get("MaxResults", 10))
        page = {f"{kind.kind}Summaries": wanted[first:last]}
        return page | ({"NextToken": str(last)} if last < len(wanted) else {})

    def _find(context: RequestContext, request: Mapping[str, Any]) -> Job:
        with _lock:
            job = _jobs.get((kind.kind, context.account_id, context.region, request[name_field]))
        if job is None:
            raise CommonServiceException("ValidationException", "Requested resource not found.", 400)
        return job

    return {
        f"Create{kind.kind}": create,
        f"Describe{kind.kind}": describe,
        f"Stop{kind.kind}": stop,
        f"List{kind.kind}s": list_,
    }


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    """Refuse what would otherwise be done wrongly in silence."""
    sources = [channel.get("DataSource", {}).get("S3DataSource", {}) for channel in request.get("InputDataConfig", [])]
    sources += [entry.get("S3Input", {}) for entry in request.get("ProcessingInputs", [])]
    for source in sources:
        if source.get("S3DataType", "S3Prefix") != "S3Prefix" or source.get("S3InputMode", "File") != "File":
            raise CommonServiceException(
                "ValidationException", "The embedded cloud copies inputs as S3Prefix in File mode only.", 400
            )
        if source.get("S3CompressionType", "None") != "None":
            raise CommonServiceException(
                "ValidationException", "The embedded cloud does not unpack inputs (S3CompressionType).", 400
            )
