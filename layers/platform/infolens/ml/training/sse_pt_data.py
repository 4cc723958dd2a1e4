"""Turns histories into what SSE-PT learns from: numbered items, windows of every history, validation cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.utils.extmath import randomized_svd

from infolens.ml.sequential_recommender import UNKNOWN_USER, Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

NO_TARGET = -100
"""What cross-entropy passes over."""


@dataclass(frozen=True)
class History:
    """All that one user is known to have chosen, in the order of time."""

    user: int
    items: Sequence[int]
    """Ids, each once."""
    times: Sequence[int]
    """Of the same length, rising; equal ones say that nothing is known about the order."""


@dataclass(frozen=True)
class Numbered:
    """A history in the numbers of a catalogue."""

    user: int
    items: NDArray[np.int64]
    times: NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """One question with its answer: what came after these items?"""

    items: NDArray[np.int64]
    """Everything before the target, as numbers."""
    target: int


@dataclass(frozen=True)
class Batch:
    """Windows of some histories, padded in front."""

    users: NDArray[np.int64]
    """Shape (windows,)."""
    items: NDArray[np.int64]
    """Shape (windows, places)."""
    targets: NDArray[np.int64]
    """The next item at each place, NO_TARGET at padding; same shape."""
    turns: NDArray[np.int64]
    """Which item of its history each target is, from 0; same shape."""
    met: NDArray[np.int64]
    """Which item of the window's history each item of the catalogue is; beyond all turns when it is not in it.
    Shape (windows, items)."""


def catalogue_of(histories: Iterable[History]) -> Catalogue:
    """Number the items by how many users have them, equal ones by their id, and the users by theirs."""
    known = list(histories)
    counts = Counter(item for history in known for item in history.items)
    items = sorted(counts, key=lambda item: (-counts[item], item))
    return Catalogue(
        tuple(items), tuple(counts[item] for item in items), tuple(sorted(history.user for history in known))
    )


def numbered(histories: Iterable[History], catalogue: Catalogue) -> list[Numbered]:
    """Give histories in numbers; unknown items are left out, unknown users are nobody in particular."""
    items = {item: number for number, item in enumerate(catalogue.items)}
    users = {user: number for number, user in enumerate(catalogue.users, start=UNKNOWN_USER + 1)}
    found = []
    for history in histories:
        pairs = [(items[item], time) for item, time in zip(history.items, history.times, strict=True) if item in items]
        numbers, times = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        found.append(Numbered(users.get(history.user, UNKNOWN_USER), numbers, times))
    return found


def windows(
    histories: Sequence[Numbered], catalogue: int, length: int, size: int, source: np.random.Generator
) -> Iterator[Batch]:
    """Cut all histories into windows at random places, and the windows into batches in random order.

    Each window's history has its own order of what happened in the same second: nothing is known about it, so the
    model is to learn nothing from it. Every item but the first is a target once, the last ones perhaps twice.

    Args:
        histories: in numbers; those with fewer than two items say nothing and are passed over.
        catalogue: number of items.
        length: places of a window.
        size: windows of a batch.
        source: of all that is random here.
    """
    ordered = [history.items[np.lexsort((source.random(len(history.items)), history.times))] for history in histories]
    cuts: list[tuple[int, int]] = []
    for number, items in enumerate(ordered):
        last = len(items) - 1
        ends = range(int(source.integers(1, length + 1)), last, length) if last > length else ()
        cuts += [(number, end) for end in (*ends, last) if end > 0]
    order = source.permutation(len(cuts))
    for start in range(0, len(cuts), size):
        yield _batch([cuts[i] for i in order[start : start + size]], histories, ordered, catalogue, length)


def windows_of(histories: Sequence[Numbered], length: int) -> int:
    """Say how many windows `windows` makes, within one for each history."""
    return sum(-(-(len(history.items) - 1) // length) for history in histories)


def shared_user_vectors(histories: Sequence[NDArray[np.int64]], items: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Factorise who chose what, so that items which the same users chose get vectors of one direction.

    The matrix of users and items, both weighted down by the fourth root of how often they occur and without its
    strongest factor, which is popularity alone.

    Args:
        histories: item numbers of each user, each once.
        items: number of rows wanted.
        dim: number of columns wanted.
        seed: of the randomised factorisation.

    Returns:
        shape (items, dim), standard deviation 0.1; columns beyond the rank of the matrix are zero.
    """
    columns = np.concatenate(histories)
    lengths = np.array([len(history) for history in histories])
    rows = np.repeat(np.arange(len(histories)), lengths)
    weights = (lengths[rows] * np.bincount(columns, minlength=items)[columns]) ** -0.25
    chosen = csr_matrix((weights, (rows, columns)), shape=(len(histories), items))
    rank = min(dim, min(chosen.shape) - 1)
    vectors = np.zeros((items, dim), dtype=np.float32)
    if rank > 0:
        _, strength, right = randomized_svd(chosen, n_components=rank + 1, n_iter=4, random_state=seed)
        vectors[:, :rank] = right[1:].T * np.sqrt(strength[1:])
        vectors *= 0.1 / max(float(vectors.std()), 1e-6)
    return vectors


def cases(histories: Sequence[Numbered], last: int) -> list[Case]:
    """Ask for each of the `last` items of every history, given all that came before it."""
    return [
        Case(history.items[:turn], int(history.items[turn]))
        for history in histories
        for turn in range(max(1, len(history.items) - last), len(history.items))
    ]


def padded(sequences: Sequence[NDArray[np.int64]], length: int, padding: int) -> NDArray[np.int64]:
    """Put the latest items of each sequence at the end of a row, shape (sequences, length)."""
    rows = np.full((len(sequences), length), padding, dtype=np.int64)
    for row, sequence in zip(rows, sequences, strict=True):
        latest = sequence[-length:]
        row[length - len(latest) :] = latest
    return rows


def _batch(
    cuts: Sequence[tuple[int, int]],
    histories: Sequence[Numbered],
    ordered: Sequence[NDArray[np.int64]],
    catalogue: int,
    length: int,
) -> Batch:
    """Make the windows that end before the items `end` of some histories."""
    met = np.full((len(cuts), catalogue), np.iinfo(np.int64).max, dtype=np.int64)
    for row, (number, _) in zip(met, cuts, strict=True):
        row[ordered[number]] = np.arange(len(ordered[number]))
    turns = [np.arange(max(0, end - length), end) + 1 for _, end in cuts]
    return Batch(
        users=np.array([histories[number].user for number, _ in cuts], dtype=np.int64),
        items=padded([ordered[number][:end] for number, end in cuts], length, catalogue),
        targets=padded(
            [ordered[number][turn] for (number, _), turn in zip(cuts, turns, strict=True)], length, NO_TARGET
        ),
        turns=padded(turns, length, 0),
        met=met,
    )
