"""Builds and deploys template.yaml with the SAM CLI; the same two commands for AWS and for the embedded cloud."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from infolens_cli.context import CHECKOUT, Target, variables
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SAM = CHECKOUT / ".venvs" / "sam" / "bin" / "sam"
"""SAM CLI has an environment of its own (lock: infra/environments/sam.txt): its pins collide with boto3's."""

PYTORCH_VERSION = "2.9"
PYTHON_VERSION = "py312"
"""Newest pair on Python 3.12 of which AWS keeps a gpu and a cpu image (sagemaker-core 2.27)."""

EMBEDDED_PARAMETERS = {
    # Jobs are processes here: they have no image, and the instance type only has to be a valid one.
    "TrainingImageUri": "embedded/process:latest",
    "ProcessingImageUri": "embedded/process:latest",
    "TrainingInstanceType": "ml.m5.xlarge",
    "ProcessingInstanceType": "ml.m5.xlarge",
    "TrainingProfile": "cpu",
    # Users, their models and the emulator share this machine's processors: more of them would only wait for each other.
    "LoadTestSeconds": "3",
    "LoadTestUsers": "2",
    # Functions run in the interpreter of .venvs/lambda, which is this one's release.
    "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
}

UV = CHECKOUT / ".venv" / "bin" / "uv"
"""Installs the wheels of the layers (layers/*/Makefile)."""

_KEEP_LINES = 40
_EVENT = re.compile(r"^(?:CREATE|UPDATE|DELETE)_COMPLETE\s+(AWS::\S+)\s+(\S+)")


def resolve_images(region: str, training_instance: str, processing_instance: str) -> dict[str, str]:
    """Look up AWS's own PyTorch images for the two kinds of job.

    Raises:
        Trouble: the SageMaker SDK is not installed; it is an extra that only this look-up needs.
    """
    try:
        image_uris = importlib.import_module("sagemaker.core.image_uris")  # an optional extra of 300 MB
    except ImportError as error:
        raise Trouble(
            "the images of the training jobs are not known: the SageMaker SDK is not installed",
            "`.venv/bin/pip install sagemaker-core`, or give --training-image and --processing-image",
        ) from error

    def image(instance: str) -> str:
        return str(
            image_uris.retrieve(
                "pytorch",
                region,
                version=PYTORCH_VERSION,
                py_version=PYTHON_VERSION,
                instance_type=instance,
                image_scope="training",
            )
        )

    return {"TrainingImageUri": image(training_instance), "ProcessingImageUri": image(processing_instance)}


def overrides(parameters: Mapping[str, str]) -> list[str]:
    """Write template parameters as SAM wants them: `ParameterKey=…,ParameterValue="…"` with inner quotes escaped.

    Raises:
        Trouble: a value holds a backslash; SAM's parser has no way to write one that it gives back as it was.
    """
    written = []
    for name, value in sorted(parameters.items()):
        if "\\" in value:
            raise Trouble(f"parameter {name} holds a backslash, which SAM cannot pass on: {value}")
        quoted = value.replace('"', '\\"')
        written.append(f'ParameterKey={name},ParameterValue="{quoted}"')
    return written


def environment(target: Target, env: Mapping[str, str]) -> dict[str, str]:
    """Environment of the SAM CLI: the target, no telemetry, and first the programs of this command's own environment.

    The layers are built with uv, which `make setup` puts beside this command, whether or not somebody activated it.
    """
    chosen = {name: value for name, value in env.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}
    # SAM asks CloudFormation every 5 s by default when it waits for a change set; an embedded one is done in one.
    quick = {"SAM_CLI_POLL_DELAY": "1"} if target.embedded else {}
    if target.embedded:
        chosen["RUNTIME_PYTHON"] = EMBEDDED_PARAMETERS["Runtime"].removeprefix("python")
    path = os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", os.defpath)))
    return {
        **chosen,
        **variables(target, env),
        **quick,
        "PATH": path,
        "SAM_CLI_TELEMETRY": "0",
        "PYTHONUNBUFFERED": "1",
        "UV_SYSTEM_CERTS": "1",  # as in the Makefile: behind a company's proxy uv's own certificates do not do
    }


def describe(line: str) -> str:
    """Turn a line of SAM's output into a short note, "" when it says nothing to a reader."""
    line = line.strip()
    if event := _EVENT.match(line):
        return f"{event[2]} ({event[1].removeprefix('AWS::')})"
    if line.startswith(("Building ", "Running ", "Build Succeeded", "Waiting for", "Successfully ", "Initiating")):
        return line
    return ""


def run_sam(
    arguments: Sequence[str], *, env: Mapping[str, str], note: Callable[[str], None], checkout: Path = CHECKOUT
) -> None:
    """Run one SAM command and pass on what it is doing.

    Raises:
        Trouble: SAM is not there, or failed; the trouble ends with its last lines.
    """
    sam = checkout / SAM.relative_to(CHECKOUT)
    if not sam.exists():
        raise Trouble(f"the SAM CLI is missing ({sam})", "`make setup` installs it")
    tail: deque[str] = deque(maxlen=_KEEP_LINES)
    with subprocess.Popen(
        [str(sam), *arguments],
        cwd=checkout,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            for line in process.stdout or ():
                tail.append(line.rstrip())
                if said := describe(line):
                    note(said)
        except BaseException:
            process.terminate()  # Ctrl-C: a deployment that nobody waits for would go on changing the stack
            raise
    if process.returncode:
        shown = "\n    ".join(line for line in tail if line)
        raise Trouble(f"sam {arguments[0]} failed (exit code {process.returncode}):\n    {shown}")


def build(target: Target, note: Callable[[str], None], env: Mapping[str, str] = os.environ) -> None:
    """Build functions and layers into .aws-sam/; samconfig.toml says how."""
    run_sam(["build"], env=environment(target, env), note=note)


def deploy(
    target: Target, parameters: Mapping[str, str], note: Callable[[str], None], env: Mapping[str, str] = os.environ
) -> None:
    """Deploy what was built; packages go to a bucket that SAM makes and keeps for them."""
    arguments = [
        "deploy",
        *("--stack-name", target.stack),
        *("--region", target.region),
        *("--capabilities", "CAPABILITY_IAM"),
        "--resolve-s3",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--no-progressbar",
    ]
    if parameters:
        arguments += ["--parameter-overrides", *overrides(parameters)]
    run_sam(arguments, env=environment(target, env), note=note)
