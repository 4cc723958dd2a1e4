"""What a tuning job may vary for news_summary (S0-28)."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search

SEARCH = Search(
    objective="validation_rouge_l",
    direction=Direction.HIGHER,
    # Fields that both profiles have, so that one search serves the ranker and BART.
    parameters={"lr": (5e-4, 1e-3, 2e-3), "epochs": (3, 4, 6)},
)
