"""Converts a model for OpenVINO: as it is, and int8 by its own NNCF; runs in `.venvs/bench-openvino`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

model, folder = sys.argv[1], Path(sys.argv[2])
out = folder / "openvino"
if model == "bart":
    from optimum.intel import OVModelForSeq2SeqLM, OVWeightQuantizationConfig

    how = OVWeightQuantizationConfig(bits=8)
    OVModelForSeq2SeqLM.from_pretrained(
        folder / "hf", export=True, compile=False, quantization_config=how
    ).save_pretrained(out / "int8")
    shutil.copyfile(folder / "hf" / "tokenizer.json", out / "int8" / "tokenizer.json")
else:
    import nncf
    import numpy as np
    import openvino
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "hf" / "tokenizer.json"))
    texts = json.loads((folder / "texts.json").read_text())
    inputs = []
    for text in (text for one in texts.values() for text in one):
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        inputs.append({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    exact = openvino.convert_model(folder / "plain" / "fp32.onnx")
    openvino.save_model(exact, out / "exact.xml")  # weights as fp16, its default
    exact = openvino.Core().read_model(folder / "plain" / "fp32.onnx")
    int8 = nncf.quantize(exact, nncf.Dataset(inputs), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(inputs))
    openvino.save_model(int8, out / "int8.xml")
    shutil.copyfile(folder / "hf" / "tokenizer.json", out / "tokenizer.json")
