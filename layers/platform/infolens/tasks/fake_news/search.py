"""What a tuning job of fake_news may vary."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search

SEARCH = Search(
    objective="validation_macro_f1",
    direction=Direction.HIGHER,
    parameters={
        "phrase_lr": (0.01, 0.02, 0.05),
        "word_dropout": (0.1, 0.2, 0.3),
        "label_smoothing": (0.05, 0.1, 0.2),
    },
)
