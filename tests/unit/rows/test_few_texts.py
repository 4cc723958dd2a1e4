"""A column of texts that come again and again holds each once, and is read as a list of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from infolens.rows.few_texts import FewTexts
from infolens.rows.utf8_cells import Lying, Utf8Cells

DATA = 'cat,,"do""g",caf\u00e9;cat,x,"do""g",caf\u00e9;'.encode()


def lying(quoted):
    """Four texts or, with those that hold doubled quotes, six, as they lie in DATA."""
    spans = [(0, 3), (4, 4), (13, 18), (19, 22), (23, 24), (33, 38)] + [(6, 11), (26, 31)] * quoted
    begins, ends = np.array(sorted(spans), np.intp).T
    doubled = [9, 29] if quoted else []
    return Utf8Cells(Lying(DATA, begins, ends, np.array(doubled, np.intp)))


@pytest.mark.parametrize("quoted", [False, True])
def test_a_column_as_it_lies_has_the_texts_of_the_column(quoted):
    """Each text is found once, whether Arrow finds it or not."""
    cells = lying(quoted)
    few = FewTexts.of(cells)
    assert few == list(cells)
    assert sorted(few.names) == sorted(set(cells))


def test_counts_are_those_of_the_texts():
    """Texts that stand twice among the names are one, and names that no row has are none."""
    few = FewTexts(["a", "b", "a", "c"], np.array([0, 2, 1, 0], np.intp))
    assert few.counts() == {"a": 3, "b": 1}
    assert few.at(np.array([2])).counts() == {"b": 1}
    assert FewTexts.joined([few, FewTexts.of(["b", "d"])]).counts() == {"a": 3, "b": 2, "d": 1}
    assert FewTexts.joined([]).counts() == {}


def test_a_text_is_put_in_place_of_another():
    """One that is known and one that is not; a part of the column that was taken before stays as it was."""
    few = FewTexts.of(["a", "b", "a"])
    part, some = few[:2], few.at(np.array([True, False, True]))
    few[0], few[1] = "b", "new"
    assert (few, part, some) == (["b", "new", "a"], ["a", "b"], ["a", "a"])
    assert (few[1], few[-1], len(few)) == ("new", "a", 3)


def test_arrow_is_given_the_texts():
    """A column of one string a row, as if there had been a list."""
    few = FewTexts.of(["b", "a", "b"])
    assert few.arrow(pa.string()).equals(pa.array(["b", "a", "b"]))
    assert few.arrow(pa.string()).null_count == 0
