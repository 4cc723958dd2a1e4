"""How movie_recommendation is measured: MovieLens 100K, and item-KNN beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from infolens.tasks.movie_recommendation.metrics import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FILES = ("movielens/ratings.csv",)
HEADLINE = "ndcg_at_10"
BASELINE = "item-KNN"

Example = dict[str, object]


def baseline(train: list[Example], test: list[Example]) -> dict[str, float]:
    """Metrics of item-KNN on `test`; those of popularity alone, and of both by group, behind their names."""
    found: dict[str, float] = {}
    for name, weights in (("item_knn", neighbours(train)), ("popularity", None)):
        metrics, slices = evaluate(test, answers(train, test, weights))
        found |= metrics if weights is not None else {f"{name}_{key}": value for key, value in metrics.items()}
        for group in ("known", "new", "cold"):
            of_group = slices.get(f"users={group}", {})
            found |= {f"{name}_{key}_{group}": value for key, value in of_group.items() if "_at_10" in key}
    return found


def neighbours(train: Sequence[Example]) -> NDArray[np.float32]:
    """Cosine of each two movies as sets of users, shape (movies, movies); a movie is no neighbour of itself."""
    _, chosen = _chosen(train)
    together = chosen.T @ chosen
    sizes = np.sqrt(together.diagonal())
    cosines: NDArray[np.float32] = together / np.outer(sizes, sizes)
    np.fill_diagonal(cosines, 0.0)
    return cosines


def answers(
    train: Sequence[Example], test: Sequence[Example], weights: NDArray[np.float32] | None
) -> list[dict[str, object]]:
    """Answer by the sum of neighbours' cosines over the sequence, or, without any, by the number of users."""
    ids, chosen = _chosen(train)
    number = {item: i for i, item in enumerate(ids)}
    users = chosen.sum(axis=0)
    made: list[dict[str, object]] = []
    for one in test:
        seen = [number[item] for item in cast("list[int]", one["sequence"]) if item in number]
        # A millionth of the popularity puts an order into equal scores.
        scores = users * 1e-6 + (weights[seen].sum(axis=0) if weights is not None else users)
        scores[seen] = -1.0
        best = [int(i) for i in np.argsort(-scores, kind="stable")[: cast("int", one["top_k"])]]
        made.append(
            {
                "top_items": [ids[i] for i in best],
                "scores": [float(scores[i]) for i in best],
                "fallback": {"known": "none"}.get(str(one["users"]), "sequence"),
                "unknown_items": 0,
                "candidate_scores": [
                    float(scores[number[item]]) if item in number else -1.0
                    for item in cast("list[int]", one["candidates"])
                ],
            }
        )
    return made


def _chosen(train: Sequence[Example]) -> tuple[list[int], NDArray[np.float32]]:
    """Ids of the movies, and who chose which, shape (users, movies)."""
    ids = sorted({item for one in train for item in cast("list[int]", one["sequence"])})
    number = {item: i for i, item in enumerate(ids)}
    chosen = np.zeros((len(train), len(ids)), dtype=np.float32)
    for row, one in zip(chosen, train, strict=True):
        row[[number[item] for item in cast("list[int]", one["sequence"])]] = 1.0
    return ids, chosen
