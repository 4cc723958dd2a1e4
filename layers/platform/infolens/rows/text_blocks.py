"""Cleans the rows of a text task in blocks: usual rows at once in arrays, unusual ones one by one. Pure.

Only ingest has numpy, so that schemas import this module when a block of rows comes, and never before.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.contracts.task import CleanBlock, RowRejected
from infolens.rows.few_texts import FewTexts
from infolens.rows.split import SPLITS, TEST_END, VALIDATION_END, digest_of
from infolens.rows.text_arrays import CONTENT_KEYS, Keys, keyed_texts
from infolens.rows.text_cleaning import clean_text
from infolens.rows.utf8_cells import Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infolens.contracts.task import Column, Schema


@dataclass(frozen=True)
class TextRules:
    """What a task says of the texts and labels that are surely taken; everything else is left to its schema."""

    least: int
    most: int
    """Characters of a clean text that is kept as it is."""
    label_of: Callable[[str], str]
    """Reads a label's cell; raises RowRejected."""
    label: str = "label"
    """Name under which the label's column is bound."""
    title: str = "title"
    """Name under which a title's column is bound; "" where the task knows none."""
    no_titles: frozenset[str] = frozenset()
    """What stands for a missing title, casefolded, each a single word."""
    keys: Keys = CONTENT_KEYS
    """What a row's identity is made of."""


def clean_text_block(schema: Schema, columns: Mapping[str, Sequence[str]], rules: TextRules) -> CleanBlock:
    """Clean a block of rows that become a text (of `title` and `text`) and a label, as `clean_each` does.

    The schema cleans by `clean_text` and `join_title`, and its rows' identities are keys as `rules` has them.
    """
    size = len(next(iter(columns.values()), ()))
    texts = [columns.get("text", [""] * size)]
    if rules.title in columns:
        titles = columns[rules.title]
        if rules.no_titles:
            titles = ["" if _plainly(title).casefold() in rules.no_titles else title for title in titles]
        texts.insert(0, titles)
    found = keyed_texts(texts, rules.keys)
    labels, refused = _labels(columns.get(rules.label, [""] * size), rules.label_of)
    unusual = {*found.odd, *_outside(found.texts, rules), *refused}
    values: dict[str, Column] = {"text": found.texts, "label": labels}
    return settled(schema, columns, values, found.digests, sorted(unusual))


def settled(
    schema: Schema,
    columns: Mapping[str, Sequence[str]],
    values: Mapping[str, Column],
    digests: list[bytes],
    unusual: Sequence[int],
) -> CleanBlock:
    """Clean the unusual rows of a block one by one, and put them among the others.

    Args:
        schema: the task's rows; their splits go by their identities.
        columns: bound name -> cells of all rows.
        values: clean values of all rows, right for those that are not unusual; taken over.
        digests: digests of all rows, right for those that are not unusual; taken over.
        unusual: positions of the rows that the schema has to look at, ascending.
    """
    rejected: list[tuple[int, str, str]] = []
    for position in unusual:
        try:
            row = schema.clean({name: cells[position] for name, cells in columns.items()})
        except RowRejected as error:
            rejected.append((position, error.field, error.reason))
            continue
        for name, column in values.items():
            column[position] = row[name]  # type: ignore[assignment] # the column's own type
        digests[position] = digest_of(schema.identity(row))
    kept = list(range(len(digests)))
    if rejected:
        taken = [True] * len(digests)
        for position, _, _ in rejected:
            taken[position] = False
        kept = list(itertools.compress(kept, taken))
        values = {name: _chosen(column, taken) for name, column in values.items()}
        digests = list(itertools.compress(digests, taken))
    return CleanBlock(kept, values, digests, splits_of_digests(digests), rejected)


def splits_of_digests(digests: Sequence[bytes]) -> FewTexts:
    """Name the splits of rows with these digests, as `split_at` does by their positions."""
    first = np.frombuffer(b"".join(digests), ">u8")[::4].astype(np.uint64)
    below = [first < np.uint64(int.from_bytes(end, "big")) for end in (VALIDATION_END, TEST_END)]
    return FewTexts([*SPLITS], below[0].astype(np.intp) + below[1])


def _chosen(column: Column, taken: Sequence[bool]) -> Column:
    if isinstance(column, FewTexts):
        return column.at(np.array(taken, np.bool_))
    return column.chosen(taken) if isinstance(column, Utf8Cells) else list(itertools.compress(column, taken))


def _plainly(title: str) -> str:
    """Give a clean title, or one that differs from it in the spaces within."""
    if title.isascii() and title.isprintable() and "&" not in title:
        return title.strip()
    return clean_text(title)


def _labels(cells: Sequence[str], label_of: Callable[[str], str]) -> tuple[FewTexts, list[int]]:
    """Read each distinct cell once -> labels, and the positions of the cells that are refused."""
    found = FewTexts.of(cells)
    names, refused = [""] * len(found.names), np.zeros(len(found.names), np.bool_)
    for at, cell in enumerate(found.names):
        try:
            names[at] = label_of(cell)
        except RowRejected:
            refused[at] = True
    return FewTexts(names, found.codes), np.flatnonzero(refused[found.codes]).tolist()


def _outside(texts: Utf8Cells, rules: TextRules) -> list[int]:
    """Give the positions of texts that are too short or too long; a character has 1 to 4 bytes."""
    least, most = rules.least, rules.most
    sizes = texts.sizes()
    perhaps = np.flatnonzero((sizes < 4 * least) | (sizes > most)).tolist()
    return [at for at in perhaps if not least <= len(texts[at]) <= most]
