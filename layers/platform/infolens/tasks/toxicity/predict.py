"""Serves toxicity: opens a bundle as a comment classifier."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from infolens.ml import comment_classifier
from infolens.ml.onnx_session import cpu_share, usable_cores

if TYPE_CHECKING:
    from pathlib import Path

    from infolens.contracts.bundle import BundleManifest
    from infolens.contracts.task import Predictor


def load(directory: Path, manifest: BundleManifest) -> Predictor:
    """See `infolens.contracts.task.LoadPredictor`."""
    threads = cpu_share(os.environ, usable_cores())
    return comment_classifier.load(directory, manifest, threads, score="toxicity")
