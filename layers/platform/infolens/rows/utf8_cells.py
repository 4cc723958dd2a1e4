"""Holds texts as UTF-8 that others read as strings, so that what needs no string is never made one. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Utf8Cells(Sequence[str]):
    """A column of texts; equal to any sequence of the same strings."""

    __hash__ = None  # type: ignore[assignment] # as a list, for a text can be put in place of another

    def __init__(self, utf8: list[bytes]) -> None:
        """Take texts that are valid UTF-8; the list is taken over."""
        self.utf8 = utf8

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.utf8)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> Utf8Cells: ...

    def __getitem__(self, at: int | slice) -> str | Utf8Cells:
        """Give a text, or a part of the column."""
        if isinstance(at, slice):
            return Utf8Cells(self.utf8[at])
        return self.utf8[at].decode()

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

    def chosen(self, taken: Iterable[bool]) -> Utf8Cells:
        """Give the texts for which `taken` is true."""
        return Utf8Cells(list(itertools.compress(self.utf8, taken)))
