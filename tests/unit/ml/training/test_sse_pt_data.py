"""Histories become windows in which every item is a target, and nothing is known of equal timestamps."""

from __future__ import annotations

import numpy as np
import pytest

from infolens.ml.sequential_recommender import Catalogue
from infolens.ml.training.sse_pt_data import (
    NO_TARGET,
    History,
    cases,
    catalogue_of,
    numbered,
    padded,
    shared_user_vectors,
    windows,
    windows_of,
)

CATALOGUE = Catalogue(items=tuple(range(100, 110)), counts=(1,) * 10, users=(5, 6))


def history(count, user=5, same_second=False):
    """The first `count` items of the catalogue, in order or all at once."""
    return History(user, list(range(100, 100 + count)), [0] * count if same_second else list(range(count)))


def batches(histories, length=4, size=100, seed=0):
    """All windows of an epoch in one batch, or more."""
    return list(windows(numbered(histories, CATALOGUE), 10, length, size, np.random.default_rng(seed)))


def test_the_most_popular_item_has_number_0():
    """Items are ordered by how many users have them, equal ones by their id; users by their ids."""
    found = catalogue_of([History(9, [3, 1], [0, 1]), History(2, [1, 2], [0, 1])])
    assert found == Catalogue(items=(1, 2, 3), counts=(2, 1, 1), users=(2, 9))


def test_numbers():
    """Known users count from 1 and new ones are 0; items that the catalogue lacks are left out with their times."""
    first, other = numbered([History(6, [101, 999, 103], [10, 20, 30]), History(77, [999], [1])], CATALOGUE)
    assert first.user == 2
    assert first.items.tolist() == [1, 3]
    assert first.times.tolist() == [10, 30]
    assert other.user == 0
    assert other.items.tolist() == []


@pytest.mark.parametrize("count", [2, 4, 5, 6, 9, 10])
@pytest.mark.parametrize("seed", range(5))
def test_every_item_but_the_first_is_a_target(count, seed):
    """Each window holds what was chosen directly before its targets, and no target is left out at any cut."""
    (batch,) = batches([history(count)], seed=seed)
    places = batch.targets != NO_TARGET
    assert set(batch.targets[places]) == set(range(1, count))
    assert (batch.items[places] == batch.targets[places] - 1).all()  # in this history each follows the one before
    assert (batch.items[~places] == 10).all()
    assert (batch.turns[places] == batch.targets[places]).all()
    assert abs(len(batch.users) - windows_of(numbered([history(count)], CATALOGUE), 4)) <= 1


def test_a_single_item_says_nothing():
    """Nothing precedes it, so there is nothing to learn."""
    assert batches([history(1)]) == []


def test_what_was_chosen_before_is_known_at_each_place():
    """`met` says for each item of the catalogue when it was chosen; what never was comes after all."""
    (batch,) = batches([history(3)])
    assert batch.met[0, :3].tolist() == [0, 1, 2]
    assert (batch.met[0, 3:] > 1_000_000).all()


def test_the_order_of_one_second_is_drawn_anew():
    """Items with equal timestamps come in many orders, others always in theirs."""
    orders = {tuple(batches([history(4, same_second=True)], seed=seed)[0].targets[0]) for seed in range(20)}
    assert len(orders) > 5
    assert len({tuple(batches([history(4)], seed=seed)[0].targets[0]) for seed in range(20)}) == 1


def test_batches_hold_all_windows_once():
    """Windows are shuffled over batches of the size asked for."""
    found = batches([history(5, user=5), history(5, user=6)] * 3, length=10, size=4)
    assert [len(batch.users) for batch in found] == [4, 2]
    assert sorted(np.concatenate([batch.users for batch in found])) == [1, 1, 1, 2, 2, 2]


def test_cases():
    """The latest items are asked for, each after everything before it, and never the first."""
    (one,) = numbered([history(5)], CATALOGUE)
    assert [(case.items.tolist(), case.target) for case in cases([one], last=2)] == [([0, 1, 2], 3), ([0, 1, 2, 3], 4)]
    assert [case.target for case in cases([one], last=100)] == [1, 2, 3, 4]
    assert cases(numbered([history(1)], CATALOGUE), last=2) == []


def test_padded():
    """The latest items stand at the end of the row."""
    rows = padded([np.array([1, 2, 3]), np.array([4])], length=2, padding=9)
    assert rows.tolist() == [[2, 3], [9, 4]]


def test_items_of_the_same_users_start_close():
    """Two groups of users who mostly choose from two groups of items: vectors point one way within a group."""
    source = np.random.default_rng(0)
    histories = [
        np.concatenate(
            [own * 8 + source.choice(8, 6, replace=False), (1 - own) * 8 + source.choice(8, 2, replace=False)]
        )
        for own in [0, 1] * 20
    ]
    vectors = shared_user_vectors(histories, items=17, dim=1, seed=0)
    unit = vectors[:16] / np.linalg.norm(vectors[:16], axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert cosines[:8, :8].mean() > cosines[:8, 8:].mean() + 1.5
    assert vectors.std() == pytest.approx(0.1, abs=1e-4)
    assert not vectors[16].any()  # nobody chose it


def test_more_dimensions_than_users_are_left_empty():
    """A handful of users gives a handful of factors, not noise."""
    vectors = shared_user_vectors([np.array([0, 1]), np.array([1, 2])], items=3, dim=8, seed=0)
    assert vectors.shape == (3, 8)
    assert not vectors[:, 2:].any()
    assert not shared_user_vectors([np.array([0, 1])], items=3, dim=2, seed=0).any()
