"""Holds a column in which few texts come again and again: each of them once, and for each row which one it is. Pure.

Only ingest has numpy, so that schemas import this module when a block of rows comes, and never before.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np
import pyarrow as pa

from infolens.rows.utf8_cells import Lying, Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Places = NDArray[np.intp]


class FewTexts(Sequence[str]):
    """A column of texts; equal to any sequence of the same strings."""

    __hash__ = None  # type: ignore[assignment] # as a list, for a text can be put in place of another

    def __init__(self, names: list[str], codes: Places) -> None:
        """Take the texts, of which some may be equal and some no row's, and each row's place among them; taken over."""
        self.names = names
        self.codes = codes

    @classmethod
    def of(cls, texts: Sequence[str]) -> FewTexts:
        """Take a column as it is; one that is such a column already is given back."""
        if isinstance(texts, FewTexts):
            return texts
        if isinstance(texts, Utf8Cells):
            lying = texts.lying
            if lying is not None and len(texts) and not len(lying.doubled):
                return cls._of_lying(lying)
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(text, len(numbers)) for text in texts]
        return cls(list(numbers), np.array(codes, np.intp))

    @classmethod
    def _of_lying(cls, lying: Lying) -> FewTexts:
        # To Arrow a text and what lies behind it are two texts, of which the first is taken.
        edges = np.empty(2 * len(lying.begins), np.int32)
        edges[0::2], edges[1::2] = lying.begins, lying.ends
        buffers = [None, pa.py_buffer(edges), pa.py_buffer(lying.data)]
        stretches = pa.Array.from_buffers(pa.binary(), len(edges) - 1, buffers)
        found = stretches.take(pa.array(np.arange(0, len(edges), 2))).dictionary_encode()
        names = [name.decode() for name in found.dictionary.to_pylist()]
        return cls(names, found.indices.to_numpy().astype(np.intp))

    @classmethod
    def joined(cls, columns: Sequence[FewTexts]) -> FewTexts:
        """Put columns behind each other."""
        edges = [0, *itertools.accumulate(len(column.names) for column in columns)]
        names = [name for column in columns for name in column.names]
        codes = [column.codes + edge for column, edge in zip(columns, edges, strict=False)]
        return cls(names, np.concatenate([np.zeros(0, np.intp), *codes]))

    def counts(self) -> dict[str, int]:
        """Say how often each text comes that does."""
        found: collections.Counter[str] = collections.Counter()
        for name, count in zip(self.names, np.bincount(self.codes, minlength=len(self.names)).tolist(), strict=True):
            found[name] += count
        return dict(+found)

    def at(self, rows: Places | NDArray[np.bool_]) -> FewTexts:
        """Give some of the rows."""
        return FewTexts([*self.names], self.codes[rows])

    def arrow(self, kind: pa.DataType) -> pa.Array:
        """Give the column to Arrow."""
        return pa.array(self.names, kind).take(pa.array(self.codes))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.codes)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> FewTexts: ...

    def __getitem__(self, at: int | slice) -> str | FewTexts:
        """Give a text, or a part of the column."""
        if isinstance(at, slice):
            return FewTexts([*self.names], self.codes[at].copy())
        return self.names[int(self.codes[at])]

    def __setitem__(self, at: int, text: str) -> None:
        """Put a text in place of another."""
        if text not in self.names:
            self.names.append(text)
        self.codes[at] = self.names.index(text)

    def __iter__(self) -> Iterator[str]:
        """Give the texts one by one."""
        return map(self.names.__getitem__, self.codes.tolist())

    def __eq__(self, other: object) -> bool:
        """Compare with a sequence of strings."""
        return list(self) == list(other) if isinstance(other, FewTexts | list) else NotImplemented

    def __repr__(self) -> str:
        """Show the texts."""
        return f"FewTexts({list(self)!r})"
