"""Script mode, as the sagemaker-training toolkit does it: which program, which arguments, which SM_* variables. Pure.

https://github.com/aws/sagemaker-training-toolkit (environment.py, mapping.py)
"""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_TOOLKIT: Final = "sagemaker_"


def decoded(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the hyperparameters with JSON values decoded; the SDK encodes each, people often do not."""
    return {name: _decode(value) for name, value in hyperparameters.items()}


def user_hyperparameters(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that are for the program, not for the toolkit."""
    return {name: value for name, value in hyperparameters.items() if not name.startswith(_TOOLKIT)}


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return ``--name value`` for each hyperparameter, sorted by name; one-letter names get one dash."""
    words = []
    for name, value in sorted(hyperparameters.items()):
        words += [f"-{name}" if len(name) == 1 else f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    return words


def variables(  # noqa: PLR0913 (what the toolkit knows of a job)
    root: Path,
    *,
    job_name: str,
    program: str,
    hyperparameters: Mapping[str, Any],
    channels: Mapping[str, Mapping[str, Any]],
    module_uri: str,
    gpus: int,
) -> dict[str, str]:
    """Return the SM_* variables of a job of one instance.

    Args:
        root: the folder that stands for /opt/ml.
        job_name: TrainingJobName.
        program: the script that runs.
        hyperparameters: those for the program, decoded.
        channels: channel name to its input configuration.
        module_uri: where the code came from.
        gpus: number of GPUs.
    """
    cpus = os.cpu_count() or 1
    resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
    words = arguments(hyperparameters)
    plain: dict[str, Any] = {
        "SM_CHANNELS": sorted(channels),
        "SM_CURRENT_HOST": "algo-1",
        "SM_FRAMEWORK_PARAMS": {},
        "SM_HOSTS": ["algo-1"],
        "SM_HPS": dict(hyperparameters),
        "SM_INPUT_CONFIG_DIR": f"{root}/input/config",
        "SM_INPUT_DATA_CONFIG": {name: dict(configuration) for name, configuration in channels.items()},
        "SM_INPUT_DIR": f"{root}/input",
        "SM_LOG_LEVEL": 20,
        "SM_MODEL_DIR": f"{root}/model",
        "SM_MODULE_DIR": module_uri,
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_NUM_CPUS": cpus,
        "SM_NUM_GPUS": gpus,
        "SM_OUTPUT_DATA_DIR": f"{root}/output/data",
        "SM_OUTPUT_DIR": f"{root}/output",
        "SM_OUTPUT_INTERMEDIATE_DIR": f"{root}/output/intermediate",
        "SM_RESOURCE_CONFIG": resources,
        "SM_USER_ARGS": words,
        "SM_USER_ENTRY_POINT": program,
    }
    plain["SM_TRAINING_ENV"] = {
        "channel_input_dirs": {name: f"{root}/input/data/{name}" for name in channels},
        "current_host": "algo-1",
        "hosts": ["algo-1"],
        "hyperparameters": dict(hyperparameters),
        "job_name": job_name,
        "model_dir": f"{root}/model",
        "num_cpus": cpus,
        "num_gpus": gpus,
        "output_data_dir": f"{root}/output/data",
        "user_entry_point": program,
    }
    plain |= {f"SM_CHANNEL_{name.upper()}": f"{root}/input/data/{name}" for name in channels}
    plain |= {f"SM_HP_{name.upper()}": value for name, value in hyperparameters.items()}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in plain.items()}


def failure_text(command: Sequence[str], status: int, last_lines: Sequence[str]) -> str:
    """Return what the toolkit writes to /opt/ml/output/failure when the program fails."""
    traceback = [number for number, line in enumerate(last_lines) if line.startswith("Traceback (most recent call")]
    message = "\n".join(last_lines[traceback[-1] :]) if traceback else ""
    return f'ExecuteUserScriptError:\nExitCode {status}\nErrorMessage "{message}"\nCommand "{shlex.join(command)}"'


def _decode(value: str) -> Any:  # noqa: ANN401 (JSON)
    try:
        return json.loads(value)
    except ValueError:
        return value
