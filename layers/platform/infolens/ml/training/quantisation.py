"""Keeps the graphs in 32 bits beside a quantised bundle, so that evaluation can say what quantised weights cost.

An export writes `exact/` beside `bundle/`: quantisation.json, and where the bundle is quantised `exact/bundle/`, the
same bundle with graphs in 32 bits. It is measured, never served.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import onnx

from infolens.contracts.bundle import MANIFEST_NAME
from infolens.ml.bundle import digest_of, verify, write_manifest
from infolens.ml.training.job import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

EXACT = "exact"
"""Folder beside `bundle/`."""

INT8 = "int8, a scale per output channel"

_BUNDLE = "bundle"
_NOTE = "quantisation.json"

_FULL = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.INT32,
    onnx.TensorProto.INT64,
    onnx.TensorProto.BOOL,
    onnx.TensorProto.STRING,
}


@dataclass(frozen=True)
class Note:
    """What an export says of its bundle's weights."""

    quantised: bool
    how: str
    """How, or why not."""


def exact_bundle(output: Path) -> Path:
    """Make the folder that gets a bundle's graphs in 32 bits, below an export's output."""
    folder = output / EXACT / _BUNDLE
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def finish_exact(output: Path, how: str = INT8) -> None:
    """Complete `exact_bundle` with all that the finished bundle has and it has not, so that it opens like that one."""
    bundle, exact = output / _BUNDLE, output / EXACT / _BUNDLE
    for path in bundle.iterdir():
        if path.name != MANIFEST_NAME and not (exact / path.name).exists():
            shutil.copyfile(path, exact / path.name)
    write_manifest(exact, verify(bundle, digest_of(bundle)))
    _write(output, Note(quantised=True, how=how))


def keep_unquantised(output: Path, why: str) -> None:
    """Say that the bundle's graphs have 32 bits themselves, and why."""
    (output / EXACT).mkdir(parents=True, exist_ok=True)
    _write(output, Note(quantised=False, how=why))


def read_exact(folder: Path, bundle: Path) -> tuple[Note, Path]:
    """Read what an export left in `exact/` -> (its word, directory of the bundle in 32 bits, there if quantised).

    Args:
        folder: `exact/`.
        bundle: the bundle that it speaks of.

    Raises:
        TrainingError: there is no word, it belongs to another run, or the graphs contradict it.
    """
    if not (folder / _NOTE).is_file():
        raise TrainingError(f"{_NOTE}: the export did not say whether it quantised")
    note = Note(**json.loads((folder / _NOTE).read_text()))
    exact = folder / _BUNDLE
    if not note.quantised:
        if rounded := rounded_graphs(bundle):
            raise TrainingError(f"{_NOTE}: the export says that nothing is quantised, but {rounded[0]} is")
        return note, exact
    if rounded := rounded_graphs(exact):
        raise TrainingError(f"{EXACT}/{_BUNDLE}: {rounded[0]} is to have 32 bits, but is quantised itself")
    runs = [verify(directory, digest_of(directory)).run_id for directory in (bundle, exact)]
    if runs[0] != runs[1]:
        raise TrainingError(f"{EXACT}/{_BUNDLE}: comes from run {runs[1]}, the bundle from {runs[0]}")
    return note, exact


def rounded_graphs(directory: Path) -> list[str]:
    """Name the ONNX files that keep any weight in fewer than 32 bits."""
    return [
        path.name
        for path in sorted(directory.glob("*.onnx"))
        if any(weight.data_type not in _FULL for weight in onnx.load(path).graph.initializer)
    ]


def _write(output: Path, note: Note) -> None:
    (output / EXACT / _NOTE).write_text(json.dumps(asdict(note), indent=2))
