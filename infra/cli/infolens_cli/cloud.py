"""Starts, stops and looks at the embedded cloud: one detached process, and all that it starts.

Knows nothing of LocalStack but how to start it, so that it can be imported where LocalStack is not installed. The
cloud keeps nothing between two starts: `stop` kills it and everything it started, and removes its folder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT: Final = Path(__file__).resolve().parents[3]
DEFAULT_PORT: Final = 4566
_MARK: Final = "INFOLENS_CLOUD_MARK"  # infra/localstack/infolens_localstack/processes.py passes it on
_RECORD: Final = "cloud.json"
_LOG: Final = "cloud.log"
_START_SECONDS: Final = 90.0
_GONE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1
_TAIL_LINES: Final = 20


class CloudError(Exception):
    """The cloud cannot be started or stopped; the message says why and what to do."""


class AlreadyRunningError(CloudError):
    """This folder's cloud runs already."""

    def __init__(self, running: Running) -> None:
        super().__init__(
            f"the embedded cloud already runs at {running.endpoint_url} (pid {running.pid}); `infolens down` stops it"
        )
        self.running = running


@dataclass(frozen=True)
class Running:
    """A cloud that runs."""

    pid: int
    """Process that serves."""
    born: str
    """When that process began, as its system says it; tells it from a later process with the same number."""
    port: int
    state_dir: str

    @property
    def endpoint_url(self) -> str:
        """What goes into AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """What the cloud writes."""
        return Path(self.state_dir) / _LOG


@dataclass(frozen=True)
class Interpreters:
    """The Python programs of the cloud, each with an environment of its own."""

    cloud: Path = CHECKOUT / ".venvs" / "cloud" / "bin" / "python"
    """Runs LocalStack."""
    functions: Path = CHECKOUT / ".venvs" / "lambda" / "bin" / "python"
    """Runs Lambda functions: boto3 and the runtime client, nothing else."""
    jobs: Path = Path(sys.executable)
    """Runs training and processing jobs; stands for SageMaker's images."""

    def check(self) -> None:
        """Raise CloudError when one is missing."""
        for path in (self.cloud, self.functions, self.jobs):
            if not path.exists():
                raise CloudError(f"{path} is missing: `make setup` makes the environments")


def chosen_port(env: Mapping[str, str]) -> int:
    """Return the port from INFOLENS_CLOUD_PORT, else 4566.

    Raises:
        CloudError: It is not a port number.
    """
    text = env.get("INFOLENS_CLOUD_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise CloudError(f"INFOLENS_CLOUD_PORT is {text!r}; it must be a number from 1024 to 65535")
    return int(text)


def start(
    state_dir: Path,
    port: int | None = None,
    *,
    interpreters: Interpreters | None = None,
    settings: Mapping[str, str] | None = None,
    limit_seconds: float = _START_SECONDS,
) -> Running:
    """Start the cloud on the loopback interface and return once it answers.

    Args:
        state_dir: Folder of its own; made here, removed by `stop`.
        port: Where it listens; None takes INFOLENS_CLOUD_PORT or 4566.
        interpreters: The Python programs; None takes those that `make setup` makes.
        settings: More environment variables for LocalStack, such as ``{"LS_LOG": "debug"}``.
        limit_seconds: How long it may take to answer.

    Raises:
        AlreadyRunningError: This folder's cloud runs.
        CloudError: The port is taken, an environment is missing, or the process died; the message tells.
    """
    programs = interpreters or Interpreters()
    programs.check()
    state_dir = state_dir.resolve()
    at = chosen_port(os.environ) if port is None else port
    _refuse_second(state_dir)
    _refuse_taken_port(at)
    with _starting(state_dir):
        _refuse_second(state_dir)  # another start may just have finished
        _end_processes(_mark(state_dir))  # a cloud that was killed may have left some
        for name in ("tmp", "home"):
            (state_dir / name).mkdir(exist_ok=True)
        with (state_dir / _LOG).open("wb") as log:
            process = subprocess.Popen(
                [str(programs.cloud), "-m", "localstack.runtime.main"],
                env=_environment(state_dir, at, programs, settings or {}),
                cwd=state_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running = Running(process.pid, _born(process.pid), at, str(state_dir))
        (state_dir / _RECORD).write_text(json.dumps(asdict(running)), "utf-8")
        try:
            _wait_until_it_answers(process, running, limit_seconds)
        except BaseException:
            _end_processes(_mark(state_dir))
            process.wait()
            (state_dir / _RECORD).unlink(missing_ok=True)
            raise
    return running


def status(state_dir: Path) -> Running | None:
    """Return the cloud of this folder, or None when none runs (a record that outlived its process counts as none)."""
    try:
        running = Running(**json.loads((state_dir.resolve() / _RECORD).read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return running if running.born and _born(running.pid) == running.born else None


def stop(state_dir: Path) -> bool:
    """End the cloud, its functions and its jobs, and remove its folder; return whether anything was there.

    Works as well after the cloud itself was killed. There is nothing to save, so nothing is asked to end gently.

    Raises:
        CloudError: A process could not be ended.
    """
    state_dir = state_dir.resolve()
    ended = _end_processes(_mark(state_dir))
    ours = (state_dir / _RECORD).exists() or (state_dir / _LOG).exists()
    if ours:
        shutil.rmtree(state_dir)
    return ended or ours


def _environment(state_dir: Path, port: int, programs: Interpreters, settings: Mapping[str, str]) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in ("PATH", "LANG", "LS_LOG", "DEBUG") if name in os.environ}
    return {
        "LS_LOG": "warning",  # one line per request costs more than some requests
        **passed_on,
        "HOME": str(state_dir / "home"),
        "TMPDIR": str(state_dir / "tmp"),
        _MARK: _mark(state_dir),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(state_dir),
        # Nothing from the network: no certificate, no telemetry, no name server.
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_PYTHON": str(programs.functions),
        "LAMBDA_KEEPALIVE_MS": "300000",
        "SAGEMAKER_PYTHON": str(programs.jobs),
        "PROVIDER_OVERRIDE_CLOUDWATCH": "infolens",
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "PROVIDER_OVERRIDE_LAMBDA": "infolens",
        **settings,
    }


def _mark(state_dir: Path) -> str:
    """Return what every process of this folder's cloud carries in its environment."""
    return hashlib.sha256(str(state_dir).encode()).hexdigest()[:24]


@contextlib.contextmanager
def _starting(state_dir: Path) -> Iterator[None]:
    """Let one start at a time into the folder, which must be new, empty, or a cloud's."""
    state_dir.mkdir(parents=True, exist_ok=True)
    known = {_RECORD, _LOG, "start.lock"}
    names = {path.name for path in state_dir.iterdir()}
    if names and not names & known:
        raise CloudError(f"{state_dir} holds other files; the cloud needs a folder of its own")
    with (state_dir / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CloudError(f"another start is under way in {state_dir}") from error
        yield


def _wait_until_it_answers(process: subprocess.Popen[bytes], running: Running, limit_seconds: float) -> None:
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CloudError(
                f"the embedded cloud ended while it started (exit status {process.returncode}). Its last lines:\n"
                f"{_tail(running.log_file)}"
            )
        if answers(running):
            return
        time.sleep(_LOOK_SECONDS)
    raise CloudError(
        f"the embedded cloud did not answer within {limit_seconds:.0f} s. Its last lines:\n{_tail(running.log_file)}"
    )


def answers(running: Running) -> bool:
    """Return whether the cloud answers its health check."""
    request = urllib.request.Request(f"{running.endpoint_url}/_localstack/health")  # noqa: S310 (loopback, http)
    try:
        # No proxy: HTTP_PROXY of a company network must not see loopback traffic.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:]
    return "\n".join(f"  {line[:300]}" for line in lines)


def _refuse_second(state_dir: Path) -> None:
    running = status(state_dir)
    if running is not None:
        raise AlreadyRunningError(running)


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise CloudError(
                f"port {port} is taken by {_holder(port)}; end that, or choose another port with INFOLENS_CLOUD_PORT"
            ) from error


def _holder(port: int) -> str:
    """Return who listens on the port, in words."""
    pid = _listening_pid(port)
    if pid is None:
        return "another process"
    command = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return f"pid {pid} ({command.stdout.strip()[:200] or 'unknown command'})"


def _listening_pid(port: int) -> int | None:
    if Path("/proc/net/tcp").exists():
        inodes = set()
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with contextlib.suppress(FileNotFoundError):
                for line in Path(table).read_text().splitlines()[1:]:
                    fields = line.split()
                    if int(fields[1].rsplit(":", 1)[1], 16) == port and fields[3] == "0A":  # 0A: listening
                        inodes.add(f"socket:[{fields[9]}]")
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if any(str(descriptor.readlink()) in inodes for descriptor in (process / "fd").iterdir()):
                    return int(process.name)
        return None
    with contextlib.suppress(FileNotFoundError):
        command = ["lsof", "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        return int(found[0]) if found else None
    return None


def _born(pid: int) -> str:
    """Return when the process began ("" when there is none, or it is dead and only not yet reaped)."""
    try:
        # The command (field 2) may hold spaces and brackets; what follows its last bracket is regular.
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return ""
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip()
    return "" if fields[0] == "Z" else fields[19]


def _marked(mark: str) -> list[int]:
    """Return the processes that carry the mark in their environment."""
    wanted = f"{_MARK}={mark}"
    if Path("/proc/self/environ").exists():
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if wanted.encode() in (process / "environ").read_bytes().split(b"\0") and _born(int(process.name)):
                    found.append(int(process.name))
    else:
        shown = subprocess.run(["ps", "-Ewwax", "-o", "pid=,command="], capture_output=True, text=True, check=False)
        found = [int(line.split()[0]) for line in shown.stdout.splitlines() if wanted in line.split()]
    return [pid for pid in found if pid != os.getpid()]


def _end_processes(mark: str) -> bool:
    """Kill every process with the mark and wait until none is left; return whether there was one."""
    deadline = time.monotonic() + _GONE_SECONDS
    any_found = False
    while found := _marked(mark):
        any_found = True
        if time.monotonic() > deadline:
            raise CloudError(f"these processes of the embedded cloud do not end: {found}")
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)
    return any_found
