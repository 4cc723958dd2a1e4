"""Unit tests of `infolens.rows.byte_places`."""

from __future__ import annotations

import numpy as np
import pytest

from infolens.rows.byte_places import places_where


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1000])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
def test_places(size, share):
    """They are those that numpy finds, at the end of the array too, which is no whole word of eight bytes."""
    mask = np.random.default_rng(size).random(size) < share
    assert places_where(mask).tolist() == np.flatnonzero(mask).tolist()
