"""InfoLens' own predictor of a task over the bundle of its cpu profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from texts import versions

from infolens.ml.bundle import digest_of, read_manifest
from infolens.tasks import part_of

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Checked input in, answer out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Open the bundle as the task's function does, which finds its threads in the memory that Lambda gives it."""
        del variant, threads
        bundle = folder / model / "ml" / "processing" / "output" / "bundle"
        manifest = read_manifest((bundle / "manifest.json").read_bytes(), digest_of(bundle))
        self._predictor = part_of(model, "predict").load(bundle, manifest)
        self.files = [bundle]
        self.versions = versions("onnxruntime")

    def answer(self, item: dict[str, Any]) -> list[dict[str, object]]:
        """Answer one input."""
        answers: list[dict[str, object]] = self._predictor.predict([item])
        return answers

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Scores of one input."""
        return [float(value) for value in self._predictor.scores([item])[0]]
