"""Opens ONNX models with as many threads as the process really has cores for."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import onnxruntime

if TYPE_CHECKING:
    from collections.abc import Mapping

_MB_PER_CPU = 1769
"""Lambda gives one full vCPU at this memory size, and in proportion to it
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""

_HARMFUL = ("SkipLayerNormFusion",)
"""Optimisations that make models slower: the fused kernel adds and normalises one number after the other, 0.42 ms for
128 tokens of 768 numbers where the two kernels that it replaces take 0.05 (ADR 0018)."""

_CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def cpu_share(env: Mapping[str, str], cores: int, cgroup: Path = _CGROUP_CPU_MAX) -> int:
    """Say how many threads are worth starting: at least one, and never more than the share of the machine.

    More threads than CPU share make each operator wait for a thread that is not scheduled.

    Args:
        env: the environment; AWS_LAMBDA_FUNCTION_MEMORY_SIZE (MB) is there in a Lambda function.
        cores: cores that the process may run on.
        cgroup: the version 2 quota file of a container, "<microseconds or max> <period>"; it may be missing.
    """
    shares = [float(cores)]
    if memory := env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""):
        shares.append(int(memory) / _MB_PER_CPU)
    if cgroup.is_file():
        quota, _, period = cgroup.read_text().partition(" ")
        if quota != "max":
            shares.append(int(quota) / int(period))
    return max(1, math.ceil(min(shares) - 0.25))  # a quarter of a core more is not worth another thread


def owns_processors(env: Mapping[str, str], threads: int) -> bool:
    """Say whether so many threads have a processor each that nobody else uses: those of a Lambda function.

    Args:
        env: the environment, as for `cpu_share`.
        threads: more than one.
    """
    memory = env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return threads > 1 and bool(memory) and int(memory) >= threads * _MB_PER_CPU


def usable_cores() -> int:
    """Cores that the scheduler lets this process run on."""
    return len(os.sched_getaffinity(0))


def kernels() -> Path | None:
    """Find the library that computes the operators of the domain "infolens" (ADR 0025).

    None without one, as on other processors than x86_64: onnxruntime then runs the functions that a model brings.
    """
    try:
        from infolens_kernels import LIBRARY  # noqa: PLC0415 - a part of the inference layer that may be missing
    except ImportError:
        return None
    return cast("Path", LIBRARY)


def open_session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a model for CPU inference.

    Args:
        model: an .onnx file whose digest has been checked.
        threads: threads within one operator, see `cpu_share`.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL  # a classifier's graph has no parallel branches
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    if owns_processors(os.environ, threads):
        # Between two operators a second thread waits for some microseconds: waking it takes longer than many an
        # operator. After an answer it sleeps.
        options.add_session_config_entry("session.force_spinning_stop", "1")
    else:
        # A spinning thread burns the CPU share that somebody else on this machine needs, the answer's own among them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if library := kernels():
        options.register_custom_ops_library(str(library))
    options.log_severity_level = 3  # errors; Lambda's sandbox has no /sys/devices/system/cpu and warns on every start
    return onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(_HARMFUL)
    )
