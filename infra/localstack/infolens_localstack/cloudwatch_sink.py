"""Takes what functions and jobs write to CloudWatch, in the background: log events and the metrics in them."""

import contextlib
import logging
import math
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from localstack.aws.connect import connect_to

from infolens_localstack.functions.output import LogRecord
from infolens_localstack.metric_format import MetricDatum, metrics_in
from infolens_localstack.metrics.store import STORE, MetricKey, Sample

LOG = logging.getLogger(__name__)
_GATHER_SECONDS: Final = 0.1


@dataclass(frozen=True)
class LogStream:
    """Where log records go."""

    account: str
    region: str
    group: str
    name: str


@dataclass(frozen=True)
class _Parcel:
    stream: LogStream
    records: Sequence[LogRecord]
    data: Sequence[MetricDatum]


def ship(stream: LogStream, records: Sequence[LogRecord], data: Sequence[MetricDatum] = ()) -> None:
    """Queue log records (and the metrics embedded in them) and more metrics; in CloudWatch a moment later."""
    _shipper.parcels.put(_Parcel(stream, records, data))


class _Shipper:
    """Gathers parcels for a moment and sends them together: one call costs as much as fifty lines."""

    def __init__(self) -> None:
        self.parcels: queue.SimpleQueue[_Parcel] = queue.SimpleQueue()
        self._known_streams: set[LogStream] = set()
        threading.Thread(target=self._ship_forever, name="function-reports", daemon=True).start()

    def _ship_forever(self) -> None:
        while True:
            gathered = [self.parcels.get()]
            time.sleep(_GATHER_SECONDS)
            while not self.parcels.empty():
                gathered.append(self.parcels.get())
            try:
                self._send_logs(gathered)
                self._send_metrics(gathered)
            except Exception:
                LOG.exception("Logs or metrics of %d senders were lost", len(gathered))

    def _send_logs(self, parcels: Iterable[_Parcel]) -> None:
        streams: dict[LogStream, list[LogRecord]] = defaultdict(list)
        for parcel in parcels:
            streams[parcel.stream] += parcel.records
        for stream, records in streams.items():
            if not records:
                continue
            logs = connect_to(aws_access_key_id=stream.account, region_name=stream.region).logs
            if stream not in self._known_streams:
                _make_stream(logs, stream)
                self._known_streams.add(stream)
            ordered = sorted(records, key=lambda record: record.timestamp)
            events = [{"timestamp": record.timestamp, "message": record.text} for record in ordered]
            try:
                logs.put_log_events(logGroupName=stream.group, logStreamName=stream.name, logEvents=events)
            except logs.exceptions.ResourceNotFoundException:
                # Somebody deleted the group; what writes to it goes on writing, as on AWS.
                _make_stream(logs, stream)
                logs.put_log_events(logGroupName=stream.group, logStreamName=stream.name, logEvents=events)

    @staticmethod
    def _send_metrics(parcels: Iterable[_Parcel]) -> None:
        """Put metrics straight into the store that CloudWatch's provider reads.

        Through PutMetricData they took a fifth of the emulator's time under load: its query protocol is read in time
        that grows with the square of the number of members.
        """
        for parcel in parcels:
            embedded = [datum for record in parcel.records for datum in metrics_in(record.text)]
            for datum in (*embedded, *parcel.data):
                if all(map(math.isfinite, datum.values)):  # CloudWatch takes no others
                    STORE.add(_key(parcel.stream, datum), _samples(datum))


def _key(stream: LogStream, datum: MetricDatum) -> MetricKey:
    dimensions = tuple(sorted(datum.dimensions))
    return MetricKey(stream.account, stream.region, datum.namespace, datum.name, dimensions)


def _samples(datum: MetricDatum) -> list[Sample]:
    moment = datum.timestamp_ms // 1000
    timestamp = moment if datum.resolution == 1 else moment - moment % 60
    return [Sample(timestamp, 1.0, value, value, value, datum.unit) for value in datum.values]


def _make_stream(logs: Any, stream: LogStream) -> None:  # noqa: ANN401 (a boto3 client)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=stream.group)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=stream.group, logStreamName=stream.name)


_shipper: Final = _Shipper()
