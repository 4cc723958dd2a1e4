"""Puts a function's code and layers on disk as /var/task and /opt are in Lambda; layers once per content."""

import os
import shutil
import threading
from pathlib import Path
from typing import Final

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, LayerVersion

_MOST_BYTES: Final = 262_144_000
_lock: Final = threading.Lock()


def task_root(version: FunctionVersion) -> Path:
    """Folder of the function's own code, unpacked."""
    version.config.code.prepare_for_execution()
    return Path(version.config.code.get_unzipped_code_location())


def layers_root(version: FunctionVersion) -> Path | None:
    """Folder that stands for /opt: all layers over each other, the later one winning; None without layers."""
    layers = version.config.layers
    if not layers:
        return None
    # base64 of sha256 contains "/"; the folder name must not.
    digests = [layer.code.code_sha256.replace("/", "_") for layer in layers]
    merged = Path(config.dirs.cache) / "lambda-layers" / "-".join(digest[:16] for digest in digests)
    with _lock:
        if not merged.exists():
            building = merged.with_name(merged.name + ".building")
            shutil.rmtree(building, ignore_errors=True)
            for layer in layers:
                _link_tree(_unpacked(layer), building)
            building.rename(merged)
    return merged


def refuse_if_too_large(version: FunctionVersion) -> None:
    """Raise when code and layers together are larger unpacked than Lambda takes; LocalStack looks at each alone."""
    parts = [task_root(version), *(_unpacked(layer) for layer in version.config.layers)]
    total = sum(file.stat().st_size for part in parts for file in part.rglob("*") if file.is_file())
    if total > _MOST_BYTES:
        # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        raise ValueError(
            f"Unzipped size must be smaller than {_MOST_BYTES} bytes: function and layers together have {total}"
        )


def _unpacked(layer: LayerVersion) -> Path:
    layer.code.prepare_for_execution()
    return Path(layer.code.get_unzipped_code_location())


def _link_tree(source: Path, target: Path) -> None:
    for folder, _, files in os.walk(source):
        inside = target / os.path.relpath(folder, source)
        inside.mkdir(parents=True, exist_ok=True)
        for name in files:
            (inside / name).unlink(missing_ok=True)
            os.link(Path(folder) / name, inside / name)
