"""Predictor of next items: a sequence of item ids, and perhaps a known user -> items that come next, best first.

What the model does not know is said, never guessed: items that are in no training row are skipped and counted, a user
who is in none is answered from the sequence alone, and a sequence without any known item gets the most popular items.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from infolens.ml.onnx_session import open_session
from infolens.ml.text_classifier import BundleConfigError, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from infolens.contracts.bundle import BundleManifest

PREDICTOR = "sequential_recommender"
"""Name of this predictor in a manifest."""

MODEL_FILE = "model.onnx"
CATALOGUE_FILE = "catalogue.json"

NO_FALLBACK = "none"
SEQUENCE_ONLY = "sequence"
"""The user is in no training row: every new user shares one vector, and the answer rests on the sequence."""
POPULARITY = "popularity"
"""No item of the sequence is known: the answer is what most users have in theirs."""

UNKNOWN_USER = 0
"""Number of everybody who is in no training row; known users follow in the order of `Catalogue.users`."""

_SCORED = 2_000
"""Items whose probabilities `scores` gives: enough for a catalogue of MovieLens' size to be compared whole, and few
enough for a reference of a hundred rows to stay some megabytes with any other."""

_DIGITS = 6

_LEAST = 1e-30
"""Instead of no probability at all, which cannot be divided by: a user who has everything."""


@dataclass(frozen=True)
class Catalogue:
    """What the numbers of a model mean: item number i is `items[i]`, user number i + 1 is `users[i]`."""

    items: tuple[int, ...]
    """Ids, the most popular first."""
    counts: tuple[int, ...]
    """Training users who have the item in their sequence, in the order of `items`: they fall."""
    users: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be the catalogue of any model."""
        if not self.items or len(self.items) != len(self.counts):
            raise ValueError(f"{len(self.items)} items and {len(self.counts)} counts; as many of each are needed")
        if len(set(self.items)) != len(self.items) or len(set(self.users)) != len(self.users):
            raise ValueError("an item or a user is named twice")
        if any(one < other for one, other in zip(self.counts, self.counts[1:], strict=False)):
            raise ValueError("the most popular items do not stand first")

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), separators=(",", ":")))

    @classmethod
    def read(cls, path: Path) -> Catalogue:
        """Read what `write` wrote.

        Raises:
            BundleConfigError: it is missing or no catalogue.
        """
        try:
            plain = json.loads(path.read_text())
            return cls(tuple(plain["items"]), tuple(plain["counts"]), tuple(plain["users"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleConfigError(f"{path.name} is no catalogue: {error}") from error


class SequentialRecommender:
    """`infolens.contracts.task.Predictor` of next items; each sequence runs alone, as long as it is."""

    def __init__(self, session: InferenceSession, catalogue: Catalogue, max_length: int) -> None:
        """Take an open session, what its numbers mean, and how many of the latest items it reads."""
        self._session = session
        self._catalogue = catalogue
        self._max_length = max_length
        self._item_numbers = {item: number for number, item in enumerate(catalogue.items)}
        self._user_numbers = {user: number for number, user in enumerate(catalogue.users, start=UNKNOWN_USER + 1)}
        counts = np.asarray(catalogue.counts, dtype=np.float64)
        self._popularity = (counts / max(1.0, counts.sum())).astype(np.float32)

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """Answer each `{"user_id", "sequence", "top_k", "candidates"?}`.

        Returns:
            for each input `{"top_items", "scores", "fallback", "unknown_items"}`: at most `top_k` item ids, the best
            first, none of them in the sequence; their probabilities; what the answer rests on instead of user and
            sequence ("none", "sequence" or "popularity"); how many different items of the sequence are unknown. With
            "candidates" also "candidate_scores", one for each in their order: 0 for items that are unknown or in the
            sequence.
        """
        return [self._answer(item) for item in inputs]

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """See Predictor: probabilities over the items that `scored_items` names, shape (inputs, items); sums of one."""
        chosen = scored_items(len(self._catalogue.items))
        if not inputs:
            return np.empty((0, len(chosen)), dtype=np.float32)
        rows = [self._probabilities(item)[0][chosen] for item in inputs]
        return np.stack([row / max(float(row.sum()), _LEAST) for row in rows])

    def _answer(self, item: Mapping[str, object]) -> dict[str, object]:
        probabilities, fallback, unknown = self._probabilities(item)
        top = self._best(probabilities, cast("int", item["top_k"]))
        answer: dict[str, object] = {
            "top_items": [self._catalogue.items[number] for number in top],
            "scores": [_rounded(probabilities[number]) for number in top],
            "fallback": fallback,
            "unknown_items": unknown,
        }
        if "candidates" in item:
            numbers = (self._item_numbers.get(candidate) for candidate in cast("Sequence[int]", item["candidates"]))
            answer["candidate_scores"] = [
                0.0 if number is None else _rounded(probabilities[number]) for number in numbers
            ]
        return answer

    def _probabilities(self, item: Mapping[str, object]) -> tuple[NDArray[np.float32], str, int]:
        """Give the probability of each item, 0 for those in the sequence; the fallback; the number of unknown items."""
        sequence = latest(cast("Sequence[int]", item["sequence"]))
        known = [self._item_numbers[one] for one in sequence if one in self._item_numbers]
        unknown = len(sequence) - len(known)
        if not known:
            return self._popularity, POPULARITY, unknown
        user = self._user_numbers.get(cast("int", item["user_id"]), UNKNOWN_USER)
        given = {
            "items": np.asarray([known[-self._max_length :]], dtype=np.int64),
            "user": np.asarray([user], dtype=np.int64),
        }
        logits = self._session.run(["logits"], given)[0][0]
        if not np.isfinite(logits).all():
            raise ValueError("the model's scores are no numbers")
        logits[known] = -np.inf
        fallback = SEQUENCE_ONLY if user == UNKNOWN_USER else NO_FALLBACK
        if len(known) == len(logits):
            return np.zeros_like(logits), fallback, unknown
        return softmax(logits), fallback, unknown

    @staticmethod
    def _best(probabilities: NDArray[np.float32], k: int) -> list[int]:
        """Numbers of the `k` likeliest items; of equal ones the more popular first; none that are ruled out."""
        order = np.argsort(-probabilities, kind="stable")[:k]
        return [int(number) for number in order if probabilities[number] > 0.0]


def latest(sequence: Sequence[int]) -> list[int]:
    """Give a sequence with each item once, where it stands last: what came back is recent, not old."""
    return list(dict.fromkeys(reversed(sequence)))[::-1]


def scored_items(catalogue: int) -> NDArray[np.int64]:
    """Numbers of the items that parity is checked on: all, or 2,000 spread evenly from popular to rare."""
    return np.unique(np.linspace(0, catalogue - 1, min(catalogue, _SCORED)).astype(np.int64))


def load(directory: Path, manifest: BundleManifest, threads: int) -> SequentialRecommender:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "max_length".
        threads: threads of the session, see `onnx_session.cpu_share`.

    Raises:
        BundleConfigError: it is another predictor's bundle, its config lacks a key, or the model and the catalogue
            do not speak of as many items.
    """
    if manifest.predictor != PREDICTOR:
        raise BundleConfigError(f"bundle is for predictor {manifest.predictor!r}, not {PREDICTOR!r}")
    max_length = manifest.config.get("max_length")
    if not isinstance(max_length, int) or max_length < 1:
        raise BundleConfigError("manifest.json: config must hold a positive number 'max_length'")
    catalogue = Catalogue.read(directory / CATALOGUE_FILE)
    session = open_session(directory / MODEL_FILE, threads)
    width = session.get_outputs()[0].shape[-1]
    if width != len(catalogue.items):
        raise BundleConfigError(f"{MODEL_FILE} scores {width} items, {CATALOGUE_FILE} names {len(catalogue.items)}")
    return SequentialRecommender(session, catalogue, max_length)


def _rounded(probability: np.float32) -> float:
    """Six significant digits: rare items have one in a million, which six decimals would make equal."""
    return float(f"{float(probability):.{_DIGITS}g}")
