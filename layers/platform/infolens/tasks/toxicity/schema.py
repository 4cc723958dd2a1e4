"""Rows of toxicity: which columns and labels files may use, and what a clean row is. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from infolens.contracts.description import Description, label_answer, number_schema, object_schema, text_schema
from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_columns, column_name
from infolens.rows.json_types import json_type
from infolens.rows.split import split_of
from infolens.rows.text_cleaning import clean_text, content_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import CleanBlock

NON_TOXIC, TOXIC = "non-toxic", "toxic"
LABELS = (NON_TOXIC, TOXIC)
"""In the order of their ids: 1 is toxic, as in Jigsaw's files."""

MIN_LABELLED = 3
"""Characters of a labelled comment: the shortest insults have three."""

MIN_TEXT = 1
MAX_TEXT = 12_000
"""Characters of a comment to answer: a comment may be one word; the longest is that of every text here (S0-30)."""

_MAX_RAW = 20 * MAX_TEXT
"""Characters that are cleaned at all: what is longer is refused without reading it."""

_TEXT_NAMES = ("text", "comment_text", "comment", "tweet", "message", "content", "body")
_LABEL_NAMES = ("label", "labels", "toxic", "toxicity", "is_toxic", "class")

# Davidson's tweets: the majority of the annotators; 0 hate speech, 1 offensive language, 2 neither.
_TWEETS = "tweet"
_MAJORITY = "class"
_KNOWN_MAJORITY = "0 (hate speech), 1 (offensive), 2 (neither)"
_LABEL_BY_MAJORITY = {"0": TOXIC, "1": TOXIC, "2": NON_TOXIC}

_LABEL_BY_KEY = {
    "1": TOXIC,
    "toxic": TOXIC,
    "true": TOXIC,
    "yes": TOXIC,
    "0": NON_TOXIC,
    "nontoxic": NON_TOXIC,
    "nottoxic": NON_TOXIC,
    "false": NON_TOXIC,
    "no": NON_TOXIC,
}
_KNOWN = "toxic (or 1), non-toxic (or 0)"

_ENOUGH_LETTERS = 20
"""Letters that tell one comment from another; shorter ones are told apart by their digits too."""


@dataclass(frozen=True)
class ToxicitySchema:
    """`infolens.contracts.task.Schema` of toxicity."""

    task: str = "toxicity"
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"text": "string", "label": "string"}))
    label: str = "label"
    bad_row_budget: float = 0.2
    """A fifth: beyond that the file is more likely the wrong file than a dirty one."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema. One text and one label; every other column (ids, annotators' votes) is passed over.

        A `class` beside a `tweet` holds Davidson's numbers, of which 0 is the worst; it is bound as "majority".
        """
        bound = bind_columns(header, {"text": _TEXT_NAMES} | ({"label": _LABEL_NAMES} if labelled else {}))
        if "text" not in bound:
            raise RowRejected("text", f"no such column; one of {', '.join(_TEXT_NAMES)} is needed")
        if labelled and "label" not in bound:
            raise RowRejected("label", f"no such column; one of {', '.join(_LABEL_NAMES)} is needed")
        if labelled and [column_name(header[bound[name]]) for name in ("text", "label")] == [_TWEETS, _MAJORITY]:
            bound["majority"] = bound.pop("label")
        return bound

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema."""
        label = _by_majority(raw["majority"]) if "majority" in raw else _by_name(raw.get("label", ""))
        return {"text": _text(raw.get("text", ""), MIN_LABELLED), "label": label}

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        from infolens.rows.text_arrays import letter_keys  # noqa: PLC0415 - numpy, only ingest has it
        from infolens.rows.text_blocks import TextRules, clean_text_block  # noqa: PLC0415

        label, label_of = ("majority", _by_majority) if "majority" in columns else ("label", _by_name)
        keys = letter_keys(_ENOUGH_LETTERS)
        rules = TextRules(MIN_LABELLED, MAX_TEXT, label_of, label=label, title="", keys=keys)
        return clean_text_block(self, columns, rules)

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema."""
        if "text" not in payload:
            raise RowRejected("text", f"is missing; a string of {MIN_TEXT} to {MAX_TEXT} characters is needed")
        if not isinstance(payload["text"], str):
            raise RowRejected("text", f"must be a string, not {json_type(payload['text'])}")
        return {"text": _text(payload["text"], MIN_TEXT)}

    def describe(self) -> Description:
        """See Described."""
        fields = {"text": text_schema(MIN_TEXT, MAX_TEXT)}
        example = {"text": "Thank you for the correction, that was kind of you."}
        return Description(
            input=object_schema(fields, example=example), answer=label_answer(LABELS, toxicity=number_schema(0, 1))
        )

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema. Letters alone: Jigsaw's other file holds the same comments without digits and punctuation."""
        text = str(row["text"])
        letters = "".join(filter(str.isalpha, unicodedata.normalize("NFKC", text).casefold()))
        if len(letters) >= _ENOUGH_LETTERS:
            return letters
        return content_key(text) or text  # a comment of nothing but emoji is itself

    def split(self, row: Mapping[str, object]) -> str:
        """See Schema."""
        return split_of(self.identity(row))


def _by_name(raw: str) -> str:
    key = "".join(filter(str.isalnum, raw.casefold().removesuffix(".0"))) if not raw.strip().startswith("-") else ""
    if not raw.strip():
        raise RowRejected("label", f"is empty; known: {_KNOWN}")
    if key not in _LABEL_BY_KEY:
        raise RowRejected("label", f"{raw[:60]!r} is no known label; known: {_KNOWN}")
    return _LABEL_BY_KEY[key]


def _by_majority(raw: str) -> str:
    number = raw.strip().removesuffix(".0")
    if not number:
        raise RowRejected("label", f"is empty; known: {_KNOWN_MAJORITY}")
    if number not in _LABEL_BY_MAJORITY:
        raise RowRejected("label", f"{raw[:60]!r} is no class of a tweet; known: {_KNOWN_MAJORITY}")
    return _LABEL_BY_MAJORITY[number]


def _text(raw: str, least: int) -> str:
    if len(raw) > _MAX_RAW:
        raise RowRejected("text", f"has {len(raw)} characters; at most {MAX_TEXT} are taken")
    text = clean_text(raw)
    if len(text) < least:
        raise RowRejected("text", f"has {len(text)} characters after cleaning; at least {least} are needed")
    if len(text) > MAX_TEXT:
        raise RowRejected("text", f"has {len(text)} characters after cleaning; at most {MAX_TEXT} are taken")
    return text


SCHEMA = ToxicitySchema()
