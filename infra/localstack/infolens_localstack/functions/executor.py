"""The `process` Lambda executor: what LocalStack asks of a runtime, answered with processes as Lambda would answer.

Never raises for what a function does wrong: a failed initialisation, a timeout, a crash and too much memory are all
results with an error document, and the next invocation starts afresh in the same environment.
"""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from infolens_localstack.cloudwatch_sink import LogStream, ship
from infolens_localstack.functions.code import layers_root, refuse_if_too_large, task_root
from infolens_localstack.functions.environment import EnvironmentProcess, FunctionFolders, MemoryWatch
from infolens_localstack.functions.invocation_metrics import invocation_metrics
from infolens_localstack.functions.output import LogRecord
from infolens_localstack.functions.runtime_api import Answered, Exited, InitFailed, Invocation, Ready

_INIT_SECONDS: Final = 10.0  # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
_MAX_ANSWER_BYTES: Final = 6_291_556  # six MB and what AWS allows on top
_TAIL_BYTES: Final = 4096
_memory_watch: Final = MemoryWatch()


@dataclass
class Outcome:
    """How one invocation ended."""

    payload: bytes
    is_error: bool
    status: str = ""
    keep: bool = True
    lines: list[str] = field(default_factory=list)


class ProcessExecutor(RuntimeExecutor):
    """One execution environment of one function version."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002 (LocalStack's name)
        super().__init__(id, function_version)
        self._environment: EnvironmentProcess | None = None
        self._variables: dict[str, str] = {}
        self._folders: FunctionFolders | None = None
        self._init_ms: float | None = None
        self._init_outcome: Outcome | None = None

    # What LocalStack calls.

    def start(self, env_vars: Mapping[str, object]) -> None:
        """Start and initialise the process; a failure is told by the first invocation, as on AWS."""
        self._variables = {name: str(value) for name, value in env_vars.items() if not name.startswith("LOCALSTACK_")}
        self._variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{self.function_version.config.runtime}"
        scratch = Path(config.dirs.tmp) / "functions" / self.id
        scratch.mkdir(parents=True, exist_ok=True)
        self._folders = FunctionFolders(task_root(self.function_version), layers_root(self.function_version), scratch)
        self._init_outcome = self._initialise(_INIT_SECONDS)
        if self._init_outcome is not None and self._init_outcome.status == "timeout":
            # Lambda cuts an initialisation at ten seconds and repeats it inside the first invocation.
            self._init_outcome = None

    def stop(self) -> None:
        """End the process and drop its private /tmp."""
        if self._environment is not None:
            self._environment.kill()
            self._environment = None
        if self._folders is not None:
            shutil.rmtree(self._folders.scratch, ignore_errors=True)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run one event and return the function's answer with its last log lines."""
        request_id, arn = payload["invoke-id"], payload["invoked-function-arn"]
        settings = self.function_version.config
        began = time.perf_counter()
        deadline = began + settings.timeout
        outcome, self._init_outcome = self._init_outcome, None
        if outcome is None:
            outcome = self._run(
                Invocation(
                    request_id=request_id,
                    payload=payload["payload"].encode(),
                    function_arn=arn,
                    trace_id=payload["trace-id"],
                    deadline_ms=time.time_ns() // 1_000_000 + settings.timeout * 1000,
                ),
                deadline,
            )
        duration_ms = (time.perf_counter() - began) * 1000
        init_ms, self._init_ms = self._init_ms, None
        records = self._records(request_id, outcome, duration_ms, init_ms, payload["trace-id"])
        if not outcome.keep:
            self._discard()
        version = self.function_version.id
        stream = LogStream(
            version.account,
            version.region,
            self._variables["AWS_LAMBDA_LOG_GROUP_NAME"],
            self._variables["AWS_LAMBDA_LOG_STREAM_NAME"],
        )
        ship(stream, records, invocation_metrics(version, arn, duration_ms, is_error=outcome.is_error))
        tail = "".join(f"{record.text}\n" for record in records)[-_TAIL_BYTES:]
        return InvocationResult(request_id, outcome.payload, outcome.is_error, logs=tail)

    def get_address(self) -> str:
        """Return where the process is."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Return where the process finds the cloud."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Return nothing of use: the Runtime API is the environment's own, not a route of LocalStack."""
        return ""

    def get_logs(self) -> str:
        """Return what was written and not yet taken, for LocalStack's own warnings."""
        return "" if self._environment is None else "\n".join(r.text for r in self._environment.take_output())

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack code and layers when a version is created, not in its first invocation."""
        refuse_if_too_large(function_version)
        layers_root(function_version)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leave the code on the disk: versions share it, and LocalStack itself destroys what no version uses.

        An update ends the old $LATEST some time after it was told to be done. Dropped here, the code would vanish from
        under the versions that were published meanwhile, or run: Failed for ever, at random.
        """

    # One life of the process.

    def _initialise(self, limit_seconds: float) -> Outcome | None:
        """Start a process; None when it is ready, else how its initialisation failed."""
        assert self._folders is not None
        settings = self.function_version.config
        began = time.perf_counter()
        environment = EnvironmentProcess(self._variables, self._folders, settings.memory_size)
        self._environment = environment
        with _memory_watch.over(environment):
            event = environment.next_event(limit_seconds)
        self._init_ms = (time.perf_counter() - began) * 1000
        match event:
            case Ready():
                return None
            case InitFailed(payload):
                return Outcome(payload, is_error=True, status="error", keep=False)
            case Exited(status):
                return _exited(status)
            case _:
                self._discard()
                return Outcome(b"", is_error=True, status="timeout", keep=False)

    def _run(self, invocation: Invocation, deadline: float) -> Outcome:
        if self._environment is None or not self._environment.alive:
            failed = self._initialise(deadline - time.perf_counter())
            if failed is not None:
                return failed if failed.status != "timeout" else self._timed_out(invocation.request_id)
        environment = self._environment
        assert environment is not None
        environment.offer(invocation)
        with _memory_watch.over(environment):
            event = environment.next_event(deadline - time.perf_counter())
        match event:
            case Answered(_, payload, is_error):
                if len(payload) > _MAX_ANSWER_BYTES:
                    return Outcome(_too_large(), is_error=True)
                return Outcome(payload, is_error, "error" if is_error else "")
            case Exited(status):
                return _exited(status, invocation.request_id)
            case _:
                return self._timed_out(invocation.request_id)

    def _timed_out(self, request_id: str) -> Outcome:
        seconds = self.function_version.config.timeout
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        message = (
            f"{now}.{time.time_ns() // 1_000_000 % 1000:03d}Z {request_id} Task timed out after {seconds:.2f} seconds"
        )
        document = {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds",
        }
        return Outcome(json.dumps(document).encode(), is_error=True, status="timeout", keep=False, lines=[message])

    def _discard(self) -> None:
        if self._environment is not None:
            self._environment.kill()
            self._environment = None

    def _records(
        self, request_id: str, outcome: Outcome, duration_ms: float, init_ms: float | None, trace_id: str
    ) -> list[LogRecord]:
        environment, settings = self._environment, self.function_version.config
        peak = min(environment.peak_memory_mb, settings.memory_size) if environment else 0
        written = environment.take_output() if environment else []
        now = time.time_ns() // 1_000_000
        billed = -(-duration_ms // 1)
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed:.0f} ms\t"
            f"Memory Size: {settings.memory_size} MB\tMax Memory Used: {peak} MB\t"
        )
        if init_ms is not None:
            report += f"Init Duration: {init_ms:.2f} ms\t"
        report += f"XRAY TraceId: {trace_id.split(';', maxsplit=1)[0].removeprefix('Root=')}\t"
        if outcome.status:
            report += f"Status: {outcome.status}"
        start = LogRecord(
            now - round(duration_ms), f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}"
        )
        after = [*outcome.lines, f"END RequestId: {request_id}", report]
        return [start, *written, *(LogRecord(now, line) for line in after)]


def _exited(status: int, request_id: str = "") -> Outcome:
    how = "signal: killed" if status < 0 else f"exit status {status}"
    document = {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: {how}",
    }
    return Outcome(json.dumps(document).encode(), is_error=True, status="error", keep=False)


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({_MAX_ANSWER_BYTES} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()
