"""What a tuning job may vary of movie_recommendation's training (S0-28)."""

from __future__ import annotations

from types import MappingProxyType

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search

SEARCH = Search(
    objective="validation_ndcg_at_10",
    direction=Direction.HIGHER,
    parameters=MappingProxyType(
        {
            "lr": (5e-4, 1e-3, 2e-3, 4e-3),
            "dropout": (0.2, 0.3, 0.4, 0.5),
            "max_length": (20, 30, 50, 100),
            "item_dim": (32, 64, 112),  # with the cpu profile's 16 for the user, heads of whole width
            "replaced_items": (0.02, 0.05, 0.1, 0.2),
            "unknown_users": (0.3, 0.5, 0.8),
        }
    ),
)
