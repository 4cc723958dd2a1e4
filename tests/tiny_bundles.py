"""Real ONNX bundles of a few hundred bytes: they answer by counting words, or go wrong in one planted way."""

from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from infolens.ml.bundle import write_manifest
from infolens.tasks.news_category.schema import LABELS
from serving_fakes import DRAFT

_WORDS = {"[UNK]": 0, "senate": 1, "goal": 2}
_WEIGHTS = np.zeros((len(_WORDS), len(LABELS)), dtype=np.float32)
_WEIGHTS[1, 1] = 20.0  # "senate" speaks for Politics
_WEIGHTS[2, 8] = 20.0  # "goal" speaks for Sports


def tiny_bundle(directory, *, weights=_WEIGHTS, outputs="logits", draft=DRAFT) -> str:
    """Write a text classifier and return its digest.

    Args:
        directory: where to.
        weights: one row per word; NaN makes a model that answers nothing a user could read.
        outputs: name of the output; any other than "logits" makes a model that fails at each request.
        draft: manifest less its config and files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["weights", "input_ids"], ["scores"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["mask"], ["one"], keepdims=0),
            helper.make_node("ReduceMean", ["scores"], ["mean"], axes=[1], keepdims=0),
            helper.make_node("Mul", ["mean", "one"], [outputs]),
        ],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, [1, "n"]) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(outputs, TensorProto.FLOAT, [1, len(LABELS)])],
        [numpy_helper.from_array(np.asarray(weights, dtype=np.float32), "weights")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), directory / "model.onnx"
    )
    tokenizer = Tokenizer(models.WordLevel(_WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    return write_manifest(directory, replace(draft, config={"labels": list(LABELS), "max_tokens": 64}))
