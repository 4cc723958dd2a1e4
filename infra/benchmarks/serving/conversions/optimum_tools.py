"""Exports and quantises a transformers model with optimum; runs in `.venvs/bench-optimum`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from optimum.onnxruntime import (
    AutoQuantizationConfig,
    ORTModelForFeatureExtraction,
    ORTModelForSeq2SeqLM,
    ORTQuantizer,
)

model, folder = sys.argv[1], Path(sys.argv[2])
family = ORTModelForSeq2SeqLM if model == "bart" else ORTModelForFeatureExtraction
out = folder / "optimum"
how = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
with tempfile.TemporaryDirectory() as scratch:
    exact = Path(scratch)
    family.from_pretrained(folder / "hf", export=True).save_pretrained(exact)
    for file in sorted(exact.glob("*.onnx")):
        ORTQuantizer.from_pretrained(exact, file_name=file.name).quantize(save_dir=out, quantization_config=how)
        quantised = out / f"{file.stem}_quantized.onnx"
        quantised.rename(out / file.name)
    for file in exact.glob("*.json"):
        shutil.copyfile(file, out / file.name)
for name in ("head.npz", "tokenizer.json"):
    if (folder / "hf" / name).is_file():
        shutil.copyfile(folder / "hf" / name, out / name)
