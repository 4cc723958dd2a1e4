"""Makes two bad successors out of the champion's bundle, by mistakes that exporters make; both are real, valid bundles.

Neither knows that it is part of a demo: the product serves them as it serves every other, and they fail by themselves.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.bundle import digest_of, verify, write_manifest
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infolens.contracts.bundle import BundleManifest

POSITIONS = 16
"""Rows left in the position table: a headline fits, a text of the API's least length (S0-30: 50 characters) hardly."""

SLOW_SECONDS = 0.3
"""What the tower takes for a usual text on this machine: well over the alarm's limit in plan.json."""

SLOW_WIDTH = 1024
"""The tower's layers share one matrix of 4 MB, so the bundle stays small."""

AXES_ARE_INPUT = 18
"""Opset from which ReduceMean takes its axes as an input instead of an attribute."""

_USUAL_TOKENS = 64
_TRIAL_LAYERS = 16
_LEAST_LAYERS, _MOST_LAYERS = 24, 1500


def shorten_positions(model: onnx.ModelProto, rows: int = POSITIONS) -> None:
    """Cut the position table, as an export does that traced the model with one short text.

    onnxruntime then fails, inside its Gather or where the rows are added, for every text with more tokens than rows.

    Raises:
        Trouble: the graph has no position table.
    """
    readers = {"Gather", "GatherElements", "EmbedLayerNormalization", "Slice"}
    looked_up = {node.input[0] for node in model.graph.node if node.op_type in readers}
    tables = [
        tensor
        for tensor in model.graph.initializer
        if "position" in tensor.name and tensor.name in looked_up and len(tensor.dims) == 2 and tensor.dims[0] > rows
    ]
    if not tables:
        raise Trouble("the champion's graph has no table of positions that could be cut short")
    for table in tables:
        cut = numpy_helper.to_array(table)[:rows]
        table.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(cut), table.name))


def add_slow_tower(model: onnx.ModelProto, layers: int, width: int = SLOW_WIDTH) -> None:
    """Put a second, much too deep tower beside the encoder and add a little of its output to the logits.

    A loop over one layer (ALBERT ties its weights like this): the file grows by 4 MB, the work by `layers` matrix
    products over every token. The answers stay the champion's, so no gate on quality would see anything.
    """
    graph = model.graph
    ids, logits = graph.input[0].name, graph.output[0].name
    classes = graph.output[0].type.tensor_type.shape.dim[1].dim_value or _classes(model)
    seeded = np.random.default_rng(0)

    def constant(name: str, values: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    for node in graph.node:  # the encoder's own result becomes an inner value
        node.output[:] = ["tower_encoder_logits" if name == logits else name for name in node.output]
    table = constant("tower_embedding", seeded.standard_normal((64, width), np.float32))
    buckets = constant("tower_buckets", np.asarray(64, np.int64))
    matrix = constant("tower_matrix", seeded.standard_normal((width, width), np.float32) / np.float32(np.sqrt(width)))
    depth = constant("tower_depth", np.asarray(layers, np.int64))
    head = constant("tower_head", seeded.standard_normal((width, classes), np.float32))
    little = constant("tower_share", np.asarray(1e-6, np.float32))
    nodes = [
        helper.make_node("Mod", [ids, buckets], ["tower_ids"]),
        helper.make_node("Gather", [table, "tower_ids"], ["tower_0"]),
        # A loop and no row of nodes: onnxruntime would keep a packed copy of the matrix for each of them.
        helper.make_node("Loop", [depth, "", "tower_0"], ["tower_top"], body=_layer(matrix)),
    ]
    opset = next(item.version for item in model.opset_import if item.domain in {"", "ai.onnx"})
    if opset >= AXES_ARE_INPUT:
        axes = constant("tower_axes", np.asarray([1], np.int64))
        mean = helper.make_node("ReduceMean", ["tower_top", axes], ["tower_mean"], keepdims=0)
    else:
        mean = helper.make_node("ReduceMean", ["tower_top"], ["tower_mean"], axes=[1], keepdims=0)
    nodes += [
        mean,
        helper.make_node("MatMul", ["tower_mean", head], ["tower_logits"]),
        helper.make_node("Mul", ["tower_logits", little], ["tower_little"]),
        helper.make_node("Add", ["tower_encoder_logits", "tower_little"], [logits]),
    ]
    graph.node.extend(nodes)


def _layer(matrix: str) -> onnx.GraphProto:
    """Body of the loop: x -> tanh(x @ matrix); the matrix is the outer graph's."""
    return helper.make_graph(
        [
            helper.make_node("MatMul", ["tower_x", matrix], ["tower_product"]),
            helper.make_node("Tanh", ["tower_product"], ["tower_y"]),
            helper.make_node("Identity", ["tower_on"], ["tower_still_on"]),
        ],
        "tower_layer",
        [
            helper.make_tensor_value_info("tower_turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("tower_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("tower_x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("tower_still_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("tower_y", TensorProto.FLOAT, None),
        ],
    )


def layers_for(seconds: float, trial_seconds: float) -> int:
    """How many layers take so long, when `_TRIAL_LAYERS` of them take `trial_seconds`; kept within reason."""
    return min(_MOST_LAYERS, max(_LEAST_LAYERS, round(_TRIAL_LAYERS * seconds / max(trial_seconds, 1e-6))))


def _trial() -> float:
    """Time a short tower on this machine, with the one thread that a predict function has: the best of three."""
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])
    zero = numpy_helper.from_array(np.zeros((1, 2), np.float32), "nothing")
    graph = helper.make_graph([helper.make_node("Identity", ["nothing"], ["logits"])], "trial", [ids], [logits], [zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    add_slow_tower(model, _TRIAL_LAYERS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = {"input_ids": np.ones((1, _USUAL_TOKENS), np.int64)}
    took = []
    for _ in range(3):
        began = time.perf_counter()
        session.run(None, given)
        took.append(time.perf_counter() - began)
    return min(took)


def _classes(model: onnx.ModelProto) -> int:
    inferred = onnx.shape_inference.infer_shapes(model)
    size = inferred.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    if not size:
        raise Trouble("the champion's graph does not say how many classes it has")
    return int(size)


def _make(champion: Path, target: Path, run_id: str, change: Callable[[onnx.ModelProto], None]) -> str:
    """Copy the champion's bundle, change its graph, write a new manifest; returns the new digest."""
    manifest = verify(champion, digest_of(champion))
    name = _model_file(manifest)
    shutil.copytree(champion, target)
    model = onnx.load(str(champion / name))
    if model.graph.input[0].type.tensor_type.elem_type != TensorProto.INT64:
        raise Trouble(f"{name} takes no token ids, so this mistake cannot be made with it")
    change(model)
    onnx.save(model, str(target / name))
    return write_manifest(target, replace(manifest, run_id=run_id, files=()))


def _model_file(manifest: BundleManifest) -> str:
    found = [file.name for file in manifest.files if file.name.endswith(".onnx")]
    if len(found) != 1:
        raise Trouble(f"the champion's bundle has {len(found)} .onnx files; the demo knows how to spoil one")
    return found[0]


def failing(champion: Path, target: Path) -> str:
    """Make the bundle that answers usual texts with a handled 5xx; returns its digest."""
    return _make(champion, target, "hand-made-short-positions", shorten_positions)


def slow(champion: Path, target: Path, seconds: float = SLOW_SECONDS) -> str:
    """Make the bundle that answers rightly but takes so long for a usual text; returns its digest."""
    layers = layers_for(seconds, _trial())
    return _make(champion, target, "hand-made-deep-tower", lambda model: add_slow_tower(model, layers))
