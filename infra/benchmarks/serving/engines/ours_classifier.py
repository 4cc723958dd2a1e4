"""InfoLens' own predictor over the bundle that its own exporter made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from texts import versions

from infolens.ml import text_classifier
from infolens.ml.bundle import digest_of, read_manifest

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, label and confidence out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Open the bundle."""
        del variant
        bundle = folder / model / "bundle"
        manifest = read_manifest((bundle / "manifest.json").read_bytes(), digest_of(bundle))
        self._predictor = text_classifier.load(bundle, manifest, threads)
        self.files = [bundle]
        self.versions = versions("onnxruntime")

    def answer(self, item: dict[str, Any]) -> list[dict[str, object]]:
        """Answer one text."""
        return self._predictor.predict([{"text": item["text"]}])

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Probabilities of one text."""
        return [float(value) for value in self._predictor.scores([{"text": item["text"]}])[0]]
