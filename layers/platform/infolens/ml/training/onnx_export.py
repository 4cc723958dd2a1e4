"""Makes ONNX files of torch models, and int8 files of those: the one place that calls either tool."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onnx import ModelProto

_OPSET = 17


def trace(  # noqa: PLR0913 - a graph is its inputs and outputs with their names
    model: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    free: Mapping[str, Mapping[int, str]],
) -> None:
    """Trace a model into an ONNX file.

    Args:
        model: set to inference here: the exporter puts the *outer* module's mode back when it is done, and so would
            switch dropout on inside.
        example: inputs to trace with; a dimension of one is taken for a constant.
        path: where the file goes.
        inputs: names in the order of `example`.
        outputs: names in the order in which the model gives them.
        free: input or output -> dimension -> its name, for all that may differ from call to call.
    """
    model.eval()
    with torch.no_grad(), warnings.catch_warnings():
        # Tracing warns of every Python branch on a shape, and that dynamo would be newer: it exports attention that
        # neither fuses nor quantises better here, and fails on XLNet.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in free.items()},
            opset_version=_OPSET,
            dynamo=False,
        )


def quantise(exact: Path | ModelProto, path: Path, operators: Sequence[str], exclude: Sequence[str] = ()) -> None:
    """Quantise weights to int8, one scale per output channel; activations are quantised as they come.

    Args:
        exact: the ONNX file in fp32, or what it holds.
        path: where the int8 file goes.
        operators: kinds of nodes whose weights are quantised.
        exclude: names of nodes that stay exact; none of a Gemm, which the quantiser splits into nodes of other names.
    """
    logging.getLogger("root").setLevel(logging.ERROR)  # the quantiser advises a shape inference that is not needed
    quantize_dynamic(
        exact,
        path,
        per_channel=True,
        weight_type=QuantType.QInt8,
        # CPUs without VNNI add pairs of products in 16 bits, which overflow with full-range weights. Lambda's fleet is
        # mixed, and an answer must not depend on the machine; seven bits cost no time.
        reduce_range=True,
        op_types_to_quantize=list(operators),
        nodes_to_exclude=list(exclude),
    )
