"""Unit tests of `infolens.rows.utf8_cells`."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest

from infolens.rows.utf8_cells import Lying, Utf8Cells


def test_reads_as_strings():
    """Whoever wants strings gets them, one by one, in part or all."""
    cells = Utf8Cells(["Café".encode(), b"", b"tea"])
    assert (len(cells), cells[0], cells[-1], list(cells)) == (3, "Café", "tea", ["Café", "", "tea"])
    assert cells[1:] == ["", "tea"]
    assert cells == Utf8Cells(["Café".encode(), b"", b"tea"])
    assert cells != ["Café", "", "coffee"]
    assert cells.chosen([True, False, True]) == ["Café", "tea"]


def test_text_is_put_in_place_of_another():
    """What a schema says of an unusual row takes the place of what arrays made of it."""
    cells = Utf8Cells([b"a", b"b"])
    cells[1] = "é"
    assert cells.utf8 == [b"a", "é".encode()]
    assert repr(cells) == "Utf8Cells(['a', 'é'])"


def lying(*texts: str) -> Utf8Cells:
    """Texts as they lie in quotes, in a line of CSV."""
    data, begins, ends, doubled = b"", [], [], []
    for text in texts:
        data += b'"'
        begins.append(len(data))
        for byte in text.encode():
            data += bytes([byte])
            if byte == ord('"'):
                doubled.append(len(data))
                data += b'"'
        ends.append(len(data))
        data += b'",'
    return Utf8Cells(Lying(data, *(np.array(places, np.intp) for places in (begins, ends, doubled))))


def test_texts_are_read_where_they_lie():
    """Quotes that are doubled count as one, in each text, in a part of them, and in all."""
    texts = ["Café", '"a" said ""', "", '"']
    cells = lying(*texts)
    assert (len(cells), cells[1], cells[-1]) == (4, texts[1], '"')
    assert cells.lying
    assert cells[1:3] == texts[1:3]
    assert cells[2:] == texts[2:]
    assert lying(*texts).chosen([False, True, False, True]) == [texts[1], '"']
    assert lying("a", "bc", "d").chosen([True, False, True]) == ["a", "d"]
    assert cells == texts
    assert cells.lying is None


@pytest.mark.parametrize("texts", [(), ("",), ("é", "bc", ""), ('"', "b")])
def test_texts_are_packed(texts):
    """Behind each other, whatever lay between them."""
    utf8 = [text.encode() for text in texts]
    expected = b"".join(utf8), [0, *accumulate(map(len, utf8))]
    for cells in (lying(*texts), Utf8Cells(utf8), lying("x", *texts, "y")[1:-1], packed_again(lying(*texts))):
        data, edges = cells.packed()
        assert (data, edges.tolist()) == expected


def packed_again(cells: Utf8Cells) -> Utf8Cells:
    """The same texts with nothing between them."""
    data, edges = cells.packed()
    return Utf8Cells(Lying(data, edges[:-1], edges[1:]))


def test_a_text_in_place_of_one_that_lies():
    """The others stay as they are."""
    cells = lying("a", '"b"')
    cells[0] = "é"
    assert cells == ["é", '"b"']
