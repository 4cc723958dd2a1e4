"""Holds texts as UTF-8 that others read as strings, so that what needs no string is never made one. Pure.

Only ingest has numpy, so that schemas import this module when a block of rows comes, and never before.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Lying:
    """Where texts lie in some bytes, one after the other, with anything between them."""

    data: bytes
    begins: Places
    ends: Places
    doubled: Places = field(default_factory=lambda: np.zeros(0, np.intp))
    """Places of quotes that follow a quote and are none of their text, ascending; every two quotes in a text that are
    neighbours are such a pair."""

    def part(self, begin: int, end: int) -> Lying:
        """Give some of the texts."""
        first, last = (int(np.searchsorted(self.doubled, self._edge(at))) for at in (begin, end))
        return Lying(self.data, self.begins[begin:end], self.ends[begin:end], self.doubled[first:last])

    def _edge(self, at: int) -> int:
        return int(self.begins[at]) if at < len(self.begins) else len(self.data)

    def owners(self) -> Places:
        """Give the position of the text in which each doubled quote is."""
        return np.searchsorted(self.begins, self.doubled, "right") - 1

    def as_they_lie(self) -> list[bytes]:
        """Give the texts with their doubled quotes."""
        data = self.data
        return [data[begin:end] for begin, end in zip(self.begins.tolist(), self.ends.tolist(), strict=True)]

    def text(self, at: int) -> bytes:
        """Give one text."""
        text = self.data[self.begins[at] : self.ends[at]]
        return text.replace(b'""', b'"') if len(self.doubled) else text

    def texts(self) -> list[bytes]:
        """Give all texts."""
        texts = self.as_they_lie()
        for owner in dict.fromkeys(self.owners().tolist()):
            texts[owner] = texts[owner].replace(b'""', b'"')
        return texts


class Utf8Cells(Sequence[str]):
    """A column of texts; equal to any sequence of the same strings."""

    __hash__ = None  # type: ignore[assignment] # as a list, for a text can be put in place of another

    def __init__(self, texts: list[bytes] | Lying) -> None:
        """Take texts that are valid UTF-8, each as an object of its own or as they lie; a list is taken over."""
        self._texts = texts

    @property
    def utf8(self) -> list[bytes]:
        """Each text as an object of its own."""
        if isinstance(self._texts, Lying):
            self._texts = self._texts.texts()
        return self._texts

    def utf8_at(self, at: int) -> bytes:
        """Give one text as UTF-8."""
        return self._texts.text(at) if isinstance(self._texts, Lying) else self._texts[at]

    @property
    def lying(self) -> Lying | None:
        """Where the texts lie, if they lie together."""
        return self._texts if isinstance(self._texts, Lying) else None

    def sizes(self) -> Places:
        """Give the number of bytes of each text, doubled quotes counted twice."""
        if isinstance(self._texts, Lying):
            return self._texts.ends - self._texts.begins
        return np.fromiter(map(len, self._texts), np.intp, len(self._texts))

    def packed(self) -> tuple[bytes, Places]:
        """Give all texts behind each other, and where each begins and the last ends."""
        lying = self.lying
        if lying is None or len(lying.doubled) or not len(self):
            return b"".join(self.utf8), _edges(self.sizes())
        # Runs of texts that have nothing between them are copied at a stroke.
        breaks = np.flatnonzero(lying.begins[1:] != lying.ends[:-1]) + 1
        begins, ends = lying.begins[[0, *breaks]], lying.ends[[*breaks - 1, -1]]
        runs = [lying.data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        return b"".join(runs), _edges(self.sizes())

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._texts.begins if isinstance(self._texts, Lying) else self._texts)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> Utf8Cells: ...

    def __getitem__(self, at: int | slice) -> str | Utf8Cells:
        """Give a text, or a part of the column."""
        if isinstance(at, slice):
            begin, end, step = at.indices(len(self))
            if isinstance(self._texts, Lying) and step == 1:
                return Utf8Cells(self._texts.part(begin, end))
            return Utf8Cells(self.utf8[at])
        return self.utf8_at(at).decode()

    def __setitem__(self, at: int, text: str) -> None:
        """Put a text in place of another."""
        self.utf8[at] = text.encode()

    def __iter__(self) -> Iterator[str]:
        """Give the texts one by one."""
        return map(bytes.decode, self.utf8)

    def __eq__(self, other: object) -> bool:
        """Compare with a sequence of strings."""
        if isinstance(other, Utf8Cells):
            return self.utf8 == other.utf8
        return list(self) == other if isinstance(other, list) else NotImplemented

    def __repr__(self) -> str:
        """Show the texts."""
        return f"Utf8Cells({list(self)!r})"

    def chosen(self, taken: Sequence[bool]) -> Utf8Cells:
        """Give the texts for which `taken` is true."""
        lying = self.lying
        if lying is None or len(lying.doubled):
            return Utf8Cells(list(itertools.compress(self.utf8, taken)))
        mask = np.array(taken, np.bool_)
        return Utf8Cells(Lying(lying.data, lying.begins[mask], lying.ends[mask]))


def _edges(sizes: Places) -> Places:
    return np.concatenate([np.zeros(1, np.intp), np.cumsum(sizes)])
