"""Runs a job's command: its log lines to CloudWatch, its limit, its stop; says how it ended."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from infolens_localstack.functions.output import LogRecord, RecordParser
from infolens_localstack.processes import kill_session, spawn

_LEASH: Final = Path(__file__).with_name("leash.py")
# SageMaker waits 120 s between SIGTERM and SIGKILL.
STOP_GRACE_SECONDS: Final = float(os.environ.get("SAGEMAKER_STOP_GRACE_SECONDS", "120"))
_LOOK_SECONDS: Final = 0.1
_TAIL_LINES: Final = 40


class Cut(Enum):
    """Why a command was ended from outside."""

    STOPPED = auto()
    MAX_RUNTIME = auto()
    INTERRUPTED = auto()
    """The session was killed by somebody else, its leash too: so an instance ends that is taken away."""


@dataclass(frozen=True)
class Ending:
    """How the command ended: its exit status, what cut it short (None: it ended by itself), its last lines."""

    status: int
    cut: Cut | None
    last_lines: tuple[str, ...]


def interpreter() -> str:
    """Return the Python that jobs run with: SAGEMAKER_PYTHON of the cloud, which stands for the training image."""
    return os.environ.get("SAGEMAKER_PYTHON") or sys.executable


def run_command(  # noqa: PLR0913 (what a job is)
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    max_seconds: float,
    stop: threading.Event,
    log: Callable[[list[LogRecord]], None],
) -> Ending:
    """Run ``command`` to its end, or until ``stop`` is set or ``max_seconds`` have passed: then SIGTERM, then SIGKILL.

    Args:
        command: argument vector; ``python`` and ``python3`` mean the job interpreter.
        environment: the whole environment of the command.
        folder: working directory.
        max_seconds: the stopping condition.
        stop: set by StopTrainingJob or StopProcessingJob.
        log: gets the lines as they are written.
    """
    first = interpreter() if Path(command[0]).name in {"python", "python3"} else command[0]
    read_end, write_end = os.pipe()
    process = spawn([sys.executable, str(_LEASH), first, *command[1:]], environment, folder, write_end)
    os.close(write_end)
    tail: list[str] = []

    def read() -> None:
        parser = RecordParser()
        with os.fdopen(read_end, "rb", buffering=0) as pipe:
            while data := pipe.read(1 << 16):
                deliver(parser.feed(data, time.time_ns() // 1_000_000))
        deliver(parser.flush(time.time_ns() // 1_000_000))

    def deliver(records: list[LogRecord]) -> None:
        tail.extend(record.text for record in records)
        del tail[:-_TAIL_LINES]
        log(records)

    reader = threading.Thread(target=read, name="job-output", daemon=True)
    reader.start()
    deadline = time.monotonic() + max_seconds
    cut: Cut | None = None
    kill_at = float("inf")
    while process.poll() is None:
        now = time.monotonic()
        if cut is None and (stop.is_set() or now >= deadline):
            cut = Cut.STOPPED if stop.is_set() else Cut.MAX_RUNTIME
            kill_at = now + STOP_GRACE_SECONDS
            kill_session(process, signal.SIGTERM)
        elif now >= kill_at:
            kill_session(process)
        time.sleep(_LOOK_SECONDS)
    if cut is None and process.returncode == -signal.SIGKILL:
        cut = Cut.INTERRUPTED  # a killed script alone ends its leash with 128 + 9
    kill_session(process)  # what it left running in the background
    reader.join(timeout=5)
    return Ending(process.returncode, cut, tuple(tail))
