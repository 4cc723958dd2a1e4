"""Makes bundles of real size with random weights: what they cost to fetch, open and run does not depend on the weights.

python infra/benchmarks/cold_start/real_size.py distilbert DIRECTORY
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import digest_of, write_manifest
from infolens.ml.text_classifier import MODEL_FILE, PREDICTOR, TOKENIZER_FILE
from infolens.ml.training.text_classifier_export import to_int8, to_onnx
from infolens.ml.training.text_classifier_model import EncoderSize, Shape, TextClassifierModel, small_encoder
from infolens.tasks import part_of
from infolens.tasks.news_category.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SIZES", "digest_of", "text", "write"]

SIZES = {
    "distilbert": (EncoderSize(768, 6, 12), 30_522, "news_category"),
    "xlnet": (EncoderSize(768, 12, 12, "xlnet"), 32_000, "fake_news"),
}
"""Family -> size, vocabulary and task: distilbert-base-uncased and xlnet-base-cased."""

MAX_TOKENS = {"distilbert": 512, "xlnet": 256}
_CALIBRATION_TEXTS = 4
"""Scales of random weights need no more."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write(family: str, directory: Path) -> str:
    """Write an int8 bundle of a family of SIZES and return its digest."""
    size, vocabulary, task = SIZES[family]
    labels = LABELS if task == "news_category" else ("fake", "real")
    torch.manual_seed(0)
    pooling = part_of(task, "train").PROFILES["gpu"].pooling
    shape = Shape(tuple(labels), MAX_TOKENS[family], direct=False, pooling=pooling)
    model = TextClassifierModel(small_encoder(size, vocabulary, MAX_TOKENS[family], 0.0), shape, 0.0).eval()
    directory.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        to_onnx(model, exact)
        ids = np.random.default_rng(0).integers(len(_SPECIAL), vocabulary, (_CALIBRATION_TEXTS, MAX_TOKENS[family]))
        to_int8(exact, directory / MODEL_FILE, list(ids))
    _tokenizer(vocabulary).save(str(directory / TOKENIZER_FILE))
    config: dict[str, object] = {"labels": list(labels), "max_tokens": MAX_TOKENS[family], "together": True}
    return write_manifest(directory, BundleManifest(task, PREDICTOR, "real-size", "none", "none", config, {}, ()))


def words(vocabulary: int) -> Iterator[str]:
    """Give distinct made-up words, the same each time."""
    source = random.Random(0)  # noqa: S311 - reproducible, not secret
    seen: set[str] = set()
    while len(seen) < vocabulary:
        word = "".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=source.randint(2, 9)))
        if word not in seen:
            seen.add(word)
            yield word


def text(tokens: int) -> str:
    """Give a text of so many tokens, of words that the vocabulary has."""
    known = list(words(5_000))
    return " ".join(random.Random(1).choices(known, k=tokens))  # noqa: S311 - reproducible, not secret


def _tokenizer(vocabulary: int) -> Tokenizer:
    known = [*_SPECIAL, *words(vocabulary - len(_SPECIAL))]
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(known)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def main() -> int:
    """Write one bundle and print its digest."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("family", choices=sorted(SIZES))
    options.add_argument("directory", type=Path)
    given = options.parse_args()
    sys.stdout.write(f"{write(given.family, given.directory)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
