"""Starts every process of the cloud (functions, jobs) so that none outlives it, however it ends.

Each process starts a session of its own, carries the mark of its cloud in its environment (`infolens down` finds the
marked ones), and holds the read end of the *lifeline*: a pipe whose only write end lies in the cloud's process. When
the cloud dies, kill -9 included, the pipe reports its end, and the wrapper that reads it kills the session.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

MARK: Final = "INFOLENS_CLOUD_MARK"
LIFELINE: Final = "INFOLENS_LIFELINE_FD"

_lifeline_read, _lifeline_write = os.pipe()  # not inheritable: a child gets the read end by name, never the write end
_running: set["subprocess.Popen[bytes]"] = set()
_lock = threading.Lock()


def spawn(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    output: int | IO[bytes],
    more_descriptors: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start ``command`` in ``folder`` with exactly ``environment`` (and the mark and the lifeline).

    Args:
        command: argument vector; its program must read the lifeline (bootstrap.py and leash.py do).
        environment: the whole environment: nothing of the cloud's own is inherited.
        folder: working directory.
        output: where standard output and standard error go.
        more_descriptors: descriptors that the process inherits under their own numbers.
    """
    marked = {**environment, MARK: os.environ.get(MARK, "unmarked"), LIFELINE: str(_lifeline_read)}
    process = subprocess.Popen(
        list(command),
        env=marked,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        pass_fds=(_lifeline_read, *more_descriptors),
    )
    with _lock:
        _running.difference_update([ended for ended in _running if ended.returncode is not None])
        _running.add(process)
    return process


def kill_session(process: "subprocess.Popen[bytes]", signal_number: int = signal.SIGKILL) -> None:
    """Signal the process and all it started; no error if they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal_number)


def end_all() -> None:
    """Kill every session that is still there."""
    with _lock:
        remaining = list(_running)
        _running.clear()
    for process in remaining:
        kill_session(process)
