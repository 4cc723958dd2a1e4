"""Prices a month of one task's answers, line by line with its arithmetic. Pure: traffic and prices in, dollars out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infolens_cli.prices import Price

HOURS = 730
"""Hours of a month, as AWS's own calculator has it."""

PART_MB = 8.388608
"""A bundle comes in parts of 8 MiB, each one GET."""


@dataclass(frozen=True)
class Traffic:
    """What one task is asked in a month."""

    requests_per_hour: float
    """S0-14 asks for 3000."""
    rows_per_request: int = 1
    """Rows that one invocation answers; a batch file's share it."""
    through_api: bool = True
    """Whether requests come through the API; a batch's do not."""

    @property
    def requests(self) -> float:
        """Invocations of the predict function in a month."""
        return self.requests_per_hour * HOURS

    @property
    def answers(self) -> float:
        """Rows answered in a month."""
        return self.requests * self.rows_per_request


@dataclass(frozen=True)
class Served:
    """How a version answers, measured or assumed."""

    milliseconds: float
    """Mean time of a warm request."""
    memory_mb: int
    init_milliseconds: float
    """Init phase of a cold start."""
    cold_share: float
    """Requests that wait for a cold start, 0 to 1."""
    bundle_mb: float = 0.0
    """What a cold start fetches."""
    architecture: str = "x86_64"
    snap_start: bool = False
    provisioned: int = 0
    """Environments that are kept ready."""
    versions: int = 1
    """Published versions that SnapStart keeps a snapshot of, and that send metrics."""


@dataclass(frozen=True)
class Around:
    """What an answer costs beside its model."""

    api_milliseconds: float = 15.0
    """Time of the API's function beside that of the model, for which it waits."""
    api_memory_mb: int = 1024
    writes: int = 2
    """Writes to DynamoDB: an observation, and a remembered answer (S0's route writes one more)."""
    log_bytes: int = 1800
    """Log lines of a request: the answer's, the metrics', Lambda's own three."""
    metrics: int = 5
    """Metrics of each version (contracts/prediction.py)."""


@dataclass(frozen=True)
class Line:
    """One line of the bill."""

    what: str
    arithmetic: str
    """How the units come about, and their price; a reader can check it with a calculator."""
    units: float
    dollars: float


@dataclass(frozen=True)
class Month:
    """A month's bill."""

    lines: tuple[Line, ...]
    answers: float

    @property
    def dollars(self) -> float:
        """All lines together."""
        return sum(line.dollars for line in self.lines)

    @property
    def dollars_per_thousand(self) -> float:
        """Of a thousand answers; 0 without any."""
        return 1000 * self.dollars / self.answers if self.answers else 0.0


def month(traffic: Traffic, served: Served, prices: Mapping[str, Price], around: Around | None = None) -> Month:
    """Price a month of a task.

    Duration is billed by the begun millisecond. Cold starts of a snapshot are restores; with provisioned concurrency
    what it cannot take is not modelled: size it for the traffic.
    """
    around = around or Around()
    return Month((*_model(traffic, served, prices), *_rest(traffic, served, prices, around)), traffic.answers)


def _model(traffic: Traffic, served: Served, prices: Mapping[str, Price]) -> Iterator[Line]:
    """The predict function."""
    gb, requests = served.memory_mb / 1024, traffic.requests
    yield _line("requests", f"{_n(traffic.requests_per_hour)}/h x {HOURS} h", requests, prices["lambda-request"])
    billed = math.ceil(served.milliseconds)
    kind = "provisioned-duration" if served.provisioned else "lambda-duration"
    arithmetic = f"{_n(requests)} x {billed} ms x {_n(gb)} GB"
    yield _line("duration", arithmetic, requests * billed / 1000 * gb, prices[f"{kind}-{served.architecture}"])
    yield from _cold(traffic, served, prices)
    if served.provisioned:
        arithmetic = f"{served.provisioned} x {_n(gb)} GB x {HOURS} h x 3600 s"
        units = served.provisioned * gb * HOURS * 3600
        yield _line("provisioned concurrency", arithmetic, units, prices[f"provisioned-{served.architecture}"])


def _cold(traffic: Traffic, served: Served, prices: Mapping[str, Price]) -> Iterator[Line]:
    """Cold starts: of an init phase or of a snapshot; none is waited for where environments are kept ready."""
    gb, starts = served.memory_mb / 1024, traffic.requests * served.cold_share
    if served.snap_start:
        arithmetic = f"{served.versions} versions x {_n(gb)} GB x {HOURS} h x 3600 s"
        units = served.versions * gb * HOURS * 3600
        yield _line("snapshots kept", arithmetic, units, prices["snapstart-cache"])
        arithmetic = f"{_n(traffic.requests)} x {_n(100 * served.cold_share)} % cold x {_n(gb)} GB"
        yield _line("snapshots restored", arithmetic, starts * gb, prices["snapstart-restore"])
    elif not served.provisioned:
        init = math.ceil(served.init_milliseconds)
        share = f"{_n(traffic.requests)} x {_n(100 * served.cold_share)} % cold"
        price = prices[f"lambda-duration-{served.architecture}"]
        yield _line("cold starts", f"{share} x {_n(init)} ms x {_n(gb)} GB", starts * init / 1000 * gb, price)
        if served.bundle_mb:
            parts = math.ceil(served.bundle_mb / PART_MB) + 1  # the manifest
            yield _line("bundle downloads", f"{share} x {parts} GETs", starts * parts, prices["s3-get"])


def _rest(traffic: Traffic, served: Served, prices: Mapping[str, Price], around: Around) -> Iterator[Line]:
    """The way to the model, and what is written down."""
    requests = traffic.requests
    if traffic.through_api:
        yield _line("API Gateway", f"{_n(requests)} requests", requests, prices["api-request"])
        yield _line("API function, requests", f"{_n(requests)} requests", requests, prices["lambda-request"])
        gb, waits = around.api_memory_mb / 1024, math.ceil(served.milliseconds + around.api_milliseconds)
        arithmetic = f"{_n(requests)} x {waits} ms (the model's and its own) x {_n(gb)} GB"
        price = prices[f"lambda-duration-{served.architecture}"]
        yield _line("API function, duration", arithmetic, requests * waits / 1000 * gb, price)
        arithmetic = f"{_n(requests)} x {around.writes} writes"
        yield _line("DynamoDB", arithmetic, requests * around.writes, prices["dynamodb-write"])
    arithmetic = f"{_n(requests)} x {around.log_bytes} bytes"
    yield _line("logs", arithmetic, requests * around.log_bytes / 1e9, prices["logs-ingested"])
    arithmetic = f"{served.versions} versions x {around.metrics} metrics"
    yield _line("metrics", arithmetic, served.versions * around.metrics, prices["custom-metric"])


def _line(what: str, arithmetic: str, units: float, price: Price) -> Line:
    return Line(what, f"{arithmetic} = {_n(units)}, at {price.words}", units, units * price.each)


def _n(number: float) -> str:
    """A number as a reader types it into a calculator: no more digits than it has."""
    return f"{number:,.4f}".rstrip("0").rstrip(".")
