"""Follows one id through the logs of every function and job, in the order in which things happened."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.markup import escape

from infolens.code import job_name
from infolens.tasks import task_names
from infolens.usecases import tuning

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLOURS = (
    "cyan",
    "green",
    "magenta",
    "blue",
    "yellow",
    "bright_cyan",
    "bright_green",
    "bright_magenta",
    "bright_blue",
)
_LEVELS = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}

_HIDDEN = frozenset(
    # What every line of a function carries and nobody reads twice.
    {
        "level", "message", "timestamp", "location", "service", "cold_start", "function_name", "function_memory_size",
        "function_arn", "function_request_id", "xray_trace_id", "exception_name", "sampling_rate", "stack_trace",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One log line, wherever it came from."""

    at: int
    """Milliseconds since the epoch."""
    source: str
    """Name of the function or job."""
    text: str


def groups(logs: Any, stack: str) -> list[str]:  # noqa: ANN401 - a boto3 client
    """Log groups of the stack's functions and of SageMaker's jobs."""
    found = []
    for prefix in (f"/aws/lambda/{stack}-", "/aws/sagemaker/"):
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
            found += [str(group["logGroupName"]) for group in page["logGroups"]]
    return found


def _events(logs: Any, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a boto3 client
    try:
        for page in logs.get_paginator("filter_log_events").paginate(**query):
            yield from page["events"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise  # a group or stream that went away between two calls has nothing to say


def _whole(wanted: str) -> re.Pattern[str]:
    """The id as a word of its own: a number is no part of a longer one, of a UUID or of a fraction."""
    neighbours = r"[\w.-]" if wanted.isdecimal() else r"\w"
    return re.compile(f"(?<!{neighbours}){re.escape(wanted)}(?!{neighbours})")


def _belongs(text: str, stream: str, query: dict[str, Any], wanted: str) -> bool:
    """Look again at what a query gave: the embedded cloud knows terms only roughly, and no stream prefixes."""
    if "filterPattern" in query:
        return bool(_whole(wanted).search(text))
    return stream.startswith(query["logStreamNamePrefix"])


def _searches(run_id: str) -> list[str]:
    """What the trainings of a run's search are named after; the run's id does not say its task, so each is a guess."""
    if run_id.isdecimal():  # a prediction's
        return []
    return [f"{tuning.job_name(task, run_id)}-" for task in task_names()]


def find(logs: Any, stack: str, wanted: str, since: int) -> list[Line]:  # noqa: ANN401 - a boto3 client
    """Find every line that holds the id, from `since` (milliseconds) on, in order of time.

    A job's own lines do not carry the run's id, but its stream is named after the run; the trainings of a search are
    named after the search.
    """
    lines: dict[tuple[str, str], Line] = {}
    for group in groups(logs, stack):
        queries: list[dict[str, Any]] = [{"filterPattern": json.dumps(wanted)}]
        if group.startswith("/aws/sagemaker/"):
            queries.append({"logStreamNamePrefix": job_name(wanted)})
        if group == "/aws/sagemaker/TrainingJobs":
            queries += [{"logStreamNamePrefix": prefix} for prefix in _searches(wanted)]
        for query in queries:
            for event in _events(logs, logGroupName=group, startTime=since, **query):
                text = str(event["message"]).rstrip("\n")
                stream = str(event.get("logStreamName", ""))
                if not _belongs(text, stream, query, wanted):
                    continue
                source = stream.partition("/")[0] if group.startswith("/aws/sagemaker/") else group.rpartition("/")[2]
                name = source.removeprefix(f"{stack}-")
                lines[group, str(event.get("eventId") or f"{event['timestamp']}{text}")] = Line(
                    int(event["timestamp"]), name, text
                )
    return sorted(lines.values(), key=lambda line: line.at)


def messages(logs: Any, group: str, wanted: str, since: int) -> list[str]:  # noqa: ANN401 - a boto3 client
    """What one group says about an id from `since` (milliseconds) on, in order; nothing where there is no group."""
    found = _events(logs, logGroupName=group, startTime=since, filterPattern=json.dumps(wanted))
    told = sorted((int(event["timestamp"]), str(event["message"])) for event in found)
    return [text for _, text in told if _whole(wanted).search(text)]


def last_line(logs: Any, job: str) -> str:  # noqa: ANN401 - a boto3 client
    """What a SageMaker job said last; "" while it has said nothing."""
    for group in ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"):
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
            for stream in streams:
                said = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], limit=1)["events"]
                if said and stream["logStreamName"].startswith(f"{job}/"):
                    return str(said[-1]["message"]).strip()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
                raise  # the group comes into being with the first job
    return ""


def colour(source: str) -> str:
    """The colour of a function: the same in every run."""
    return _COLOURS[zlib.crc32(source.encode()) % len(_COLOURS)]


def _is_metric(record: dict[str, Any]) -> bool:
    return "_aws" in record


def render(line: Line, wanted: str) -> str:
    """One line as rich markup: time, who, what, and the keys that are not said elsewhere."""
    at = datetime.fromtimestamp(line.at / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    head = f"[dim]{at}[/] [{colour(line.source)}]{escape(line.source):<20}[/]"
    try:
        record = json.loads(line.text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return f"{head} {escape(line.text)}"
    if _is_metric(record):
        names = [item["Name"] for group in record["_aws"].get("CloudWatchMetrics", ()) for item in group["Metrics"]]
        shown = " ".join(f"{name}={json.dumps(record.get(name))}" for name in names)
        return f"{head} [dim]metric {escape(shown)}[/]"
    level = str(record.get("level", ""))
    style = _LEVELS.get(level)
    message = record.get("message", "")
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    said = escape(text) if style is None else f"[{style}]{level} {escape(text)}[/]"
    rest = {key: value for key, value in record.items() if key not in _HIDDEN and str(value) != wanted}
    trace = str(rest.pop("exception", ""))
    keys = " ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in rest.items())
    return f"{head} {said}" + (f" [dim]{escape(keys)}[/]" if keys else "") + (f"\n{escape(trace)}" if trace else "")
