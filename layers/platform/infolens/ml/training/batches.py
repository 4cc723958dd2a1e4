"""Cuts examples into batches of like lengths: padding is work without learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


def cut(order: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """Give `order` in pieces of `size`, the last one maybe shorter."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def batches_of_like_lengths(
    lengths: Sequence[int] | NDArray[np.int64], size: int, source: np.random.Generator, pool: int = 20
) -> list[NDArray[np.int64]]:
    """Cut a random order of the examples into batches in random order; each batch has like lengths.

    Args:
        lengths: of the examples, shape (examples,).
        size: examples in a batch.
        source: the random numbers; the same give the same batches.
        pool: batches' worth of random examples among which lengths are sorted.
    """
    known = np.asarray(lengths)
    batches: list[NDArray[np.int64]] = []
    for some in cut(source.permutation(len(known)), size * pool):
        batches += cut(some[np.argsort(known[some], kind="stable")], size)
    return [batches[at] for at in source.permutation(len(batches))]
