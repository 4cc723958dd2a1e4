"""Converts a transformers model for CTranslate2; runs in `.venvs/bench-ctranslate2`."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from ctranslate2.converters import TransformersConverter

model, folder = sys.argv[1], Path(sys.argv[2])
with tempfile.TemporaryDirectory() as scratch:
    copy = Path(shutil.copytree(folder / "hf", Path(scratch) / "hf"))
    if model == "bart":
        # transformers 5 dropped settings that the converter of 4.8 still reads; these are BART's.
        config = json.loads((copy / "config.json").read_text())
        config |= {"normalize_before": False, "normalize_embedding": True, "add_final_layer_norm": False}
        (copy / "config.json").write_text(json.dumps(config))
    TransformersConverter(str(copy)).convert(str(folder / "ctranslate2"), quantization="int8", force=True)
for name in ("head.npz", "tokenizer.json"):
    if (folder / "hf" / name).is_file():
        shutil.copyfile(folder / "hf" / name, folder / "ctranslate2" / name)
