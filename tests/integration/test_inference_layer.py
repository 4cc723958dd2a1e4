"""The inference layer is built as `sam build` does it, is small enough, and answers with nothing else installed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infolens.ml import text_classifier
from infolens.ml.bundle import verify
from layer_builds import build_layer
from ml_fakes import TEXTS, tiny_bundle

ROOT = Path(__file__).parents[2]

ANSWER = """
import json, sys
from pathlib import Path
from infolens.ml import text_classifier
from infolens.ml.bundle import verify
directory = Path(sys.argv[1])
classifier = text_classifier.load(directory, verify(directory, sys.argv[2]), threads=1)
print(json.dumps(classifier.predict([{"text": text} for text in json.loads(sys.argv[3])])))
import infolens_kernels, onnxruntime
for part in (infolens_kernels, onnxruntime):
    assert part.__file__.startswith(sys.argv[4]), part.__file__
assert infolens_kernels.in_use() == sys.argv[5], infolens_kernels.in_use()
"""

# What the platform layer brings beside the package itself.
PYDANTIC = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions.py", "typing_inspection")


@pytest.fixture(scope="module")
def layer(tmp_path_factory) -> Path:
    """The built layer."""
    return build_layer("inference", tmp_path_factory.mktemp("inference"))


def test_size(layer):
    """Byte code included, some half of Lambda's 250 MB: room for the platform layer and the function."""
    megabytes = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) / 1e6
    assert megabytes < 130


def test_nothing_but_three_libraries(layer):
    """onnxruntime, our kernels for it, numpy and tokenizers, without what only their tools need."""
    names = {path.name.split("-")[0].split(".")[0] for path in layer.iterdir()}
    assert names == {"infolens_kernels", "numpy", "onnxruntime", "tokenizers"}


@pytest.mark.parametrize(("architecture", "built"), [("x86_64", True), ("arm64", False)])
def test_kernels_for_one_architecture(architecture, built, tmp_path):
    """Kernels are built for x86_64; a layer for arm64 has none, and onnxruntime's own serve there."""
    command = ["make", "--dry-run", "--directory", str(ROOT / "layers" / "inference"), "build-InferenceLayer"]
    command += ["UV=uv", f"ARTIFACTS_DIR={tmp_path}", f"ARCHITECTURE={architecture}"]
    steps = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ("libinfolens_kernels.so" in steps) is built


def test_byte_code_travels_along(layer):
    """Every source has byte code that Python takes unchecked: Lambda cannot write any, nor keep the times of files."""
    sources = list(layer.rglob("*.py"))
    made = [Path(importlib.util.cache_from_source(str(path))) for path in sources]
    assert sources
    assert [path for path in made if not path.is_file()] == []
    assert {path.read_bytes()[4:8] for path in made} == {b"\x01\0\0\0"}  # PEP 552: by hash, unchecked


def test_it_answers_in_a_clean_interpreter(layer, tmp_path):
    """With this layer, the package and pydantic alone, a bundle gives the answers that it gives here."""
    bundle, digest = tiny_bundle(tmp_path)
    platform = tmp_path / "platform"
    platform.mkdir()
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for name in PYDANTIC:
        (platform / name).symlink_to(site / name)
    (platform / "infolens").symlink_to(ROOT / "layers" / "platform" / "infolens")
    in_use = importlib.import_module("infolens_kernels").in_use()
    command = [sys.executable, "-S", "-c", ANSWER, str(bundle), digest, json.dumps(TEXTS), str(layer), in_use]
    env = {"PYTHONPATH": f"{layer}{os.pathsep}{platform}"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    here = text_classifier.load(bundle, verify(bundle, digest), threads=1).predict([{"text": text} for text in TEXTS])
    assert json.loads(done.stdout) == here
