"""Builds a layer of the template as `sam build` does, for this machine's Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAYERS = Path(__file__).parents[1] / "layers"


def build_layer(name: str, into: Path) -> Path:
    """Run the layer's make target -> folder that Lambda puts on the path; skips where uv is missing."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not installed; `make setup` installs it")
    command = ["make", "--directory", str(LAYERS / name), f"build-{name.capitalize()}Layer", f"UV={uv}"]
    command += [f"ARTIFACTS_DIR={into}", f"RUNTIME_PYTHON={sys.version_info.major}.{sys.version_info.minor}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return into / "python"
