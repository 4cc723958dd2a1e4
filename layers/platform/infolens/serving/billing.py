"""Says what Lambda bills for one answer: the time of its handler, and that of the init phase before the first one.

It is counted where the answer is made, so that cost is known by model version; what the runtime spends around the
handler, about a millisecond, is not in it.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

ON_DEMAND, PROVISIONED, SNAP_START = "on-demand", "provisioned-concurrency", "snap-start"
"""How an environment came to be: Lambda's AWS_LAMBDA_INITIALIZATION_TYPE."""

_START_TIME = 19
"""Place of a process's start among the fields of /proc/<pid>/stat that follow its name (proc(5), field 22)."""


@dataclass(frozen=True)
class Bill:
    """What one answer is billed for."""

    gb: float
    """Memory of the function."""
    gb_seconds: float
    """Memory times billed time, the init phase's included where this answer is the first after it."""
    init_milliseconds: float
    """Time of the init phase, where this answer is the first after it; else 0."""
    restored: bool
    """The environment came from a snapshot, and this is its first answer: the restore has a price of its own."""


def bill(milliseconds: float, memory_mb: int, *, cold: bool, init_milliseconds: float, initialization: str) -> Bill:
    """Price one answer in GB-seconds.

    Duration is rounded up to the millisecond. The init phase is billed as duration is, since August 2025 in all cases
    but a snapshot's: its init ran once, when its version was published (https://aws.amazon.com/lambda/pricing/).

    Args:
        milliseconds: time of the handler.
        memory_mb: the function's memory.
        cold: the environment's first answer.
        init_milliseconds: how long its init phase took.
        initialization: ON_DEMAND, PROVISIONED or SNAP_START.
    """
    restored = cold and initialization == SNAP_START
    init = init_milliseconds if cold and not restored else 0.0
    gb = memory_mb / 1024
    return Bill(gb, (math.ceil(milliseconds) + math.ceil(init)) / 1000 * gb, init, restored)


def process_milliseconds(stat: Path = Path("/proc/self/stat")) -> float:
    """Milliseconds since this process began, to a hundredth of a second; called at the end of init, the init phase.

    0 where the system does not tell.
    """
    try:
        started = int(stat.read_text().rpartition(")")[2].split()[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0
    return max(0.0, (time.clock_gettime(time.CLOCK_BOOTTIME) - started) * 1000)
