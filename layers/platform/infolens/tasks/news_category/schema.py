"""Rows of news_category: which columns and labels files may use, and what a clean row is. Pure."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from infolens.contracts.description import Description, label_answer, object_schema, text_schema
from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_titled_text
from infolens.rows.json_types import json_type
from infolens.rows.split import split_of
from infolens.rows.text_cleaning import clean_text, content_key, join_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import CleanBlock

LABELS = (
    "Business",
    "Politics",
    "Food & Drink",
    "Travel",
    "Parenting",
    "Style & beauty",
    "Wellness",
    "World news",
    "Sports",
    "Entertainment",
)
"""Section names in the order of their ids, letter for letter S0-03."""

MIN_LABELLED = 15
"""Characters of a labelled text; headlines alone are useful training rows, single words are not."""

MIN_TEXT = 50
MAX_TEXT = 12_000
"""Characters of a text to answer (S0-30)."""

_KNOWN = f"{', '.join(LABELS)}, or an id 0 to {len(LABELS) - 1}"

_TITLE_NAMES = ("title", "headline")
_TEXT_NAMES = ("text", "body", "short_description", "description", "content")
_LABEL_NAMES = ("label", "category", "class", "class_name")


def _label_key(raw: str) -> str:
    return "".join(filter(str.isalnum, html.unescape(raw).casefold().replace("&", " and ")))


_LABEL_BY_KEY = {_label_key(name): name for name in LABELS}
_LABEL_BY_ID = {str(i): name for i, name in enumerate(LABELS)}  # apart: an id must stand alone, "-1" is not 1


@dataclass(frozen=True)
class NewsCategorySchema:
    """`infolens.contracts.task.Schema` of news_category."""

    task: str = "news_category"
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"text": "string", "label": "string"}))
    label: str = "label"
    bad_row_budget: float = 0.2
    """A fifth: beyond that the file is more likely the wrong file than a dirty one."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema. A file may have a title, a text, or both; they become one text."""
        return bind_titled_text(header, _TITLE_NAMES, _TEXT_NAMES, _LABEL_NAMES if labelled else ())

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema."""
        label = self._label(raw.get("label", ""))
        return {"text": self._text(raw, MIN_LABELLED), "label": label}

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        from infolens.rows.text_blocks import TextRules, clean_text_block  # noqa: PLC0415 - numpy, only ingest has it

        return clean_text_block(self, columns, TextRules(MIN_LABELLED, MAX_TEXT, self._label))

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema. Takes `text` and, where the caller keeps it apart, `title`."""
        for name in ("title", "text"):
            if name in payload and not isinstance(payload[name], str):
                raise RowRejected(name, f"must be a string, not {json_type(payload[name])}")
        if "text" not in payload:
            raise RowRejected("text", f"is missing; a string of {MIN_TEXT} to {MAX_TEXT} characters is needed")
        return {
            "text": self._text({name: str(payload[name]) for name in ("title", "text") if name in payload}, MIN_TEXT)
        }

    def describe(self) -> Description:
        """See Described."""
        title = {"type": "string", "description": "Stands before the text; the two together keep to the text's limits"}
        example = {"text": "The senate voted on the bill after a long night of debate."}
        fields = {"text": text_schema(MIN_TEXT, MAX_TEXT), "title": title}
        return Description(
            input=object_schema(fields, optional=("title",), example=example), answer=label_answer(LABELS)
        )

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema. The label is no part of it: one text belongs to one split and has one label."""
        return content_key(str(row["text"]))

    def split(self, row: Mapping[str, object]) -> str:
        """See Schema."""
        return split_of(self.identity(row))

    @staticmethod
    def _label(raw: str) -> str:
        if not raw.strip():
            raise RowRejected("label", f"is empty; one of {_KNOWN} is needed")
        name = _LABEL_BY_ID.get(raw.strip()) or _LABEL_BY_KEY.get(_label_key(raw))
        if name is None:
            raise RowRejected("label", f"{raw[:60]!r} is no known category; known: {_KNOWN}")
        return name

    @staticmethod
    def _text(raw: Mapping[str, str], least: int) -> str:
        text = join_title(clean_text(raw.get("title", "")), clean_text(raw.get("text", "")))
        if len(text) < least:
            raise RowRejected("text", f"has {len(text)} characters after cleaning; at least {least} are needed")
        if len(text) > MAX_TEXT:
            raise RowRejected("text", f"has {len(text)} characters after cleaning; at most {MAX_TEXT} are taken")
        return text


SCHEMA = NewsCategorySchema()
