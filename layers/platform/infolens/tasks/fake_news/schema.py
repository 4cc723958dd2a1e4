"""Rows of fake_news: which columns and labels files may use, and what a clean row is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from infolens.contracts.description import Description, label_answer, object_schema, text_schema
from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_titled_text
from infolens.rows.split import split_of
from infolens.rows.text_cleaning import clean_text, content_key, join_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import CleanBlock

LABELS = ("fake", "real")
"""Names in the order of their ids (S0-19, S0-31)."""

MIN_LABELLED = 15
"""Characters of a labelled text: headlines alone are useful training rows, single words are not."""

MIN_TEXT = 50
MAX_TEXT = 12_000
"""Characters of a text to answer (S0-30)."""

MAX_RAW = 1_000_000
"""Characters of a labelled text as it comes; one that is longer is no article. Articles are kept up to MAX_TEXT."""

_TITLE_NAMES = ("title", "headline")
_TEXT_NAMES = ("text", "body", "article", "content", "statement", "tweet", "post")
_LABEL_NAMES = ("label", "class", "truth", "rating")

_NOTHING = frozenset({"nan", "none", "null", "n/a"})
"""What programs write for a missing title."""

_FAKE = ("0", "0.0", "fake", "false", "pants-fire", "barely-true")
_REAL = ("1", "1.0", "real", "true", "half-true", "mostly-true")
"""Ids, as spreadsheets write them too, names, and the six grades of LIAR: the lower three are fake, the upper real."""

_LABEL_BY_KEY = {key: name for name, keys in zip(LABELS, (_FAKE, _REAL), strict=True) for key in keys}
_KNOWN = f"fake: {', '.join(_FAKE)}; real: {', '.join(_REAL)}"


@dataclass(frozen=True)
class FakeNewsSchema:
    """`infolens.contracts.task.Schema` of fake_news. Where a text was taken from (`source`) is never read."""

    task: str = "fake_news"
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"text": "string", "label": "string"}))
    label: str = "label"
    bad_row_budget: float = 0.2
    """A fifth: beyond that the file is more likely the wrong file than a dirty one."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema. A file may have a title, a text, or both; they become one text."""
        return bind_titled_text(header, _TITLE_NAMES, _TEXT_NAMES, _LABEL_NAMES if labelled else ())

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema. An article that is longer than the API takes is kept as far as the API would take it."""
        label = self._label(raw.get("label", ""))
        for name in ("title", "text"):
            if len(raw.get(name, "")) > MAX_RAW:
                raise RowRejected(name, f"has {len(raw[name])} characters; at most {MAX_RAW} are taken")
        text = _joined(raw.get("title", ""), raw.get("text", ""))
        _check_least(text, MIN_LABELLED)
        return {"text": text[:MAX_TEXT].rstrip(), "label": label}

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        from infolens.rows.text_blocks import TextRules, clean_text_block  # noqa: PLC0415 - numpy, only ingest has it

        rules = TextRules(MIN_LABELLED, MAX_TEXT, self._label, no_titles=_NOTHING)
        return clean_text_block(self, columns, rules)

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema. Takes `text` and, where the caller keeps it apart, `title`."""
        for name in ("title", "text"):
            value = payload.get(name, "")
            if not isinstance(value, str):
                raise RowRejected(name, f"must be a string, not {_JSON_TYPES.get(type(value), type(value).__name__)}")
            if len(value) > MAX_RAW:  # before cleaning: what is thrown away costs no time
                raise RowRejected(name, f"has {len(value)} characters; at most {MAX_TEXT} are taken after cleaning")
        if "text" not in payload:
            raise RowRejected("text", f"is missing; a string of {MIN_TEXT} to {MAX_TEXT} characters is needed")
        text = _joined(str(payload.get("title", "")), str(payload["text"]))
        _check_least(text, MIN_TEXT)
        if len(text) > MAX_TEXT:
            raise RowRejected("text", f"has {len(text)} characters after cleaning; at most {MAX_TEXT} are taken")
        return {"text": text}

    def describe(self) -> Description:
        """See Described."""
        example = {
            "title": "City council delays decision on the flood defences",
            "text": "The vote was put off until the spring, a spokesperson said on Tuesday.",
        }
        fields = {"text": text_schema(MIN_TEXT, MAX_TEXT), "title": {"type": "string", "maxLength": MAX_TEXT}}
        described = object_schema(fields, optional=("title",), example=example)
        return Description(input=described, answer=label_answer(LABELS))

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema. The label is no part of it: one text belongs to one split and has one label."""
        return content_key(str(row["text"]))

    def split(self, row: Mapping[str, object]) -> str:
        """See Schema."""
        return split_of(self.identity(row))

    @staticmethod
    def _label(raw: str) -> str:
        if not raw.strip():
            raise RowRejected("label", f"is empty; known values are {_KNOWN}")
        key = "-".join(raw.casefold().replace("_", " ").split())
        if key not in _LABEL_BY_KEY:
            raise RowRejected("label", f"{raw[:60]!r} is neither fake nor real; known values are {_KNOWN}")
        return _LABEL_BY_KEY[key]


_JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def _joined(title: str, text: str) -> str:
    heading = clean_text(title)
    return join_title("" if heading.casefold() in _NOTHING else heading, clean_text(text))


def _check_least(text: str, least: int) -> None:
    if len(text) < least:
        raise RowRejected("text", f"has {len(text)} characters after cleaning; at least {least} are needed")


SCHEMA = FakeNewsSchema()
