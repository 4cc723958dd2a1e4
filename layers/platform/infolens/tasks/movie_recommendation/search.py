"""What a tuning job of movie_recommendation may vary."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search

SEARCH = Search(
    objective="validation_macro_f1",
    direction=Direction.HIGHER,
    parameters={"lr": (3e-4, 1e-3, 3e-3), "dropout": (0.1, 0.2, 0.3)},
)
