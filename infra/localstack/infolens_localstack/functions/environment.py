"""One execution environment: a process with the clean interpreter, its Runtime API, its output, its memory limit."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import psutil

from infolens_localstack.functions.output import LogRecord, OutputPipe
from infolens_localstack.functions.runtime_api import Event, Exited, Invocation, RuntimeApi
from infolens_localstack.processes import kill_session, spawn

_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")
_MEBIBYTE: Final = 1 << 20
_MEMORY_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True)
class FunctionFolders:
    """Where an environment finds its code: /var/task, /opt (None without layers) and a private /tmp."""

    task: Path
    layers: Path | None
    scratch: Path


class EnvironmentProcess:
    """Runs from creation until `kill`; tell it to work with `offer`, hear of it with `next_event`."""

    def __init__(self, variables: Mapping[str, str], folders: FunctionFolders, memory_mb: int) -> None:
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._api = RuntimeApi(self._events)
        self._output = OutputPipe()
        self._memory_limit = memory_mb * _MEBIBYTE
        self._peak = 0
        environment = {
            **_with_folders(variables, folders),
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "_LAMBDA_TELEMETRY_LOG_FD": str(self._output.write_end),
        }
        interpreter = os.environ.get("LAMBDA_PYTHON", sys.executable)
        self.process = spawn(
            [interpreter, "-s", str(_BOOTSTRAP)],
            environment,
            folders.task,
            self._output.write_end,
            (self._output.write_end,),
        )
        self._output.start()
        self._memory = psutil.Process(self.process.pid)
        threading.Thread(target=self._wait_for_end, name="function-end", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.returncode is None

    @property
    def peak_memory_mb(self) -> int:
        """Most memory it was seen to hold, in MB, rounded up."""
        self.look_at_memory()
        return -(-self._peak // _MEBIBYTE)

    def offer(self, invocation: Invocation) -> None:
        """Hand it an invocation."""
        self._api.offer(invocation)

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Return what happens next, or None when nothing did within the time."""
        try:
            return self._events.get(timeout=max(timeout_seconds, 0.0))
        except Empty:
            return None

    def take_output(self) -> list[LogRecord]:
        """Return what it logged since the last call."""
        return self._output.take()

    def kill(self) -> None:
        """End it, with all that it started."""
        kill_session(self.process)
        self._api.close()

    def look_at_memory(self) -> None:
        """Note how much memory the process holds, and kill it past its limit, as Lambda does."""
        try:
            self._peak = max(self._peak, self._memory.memory_info().rss)
        except psutil.Error:
            return  # it ended between two looks
        if self._peak > self._memory_limit:
            kill_session(self.process)

    def _wait_for_end(self) -> None:
        self._events.put(Exited(self.process.wait()))
        self._api.close()


class MemoryWatch:
    """Looks at the memory of environments while they work; idle ones cannot grow, and cost nothing."""

    def __init__(self) -> None:
        self._working: set[EnvironmentProcess] = set()
        self._changed = threading.Condition()
        threading.Thread(target=self._look_forever, name="function-memory", daemon=True).start()

    @contextlib.contextmanager
    def over(self, environment: EnvironmentProcess) -> Iterator[None]:
        """Watch ``environment`` inside the block."""
        with self._changed:
            self._working.add(environment)
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._working.discard(environment)

    def _look_forever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._working)
                working = list(self._working)
            for environment in working:
                environment.look_at_memory()
            time.sleep(_MEMORY_LOOK_SECONDS)


def _with_folders(variables: Mapping[str, str], folders: FunctionFolders) -> dict[str, str]:
    layers = folders.layers
    layer_paths = (
        [str(layers / "python" / "lib" / "python3.11" / "site-packages"), str(layers / "python")] if layers else []
    )
    search = [variables["PYTHONPATH"]] if "PYTHONPATH" in variables else []
    return {
        "LANG": "en_US.UTF-8",
        "PATH": os.pathsep.join([*([str(layers / "bin")] if layers else []), "/usr/local/bin", "/usr/bin", "/bin"]),
        **variables,
        "LAMBDA_TASK_ROOT": str(folders.task),
        "PYTHONPATH": os.pathsep.join([*search, *layer_paths]),
        "LD_LIBRARY_PATH": os.pathsep.join([str(folders.task), *([str(layers / "lib")] if layers else [])]),
        # Lambda's code folders are read-only, so no byte code is ever written beside the code.
        "PYTHONPYCACHEPREFIX": str(folders.scratch.parent / "bytecode"),
        "HOME": str(folders.scratch),
        "TMPDIR": str(folders.scratch),
    }
