"""The columnar layer is built as `sam build` does it, and reads and writes Parquet with nothing else installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers" / "columnar"

ROUND_TRIP = """
import sys
sys.path.insert(0, sys.argv[1])
import pyarrow, pyarrow.parquet as pq
table = pyarrow.table({"text": ["a", None], "age": pyarrow.array([1, 2], pyarrow.int64()), "list": [[1], []]})
out = pyarrow.BufferOutputStream()
pq.write_table(table, out, compression="zstd")
file = pq.ParquetFile(pyarrow.BufferReader(out.getvalue()), pre_buffer=False)
assert file.read(use_threads=False).equals(table)
assert file.read(columns=["age"], use_threads=False).to_pylist() == [{"age": 1}, {"age": 2}]
assert pyarrow.__file__.startswith(sys.argv[1])
assert "numpy" not in sys.modules
"""


@pytest.fixture(scope="module")
def layer(tmp_path_factory) -> Path:
    """The built layer."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not installed; `make setup` installs it")
    built = tmp_path_factory.mktemp("columnar")
    command = ["make", "--directory", str(LAYER), "build-ColumnarLayer", f"ARTIFACTS_DIR={built}", f"UV={uv}"]
    command += [f"RUNTIME_PYTHON={sys.version_info.major}.{sys.version_info.minor}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return built / "python"


def test_round_trip_in_a_clean_interpreter(layer):
    """Without site-packages, numpy included, a table goes to Parquet and comes back."""
    command = [sys.executable, "-I", "-S", "-c", ROUND_TRIP, str(layer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_size(layer):
    """The layer leaves room below Lambda's 250 MB for the platform layer and the function."""
    megabytes = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) / 1e6
    assert megabytes < 110
