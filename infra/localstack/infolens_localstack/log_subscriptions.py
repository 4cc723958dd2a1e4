"""Delivers log lines to subscribed functions as AWS does: those that the filter names, and off the writer's path.

LocalStack calls the function while the lines are being written, so that every writer waits for it, and loses lines when
it fails; it delivers every line whatever the filter says; and no log stream can be made in a group with a filter.
"""

import base64
import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from localstack.aws.connect import connect_to
from localstack.services.logs import provider
from localstack.utils.aws import arns
from localstack.utils.aws.client_types import ServicePrincipal
from moto.core.utils import unix_time_millis
from moto.logs.exceptions import ResourceAlreadyExistsException
from moto.logs.models import LogEvent, LogGroup, LogStream

_IS_TRUE: Final = re.compile(r"\{\s*\$\.([\w.]+)\s+IS\s+TRUE\s*\}")
_LAMBDA: Final = ":lambda:"


def install() -> None:
    """Put our delivery and our filter in the place of LocalStack's."""
    deliver_as_localstack = LogStream.put_log_events

    def put_log_events(self: LogStream, log_events: Sequence[Mapping[str, Any]]) -> str:
        subscribed = list(self.log_group.subscription_filters.values())
        if not all(_LAMBDA in one.destination_arn for one in subscribed):
            token: str = deliver_as_localstack(self, log_events)  # Kinesis and Firehose
            return token
        self.last_ingestion_time = int(unix_time_millis())
        self.stored_bytes += sum(len(event["message"]) for event in log_events)
        events = [LogEvent(self.last_ingestion_time, event) for event in log_events]
        self.events += events
        self.upload_sequence_token += 1
        for one in subscribed:
            matches = matcher_of(one.filter_pattern or "")
            taken = [event for event, given in zip(events, log_events, strict=True) if matches("", given)]
            if taken:
                _deliver(self, one.name, one.destination_arn, taken)
        return f"{self.upload_sequence_token:056d}"

    def create_log_stream(self: LogGroup, log_stream_name: str) -> None:
        if log_stream_name in self.streams:
            raise ResourceAlreadyExistsException
        self.streams[log_stream_name] = LogStream(log_group=self, name=log_stream_name)

    LogStream.put_log_events = put_log_events
    LogGroup.create_log_stream = create_log_stream
    provider.get_pattern_matcher = matcher_of


def matcher_of(pattern: str) -> Callable[[str, Mapping[str, Any]], bool]:
    """Return what chooses lines: those of JSON in which a member is true; every line for other patterns."""
    asked = _IS_TRUE.fullmatch(pattern.strip())
    if asked is None:
        return lambda _pattern, _event: True
    path = asked.group(1).split(".")

    def is_true(_pattern: str, event: Mapping[str, Any]) -> bool:
        try:
            value = json.loads(event["message"])
        except ValueError:
            return False
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value is True

    return is_true


def _deliver(stream: LogStream, name: str, function: str, events: Sequence[LogEvent]) -> None:
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": stream.account_id,
        "logGroup": stream.log_group.name,
        "logStream": stream.log_stream_name,
        "subscriptionFilters": [name],
        "logEvents": [{"id": str(x.event_id), "timestamp": x.timestamp, "message": x.message} for x in events],
    }
    packed = base64.b64encode(gzip.compress(json.dumps(data, separators=(",", ":")).encode())).decode()
    where = arns.parse_arn(function)
    group = arns.log_group_arn(stream.log_group.name, stream.account_id, stream.region)
    client = connect_to(aws_access_key_id=where["account"], region_name=where["region"]).lambda_.request_metadata(
        source_arn=group, service_principal=ServicePrincipal.logs
    )
    client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps({"awslogs": {"data": packed}}))
