"""What scikit-learn usually answers such inputs with: TF-IDF with a logistic regression, or boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import joblib
from texts import versions

from infolens.tasks import part_of

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Checked input in, probabilities out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Read the fitted model; its threads are those of the process's environment."""
        del variant, threads
        file = folder / model / "scikit.joblib"
        self._model: Any = joblib.load(file)
        self._features: Any = None
        if model == "crash_risk":
            predict: Any = part_of(model, "predict")
            tables = predict.read_tables(folder / model / "ml" / "model")
            self._features = lambda item: predict.features(item, tables)[0]
        self.files = [file]
        self.versions = versions("scikit-learn")

    def answer(self, item: dict[str, Any]) -> Any:  # noqa: ANN401 - numpy's
        """Answer one input."""
        return self._model.predict_proba([item["text"] if self._features is None else self._features(item)])

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Say nothing: it is another model, and its answers are not to be compared."""
        del item
        return []
