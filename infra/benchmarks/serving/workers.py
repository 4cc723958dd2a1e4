"""Starts one process for each engine, asks them over pipes, and ends them, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cases import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from cases import Engine

WORKER = Path(__file__).resolve().parent / "worker.py"
WITHOUT_AMX = WORKER.with_name("without_amx.py")


class EngineFailedError(RuntimeError):
    """An engine could not be loaded or did not answer; the message is its own reason."""


def environment(engine: Engine, threads: int, outside: Mapping[str, str]) -> dict[str, str]:
    """Say what an engine's process sees: the same number of threads for all, and the project's code for ours alone."""
    kept = {name: value for name, value in outside.items() if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    named = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    same = dict.fromkeys(named, str(threads)) | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    quiet = {"CT2_VERBOSE": "-2", "TRANSFORMERS_VERBOSITY": "error", "PYTHONWARNINGS": "ignore"}
    # Ours reads from its environment whose the processors are: a Lambda function's with one for each thread.
    ours = {"PYTHONPATH": str(ROOT / "layers" / "platform"), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(1769 * threads)}
    return kept | same | quiet | ({} if engine.environment else ours)


class Worker:
    """One engine's process; `loaded` is what it said of itself."""

    def __init__(self, engine: Engine, model: str, folder: Path, threads: int, *, amx: bool = True) -> None:
        """Start the process, with the processor's AMX or as if it had none, and wait until it has loaded.

        Raises:
            EngineFailedError: it could not.
        """
        self.engine = engine
        if not engine.python.exists():
            raise EngineFailedError(f"no environment {engine.python.parents[1].name}: `make bench-peers` makes it")
        hidden = () if amx else (str(engine.python), str(WITHOUT_AMX))
        command = [
            *hidden,
            str(engine.python),
            str(WORKER),
            engine.module,
            engine.variant,
            model,
            str(folder),
            str(threads),
        ]
        self._process = subprocess.Popen(
            command,
            env=environment(engine, threads, os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.loaded = self._heard()
        except EngineFailedError:
            self.close()
            raise

    def ask(self, question: dict[str, object]) -> dict[str, Any]:
        """Put a question and wait for the answer.

        Raises:
            EngineFailedError: it failed over it.
        """
        if self._process.stdin is None:
            raise AssertionError("started without a pipe")
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EngineFailedError("ended before its answer") from error
        return self._heard()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        """Give the worker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def _heard(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise AssertionError("started without a pipe")
        line = self._process.stdout.readline()
        if not line:
            raise EngineFailedError("ended without a word (killed, or short of memory)")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise EngineFailedError(str(said["error"]).splitlines()[0][:200])
        return said
