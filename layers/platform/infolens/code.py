"""Names the code that a model comes from, and packs it the way SageMaker's script mode wants it."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import re
import tarfile
from pathlib import Path

import infolens

MAX_RUN_NAME = 51
"""A SageMaker job name has 63 characters; `-evaluate-` and an attempt of two digits are added to a run's name."""

_NO_SOURCE = {".pyc", ".md"}  # bytecode differs from machine to machine, prose changes no model


class SourcesMissingError(RuntimeError):
    """The sources of the training jobs do not lie where the layer or the checkout has them."""


def places() -> tuple[Path, Path]:
    """Find the package and the training jobs, in the Lambda layer (side by side) or in the checkout.

    Raises:
        SourcesMissingError: the training jobs are in neither place; the message names both.
    """
    package = Path(infolens.__file__).parent
    candidates = (package.parent / "training_jobs", package.parents[2] / "training_jobs")
    for jobs in candidates:
        if (jobs / "train.py").is_file():
            return package, jobs
    raise SourcesMissingError(f"no train.py in {' or '.join(str(path) for path in candidates)}")


def sources(package: Path, jobs: Path) -> dict[str, bytes]:
    """Read the files that a training run is made of -> name in the archive -> content, sorted by name.

    The job scripts and requirements.txt lie at the root, the package beside them as `infolens/`.
    """
    found = {path.name: path for path in jobs.iterdir() if path.suffix == ".py" or path.name == "requirements.txt"}
    found |= {f"infolens/{path.relative_to(package).as_posix()}": path for path in package.rglob("*")}
    return {name: path.read_bytes() for name, path in sorted(found.items()) if _is_source(path)}


def version_of(files: dict[str, bytes]) -> str:
    """Give the code version of some sources: the first 12 hex digits over all names and contents."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:12]


def archive(files: dict[str, bytes]) -> bytes:
    """Pack sources as tar.gz; equal sources give equal bytes (sorted, no times, no owners)."""
    buffer = io.BytesIO()
    # The gzip header carries a time and the tar entries another; both are 1970 here.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@functools.cache
def code_version() -> str:
    """Return the code version of the running sources.

    Raises:
        SourcesMissingError: see `places`.
    """
    return version_of(sources(*places()))


def training_name(task: str, dataset_id: str, code: str, again: str = "") -> str:
    """Name the training run of a dataset with a code version: the same pair gives the same name, so it runs once.

    Args:
        task: name of the task.
        dataset_id: the whole id; its first 12 characters go into the name.
        code: code version.
        again: up to 4 letters or digits, for an operator who wants the same pair trained once more.

    Returns:
        At most MAX_RUN_NAME characters that Step Functions takes as an execution name.
    """
    name = f"{task[:20]}-{dataset_id[:12]}-{code[:12]}{f'-{again[:4]}' if again else ''}"
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def job_name(run_id: str) -> str:
    """Turn a run id into the base of its SageMaker job names: letters, digits and single hyphens between them.

    Names that an operator chose may be too long for a job; they are cut, and a hash keeps them apart.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", run_id).strip("-") or "run"
    if len(plain) <= MAX_RUN_NAME:
        return plain
    return f"{plain[: MAX_RUN_NAME - 13].rstrip('-')}-{hashlib.sha256(run_id.encode()).hexdigest()[:12]}"


def _is_source(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts[-3:])
    return path.is_file() and path.suffix not in _NO_SOURCE and not hidden
