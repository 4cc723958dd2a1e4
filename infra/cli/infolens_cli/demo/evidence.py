"""Reads from the predict function's own log what a version did, request by request: what the alarms saw, in full."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infolens.contracts.prediction import METRIC_COLD_LATENCY, METRIC_FAULTS, METRIC_LATENCY

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Served:
    """One request that a version dealt with."""

    at: float
    """Seconds since the epoch."""
    faulty: bool
    milliseconds: float | None
    """Inside the handler; None when it was not measured."""


def _number(value: object) -> float | None:
    """One value of an embedded metric; the format allows a list of them."""
    if isinstance(value, list):
        value = value[0] if value else None
    return float(value) if isinstance(value, int | float) else None


def served(messages: Iterable[str], version: str) -> list[Served]:
    """Pick a version's requests out of log lines in CloudWatch's embedded metric format, in order of time."""
    found = []
    for message in messages:
        if '"_aws"' not in message:
            continue
        try:
            record = json.loads(message)
        except ValueError:
            continue
        faults = _number(record.get(METRIC_FAULTS))
        if faults is None or str(record.get("model_version")) != version:
            continue
        took = _number(record.get(METRIC_LATENCY))
        if took is None:
            took = _number(record.get(METRIC_COLD_LATENCY))
        found.append(Served(record["_aws"]["Timestamp"] / 1000, faults > 0, took))
    return sorted(found, key=lambda one: one.at)


def read(logs: Any, function: str, version: str, since: float) -> list[Served]:  # noqa: ANN401 - a boto3 client
    """Read a version's requests since a moment (seconds since the epoch)."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}", startTime=int(since * 1000) - 1000
    )
    messages = (str(event["message"]) for page in pages for event in page["events"])
    return [one for one in served(messages, version) if one.at >= since]
