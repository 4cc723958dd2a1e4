"""Unit tests of `infolens.ml.training.batches`."""

import numpy as np

from infolens.ml.training.batches import batches_of_like_lengths, cut


def test_cut():
    """All pieces but the last are whole."""
    assert [list(piece) for piece in cut(np.arange(5), 2)] == [[0, 1], [2, 3], [4]]


def test_every_example_is_in_one_batch():
    """None is lost and none comes twice; the same random numbers give the same batches."""
    lengths = [number % 7 for number in range(103)]
    batches = batches_of_like_lengths(lengths, 4, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(103))
    again = batches_of_like_lengths(lengths, 4, np.random.default_rng(1))
    assert [list(batch) for batch in batches] == [list(batch) for batch in again]


def test_lengths_in_a_batch_are_alike():
    """With one pool for all examples, no length is shared by batches that hold others between."""
    lengths = list(range(40))
    batches = batches_of_like_lengths(lengths, 4, np.random.default_rng(1), pool=10)
    assert {max(batch) - min(batch) for batch in batches} == {3}
