"""Predictor of tabular classifiers: a question -> features -> label, confidence, probabilities and what was assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from infolens.ml.onnx_session import open_session
from infolens.ml.text_classifier import BundleConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from infolens.contracts.bundle import BundleManifest

    Features = Callable[[Mapping[str, object]], tuple[list[float], list[str]]]

PREDICTOR = "tabular_classifier"
"""Name of this predictor in a manifest."""

MODEL_FILE = "model.onnx"
"""`features`, float32 of shape (rows, columns) -> `probabilities`, float32 of shape (rows, labels)."""


class TabularClassifier:
    """`infolens.contracts.task.Predictor` of tabular classifiers."""

    def __init__(self, session: InferenceSession, features: Features, labels: Sequence[str]) -> None:
        """Take an open session, what makes a question the model's input, and the labels in the order of their ids."""
        self._session = session
        self._features = features
        self._labels = tuple(labels)

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """See Predictor: `{"label_id", "label", "confidence", "probabilities", "assumed"}` for each input."""
        made = [self._features(item) for item in inputs]
        return [
            {
                "label_id": int(row.argmax()),
                "label": self._labels[int(row.argmax())],
                "confidence": round(float(row.max()), 6),
                "probabilities": {name: round(float(value), 6) for name, value in zip(self._labels, row, strict=True)},
                "assumed": assumed,
            }
            for row, (_, assumed) in zip(self._probabilities([row for row, _ in made]), made, strict=True)
        ]

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """See Predictor: probabilities, shape (inputs, labels); every row sums to one."""
        return self._probabilities([self._features(item)[0] for item in inputs])

    def _probabilities(self, rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
        if not rows:
            return np.empty((0, len(self._labels)), dtype=np.float32)
        # Each row alone, as it is asked through the API: products of matrices round otherwise in other batches.
        matrix = np.asarray(rows, dtype=np.float32)
        found = [self._session.run(["probabilities"], {"features": matrix[i : i + 1]})[0] for i in range(len(matrix))]
        return cast("NDArray[np.float32]", np.concatenate(found))


def load(directory: Path, manifest: BundleManifest, threads: int, features: Features) -> TabularClassifier:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "labels".
        threads: threads of the session, see `onnx_session.cpu_share`.
        features: makes a checked input the model's, and names what it had to assume.

    Raises:
        BundleConfigError: it is another predictor's bundle, or its config lacks the labels.
    """
    if manifest.predictor != PREDICTOR:
        raise BundleConfigError(f"bundle is for predictor {manifest.predictor!r}, not {PREDICTOR!r}")
    labels = manifest.config.get("labels")
    if not isinstance(labels, list) or not labels:
        raise BundleConfigError("manifest.json: config must hold a list 'labels'")
    return TabularClassifier(open_session(directory / MODEL_FILE, threads), features, [str(name) for name in labels])
