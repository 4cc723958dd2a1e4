"""Serves news_summary: opens a bundle as what its manifest says, a sentence ranker or an encoder-decoder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from infolens.ml import encoder_decoder, sentence_ranker
from infolens.ml.onnx_session import cpu_share, usable_cores

if TYPE_CHECKING:
    from pathlib import Path

    from infolens.contracts.bundle import BundleManifest
    from infolens.contracts.task import Predictor


def load(directory: Path, manifest: BundleManifest) -> Predictor:
    """See `infolens.contracts.task.LoadPredictor`.

    Raises:
        BundleConfigError: the bundle is for neither predictor, or its config lacks a key.
    """
    threads = cpu_share(os.environ, usable_cores())
    if manifest.predictor == encoder_decoder.PREDICTOR:
        return encoder_decoder.load(directory, manifest, threads)
    return sentence_ranker.load(directory, manifest, threads)
