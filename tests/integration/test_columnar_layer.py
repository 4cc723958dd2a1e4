"""The columnar layer is built as `sam build` does it; it reads and writes Parquet, and cleans texts, by itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from layer_builds import LAYERS, build_layer

if TYPE_CHECKING:
    from pathlib import Path

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
import numpy
assert numpy.__file__.startswith(sys.argv[1])
assert pyarrow.array([3, 4]).to_numpy().tolist() == [3, 4]
assert numpy.frombuffer(b"ab", numpy.uint8).tolist() == [97, 98]
"""

CLEAN = """
import sys
sys.path[:0] = sys.argv[1:]
from infolens.rows.text_arrays import CONTENT_KEYS, infolens_rows, keyed_texts
assert infolens_rows.__file__.startswith(sys.argv[1])
found = keyed_texts([["Title"], [" caf\u00e9 &amp; more  text "]], CONTENT_KEYS)
assert found.odd == []
assert found.texts == ["Title. caf\u00e9 & more text"]
"""

PLATFORM = LAYERS / "platform"
COMPILED = ("columnar/rows", "inference/kernels")


@pytest.fixture(scope="module")
def layer(tmp_path_factory) -> Path:
    """The built layer."""
    return build_layer("columnar", tmp_path_factory.mktemp("columnar"))


def test_round_trip_in_a_clean_interpreter(layer):
    """Without site-packages a table goes to Parquet and comes back, and its numbers are numpy's."""
    command = [sys.executable, "-I", "-S", "-c", ROUND_TRIP, str(layer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_texts_in_a_clean_interpreter(layer):
    """Without site-packages texts are cleaned by the library that the layer brings."""
    command = [sys.executable, "-I", "-S", "-c", CLEAN, str(layer), str(PLATFORM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("architecture", "processor"), [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_texts_for_both_architectures(architecture, processor, tmp_path):
    """The library is compiled for the processors of the function."""
    command = ["make", "--dry-run", "--directory", str(LAYERS / "columnar"), "build-ColumnarLayer"]
    command += ["UV=uv", f"ARTIFACTS_DIR={tmp_path}", f"ARCHITECTURE={architecture}"]
    steps = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"-target {processor}-linux-gnu.2.28" in steps


def test_one_compiler():
    """Both layers with code of ours are compiled by the same release."""
    pins = [(LAYERS / folder / "requirements.txt").read_text().splitlines()[-1] for folder in COMPILED]
    assert pins[0] == pins[1]


def test_size(layer):
    """The layer leaves room below Lambda's 250 MB for the platform layer and the function."""
    megabytes = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) / 1e6
    assert megabytes < 170
