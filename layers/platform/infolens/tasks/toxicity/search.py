"""What a tuning job of toxicity may vary."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search

SEARCH = Search(
    objective="validation_roc_auc",
    direction=Direction.HIGHER,
    parameters={"lr": (1e-3, 3e-3, 6e-3), "dropout": (0.3, 0.4, 0.5), "word_dropout": (0.1, 0.15, 0.25)},
)
