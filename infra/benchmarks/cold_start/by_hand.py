"""The peer of a cold start: a script that does by hand what the predict function does, and nothing else.

It runs in a process of its own, with Lambda's own interpreter and the inference layer. `floor` finds the bundle on the
disk; `by_hand` fetches it with boto3 first and hashes it, as who serves judged bytes must. Neither checks a request or
an input, nor logs, counts or warms up.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

NAMES = ("model.onnx", "tokenizer.json")


def fetch(into: Path) -> Path:
    """Download the bundle with boto3."""
    import boto3  # noqa: PLC0415 - the floor has no use for it

    bucket, _, prefix = os.environ["BUNDLE_URI"].removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    for name in NAMES:
        s3.download_file(bucket, f"{prefix}{name}", str(into / name))
        with (into / name).open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return into


def main() -> None:
    """Answer one text and print the times."""
    kind, directory, text = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    began = time.perf_counter()
    if kind == "by_hand":
        directory = fetch(Path(os.environ["TMPDIR"]))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options, providers=["CPUExecutionProvider"])
    ids = np.array([Tokenizer.from_file(str(directory / "tokenizer.json")).encode(text).ids], dtype=np.int64)
    logits = session.run(["logits"], {"input_ids": ids})[0]
    sys.stdout.write(json.dumps({"answer": int(logits.argmax()), "seconds": time.perf_counter() - began}) + "\n")


if __name__ == "__main__":
    main()
