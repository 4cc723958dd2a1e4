"""What a tuning job may vary in crash_risk."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search

SEARCH = Search(
    objective="validation_loss",  # macro-F1 on a thousand examples jumps by a point for nothing; the log-loss does not
    direction=Direction.LOWER,
    parameters={
        "hidden": (0, 16, 32, 64),
        "lr": (1e-3, 3e-3, 1e-2),
        "weight_decay": (0.01, 0.1, 0.3),
        "dropout": (0.1, 0.3, 0.5),
        "class_share": (0.0, 0.5, 1.0),
    },
)
