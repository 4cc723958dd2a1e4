"""Keeps every sample of every metric, and works statistics out of them as CloudWatch does. Pure, but for its lock.

In memory: the embedded cloud keeps nothing between two starts, and percentiles need the samples anyhow.
"""

import bisect
import math
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Dimensions = tuple[tuple[str, str], ...]
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_MINUTE: Final = 60
BASIC_STATISTICS: Final = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})


class UnknownStatisticError(ValueError):
    """The statistic is none that the embedded cloud computes."""


@dataclass(frozen=True)
class MetricKey:
    """One metric; two sets of dimensions that differ in one member are two metrics, and never summed."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: Dimensions


@dataclass(frozen=True, order=True)
class Sample:
    """What one value, or one statistic set, adds: values that were seen ``count`` times at a second."""

    timestamp: int
    count: float = field(compare=False)
    total: float = field(compare=False)
    low: float = field(compare=False)
    high: float = field(compare=False)
    unit: str = field(compare=False)


@dataclass(frozen=True)
class Point:
    """One period's statistic: the period's first second and the value."""

    timestamp: int
    value: float


def ordered(dimensions: Iterable[Mapping[str, str]] | None) -> Dimensions:
    """Return API dimensions in the order that makes them comparable."""
    return tuple(sorted((entry["Name"], entry["Value"]) for entry in dimensions or ()))


def samples_of(datum: Mapping[str, Any], now: float) -> list[Sample]:
    """Return what one member of PutMetricData's MetricData adds.

    A metric of standard resolution (StorageResolution other than 1) is kept by the minute: a period of ten seconds
    over such a metric sees data once a minute, here as on AWS.
    """
    moment = datum["Timestamp"].timestamp() if datum.get("Timestamp") else now
    timestamp = int(moment)
    if datum.get("StorageResolution", _MINUTE) != 1:
        timestamp -= timestamp % _MINUTE
    unit = datum.get("Unit") or "None"
    if statistics := datum.get("StatisticValues"):
        count = statistics["SampleCount"]
        low, high = statistics["Minimum"], statistics["Maximum"]
        return [Sample(timestamp, count, statistics["Sum"], low, high, unit)]
    if datum.get("Value") is not None:
        values, counts = [datum["Value"]], [1.0]
    else:
        values = datum.get("Values") or []
        counts = datum.get("Counts") or [1.0] * len(values)
    return [
        Sample(timestamp, count, value * count, value, value, unit) for value, count in zip(values, counts, strict=True)
    ]


def statistic_of(samples: Sequence[Sample], statistic: str) -> float | None:
    """Return a statistic over samples; None without any.

    Args:
        samples: what fell into one period.
        statistic: SampleCount, Average, Sum, Minimum, Maximum or a percentile such as ``p95`` or ``p99.9``.

    Raises:
        UnknownStatisticError: it is another one (a trimmed mean, say).
    """
    wanted = _percentile(statistic) if statistic not in BASIC_STATISTICS else None
    count = sum(sample.count for sample in samples)
    if count == 0:
        return None
    if wanted is None:
        total = sum(sample.total for sample in samples)
        return {
            "SampleCount": count,
            "Sum": total,
            "Average": total / count,
            "Minimum": min(sample.low for sample in samples),
            "Maximum": max(sample.high for sample in samples),
        }[statistic]
    if any(sample.low != sample.high for sample in samples):
        return None  # a statistic set does not tell its percentiles; AWS gives none either
    return _value_at(sorted(samples, key=lambda sample: sample.low), wanted * count)


def is_statistic(name: str) -> bool:
    """Return whether `statistic_of` knows it."""
    return name in BASIC_STATISTICS or _PERCENTILE.fullmatch(name) is not None


class MetricStore:
    """All samples of all accounts and regions."""

    def __init__(self) -> None:
        self._samples: dict[MetricKey, list[Sample]] = {}
        self._lock = threading.Lock()

    def add(self, key: MetricKey, samples: Iterable[Sample]) -> None:
        """Keep samples."""
        with self._lock:
            kept = self._samples.setdefault(key, [])
            for sample in samples:
                bisect.insort(kept, sample)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._samples.clear()

    def between(self, key: MetricKey, first: float, last: float, unit: str | None = None) -> list[Sample]:
        """Return the samples from ``first`` to before ``last`` (seconds since 1970), of one unit if given."""
        with self._lock:
            kept = self._samples.get(key, [])
            begin = bisect.bisect_left(kept, first, key=_when)
            end = bisect.bisect_left(kept, last, key=_when)
            return [sample for sample in kept[begin:end] if unit is None or sample.unit == unit]

    def points(  # noqa: PLR0913, PLR0917 (a query)
        self, key: MetricKey, statistic: str, period: int, first: float, last: float, unit: str | None = None
    ) -> list[Point]:
        """Return one point for each period that has data, oldest first.

        The start is rounded down as GetMetricData documents it: to the period when that is under a minute, else to
        the minute.
        """
        start = int(first) - int(first) % min(period, _MINUTE)
        periods: dict[int, list[Sample]] = {}
        for sample in self.between(key, start, last, unit):
            periods.setdefault(start + (sample.timestamp - start) // period * period, []).append(sample)
        values = ((when, statistic_of(samples, statistic)) for when, samples in sorted(periods.items()))
        return [Point(when, value) for when, value in values if value is not None]

    def units(self, key: MetricKey, first: float, last: float) -> set[str]:
        """Return the units that occur."""
        return {sample.unit for sample in self.between(key, first, last)}

    def keys(self, account: str, region: str) -> Iterator[MetricKey]:
        """Yield the metrics of one account and region, newest first."""
        with self._lock:
            known = list(self._samples)
        for key in reversed(known):
            if (key.account, key.region) == (account, region):
                yield key


def _when(sample: Sample) -> int:
    return sample.timestamp


def _percentile(statistic: str) -> float:
    found = _PERCENTILE.fullmatch(statistic)
    if found is None:
        raise UnknownStatisticError(
            f"The embedded cloud has no statistic {statistic!r}: "
            f"it has {', '.join(sorted(BASIC_STATISTICS))} and p0 to p100"
        )
    return float(found.group(1)) / 100


def _value_at(samples: Sequence[Sample], rank: float) -> float:
    """Return the smallest value that at least ``rank`` of the counted values do not exceed (nearest rank)."""
    seen = 0.0
    for sample in samples:
        seen += sample.count
        if seen >= rank - 1e-9 or math.isclose(seen, rank):
            return sample.low
    return samples[-1].low


STORE: Final = MetricStore()
"""What this process's CloudWatch knows: its provider answers from it; what functions write goes straight into it."""
