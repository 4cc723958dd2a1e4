"""Rows of news_summary: which columns files may use, and what a clean row is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from infolens.contracts.description import Description, object_schema, text_schema
from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_columns, column_name
from infolens.rows.json_types import json_type
from infolens.rows.split import split_of
from infolens.rows.text_cleaning import clean_text, content_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import CleanBlock

MIN_TEXT = 50
MAX_TEXT = 12_000
"""Characters of a text to answer (S0-30)."""

MAX_LABELLED = 60_000
"""Characters of a labelled article: five times what is answered. A longer one is a book, or swallowed other rows."""

MAX_RAW = 600_000
"""Characters before cleaning. Nothing that long shrinks to a text, and cleaning it would keep others waiting."""

MIN_SUMMARY = 15
"""Characters of a written summary: a word or two summarise nothing."""

_TITLE_NAMES = ("title", "headline")
_TEXT_NAMES = ("article", "text", "body", "content", "ctext")
_SUMMARY_NAMES = ("summary", "highlights", "abstract")
_SOURCE_NAMES = ("source", "publisher")

_FULL_TEXT = "ctext"
"""Where a file has this column, its column `text` is the summary (the public Inshorts set)."""

MAX_SOURCE = 60
"""Characters of a source's name."""

PARAGRAPH = "\n\n"
"""What stands between the paragraphs of a clean text."""

_SHORT_LINE = 0.6
"""A line under this share of the longest one's length ends a paragraph: whoever wraps lines fills them."""

_ENDINGS = tuple(".!?:;\u2026\u3002\uff01\uff1f\u0964\u061f")
_CLOSINGS = "\"'\u201d\u2019)]"
"""What ends a sentence, and what may stand behind that."""

# Begins with the mark, and then looks back, so that only marks are tried.
_GLUED = re.compile(
    r"([.!?](?:(?<=[a-z0-9%)].)|(?<=[A-Z]{2}.))[\"'\u201d\u2019]?)(?=[\"'\u201c\u2018]?[A-Z])",
)
_SPACED_MARK = re.compile(r"\s+([.,;:!?])(?=\s|\Z)")

# Where an encoding lost its quotes, a "?" stands for each: inside a word, before one, or behind a full stop or comma.
# No question is written in any of these ways; addresses are, and keep theirs.
_LOST_APOSTROPHE = re.compile(r"(?<=[^\W\d_])\?(?=(?:s|t|d|m|re|ve|ll)\b(?!=))|(?<=\b[A-Z])\?(?=[A-Z][a-z])")
_LOST_QUOTE = re.compile(r"(?<!\S)\?(?=\w)|(?<=[.,])\?(?=\s|\?|\Z|[A-Z])")


@dataclass(frozen=True)
class NewsSummarySchema:
    """`infolens.contracts.task.Schema` of news_summary.

    A clean text keeps a blank line between paragraphs: a headline and a cross-heading are no part of the sentence that
    follows them. Cleaning a clean text changes nothing.
    """

    task: str = "news_summary"
    columns: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({"text": "string", "summary": "string", "source": "string"})
    )
    label: str = ""
    bad_row_budget: float = 0.2
    """A fifth: beyond that the file is more likely the wrong file than a dirty one."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema. `ctext` beside `text` means that `text` is the summary; title and source may be left out."""
        names: dict[str, Sequence[str]] = {"title": _TITLE_NAMES, "text": _TEXT_NAMES}
        summary: Sequence[str] = _SUMMARY_NAMES
        if _FULL_TEXT in map(column_name, header):
            names["text"], summary = (_FULL_TEXT,), ("text", *_SUMMARY_NAMES)
        if labelled:
            names |= {"summary": summary, "source": _SOURCE_NAMES}
        bound = bind_columns(header, names)
        if "text" not in bound:
            raise RowRejected("text", f"no such column; one of {', '.join(_TEXT_NAMES)} is needed")
        if labelled and "summary" not in bound:
            raise RowRejected("summary", f"no such column; one of {', '.join(summary)} is needed")
        return bound

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema."""
        text = _text(raw, MAX_LABELLED)
        if len(raw.get("summary", "")) > MAX_LABELLED:
            raise RowRejected("summary", f"has {len(raw['summary'])} characters; at most {MAX_LABELLED} are looked at")
        summary = _summary(raw.get("summary", ""))
        if len(summary) < MIN_SUMMARY:
            raise RowRejected(
                "summary", f"has {len(summary)} characters after cleaning; at least {MIN_SUMMARY} are needed"
            )
        if len(summary) >= len(text):
            raise RowRejected(
                "summary", f"has {len(summary)} characters, the article {len(text)}; a summary is the shorter one"
            )
        return {"text": text, "summary": summary, "source": clean_text(raw.get("source", ""))[:MAX_SOURCE].strip()}

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        from infolens.rows.text_arrays import clean_lines, clean_texts, content_digests  # noqa: PLC0415 - numpy, see there
        from infolens.rows.text_blocks import settled  # noqa: PLC0415

        size = len(next(iter(columns.values()), ()))
        raw = {name: columns.get(name, [""] * size) for name in ("title", "text", "summary", "source")}
        long = {
            position
            for name in ("title", "text", "summary")
            for position, cell in enumerate(raw[name])
            if len(cell) > MAX_LABELLED
        }
        restored = {
            name: ["" if position in long else _restored(cell) for position, cell in enumerate(raw[name])]
            for name in ("title", "text", "summary")
        }
        titles = clean_texts(restored["title"])
        texts = [_whole(title, lines) for title, lines in zip(titles, clean_lines(restored["text"]), strict=True)]
        summaries = [_said(lines) for lines in clean_lines(restored["summary"])]
        sources = [source[:MAX_SOURCE].strip() for source in clean_texts(raw["source"])]
        unusual = [
            position
            for position, (text, summary) in enumerate(zip(texts, summaries, strict=True))
            if not MIN_TEXT <= len(text) <= MAX_LABELLED
            or not MIN_SUMMARY <= len(summary) < len(text)
            or not any(map(str.isalnum, text))
        ]
        values: dict[str, list[object]] = {"text": [*texts], "summary": [*summaries], "source": [*sources]}
        return settled(self, columns, values, content_digests(texts), sorted({*long, *unusual}))

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema. Takes `text` and, where the caller keeps it apart, `title`."""
        for name in ("title", "text"):
            if name in payload and not isinstance(payload[name], str):
                raise RowRejected(name, f"must be a string, not {json_type(payload[name])}")
        if "text" not in payload:
            raise RowRejected("text", f"is missing; a string of {MIN_TEXT} to {MAX_TEXT} characters is needed")
        return {"text": _text({name: str(payload[name]) for name in ("title", "text") if name in payload}, MAX_TEXT)}

    def describe(self) -> Description:
        """See Described."""
        title = {"type": "string", "description": "Stands before the text; the two together keep to the text's limits"}
        example = {"text": "The senate voted on the bill after a long night of debate."}
        fields = {"text": text_schema(MIN_TEXT, MAX_TEXT), "title": title}
        places = {"type": "array", "items": {"type": "integer", "minimum": 0}, "description": "Sentences it is made of"}
        answer = {"summary": {"type": "string", "minLength": 1}, "kind": {"type": "string"}, "sentences": places}
        return Description(
            input=object_schema(fields, optional=("title",), example=example), answer=object_schema(answer)
        )

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema. The summary is no part of it: one article belongs to one split and has one summary."""
        return content_key(str(row["text"]))

    def split(self, row: Mapping[str, object]) -> str:
        """See Schema."""
        return split_of(self.identity(row))


def _text(raw: Mapping[str, str], most: int) -> str:
    for name in ("title", "text"):
        if len(raw.get(name, "")) > MAX_RAW:
            raise RowRejected(name, f"has {len(raw[name])} characters; at most {MAX_RAW} are looked at")
    text = _whole(
        clean_text(_restored(raw.get("title", ""))),
        [clean_text(line) for line in _restored(raw.get("text", "")).splitlines()],
    )
    if len(text) < MIN_TEXT:
        raise RowRejected("text", f"has {len(text)} characters after cleaning; at least {MIN_TEXT} are needed")
    if not any(map(str.isalnum, text)):
        raise RowRejected("text", "has neither a letter nor a digit; there is nothing to summarise")
    if len(text) > most:
        raise RowRejected("text", f"has {len(text)} characters after cleaning; at most {most} are taken")
    return text


def _whole(title: str, lines: Sequence[str]) -> str:
    """Put a clean title and the clean lines of an article together."""
    return PARAGRAPH.join(filter(None, [title, *_paragraphs(lines)]))


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """Give the paragraphs as one line each: clean lines that somebody's editor wrapped are put together again."""
    widest = max(map(len, lines), default=0)
    found: list[list[str]] = [[]]
    for line in lines:
        if line:
            found[-1].append(line)
        if not line or _ended(line) or len(line) < _SHORT_LINE * widest:
            found.append([])
    return [" ".join(part) for part in found if part]


def _summary(raw: str) -> str:
    return _said([clean_text(line) for line in _restored(raw).splitlines()])


def _said(lines: Sequence[str]) -> str:
    """Give a summary as one paragraph: each of its clean lines is a point and ends as a sentence does."""
    points = [_SPACED_MARK.sub(r"\1", line) for line in lines]
    ended = [point if _ended(point) else f"{point}." for point in points if point]
    return _GLUED.sub(r"\1 ", " ".join(ended))


def _ended(line: str) -> bool:
    return line.rstrip(_CLOSINGS).endswith(_ENDINGS)


def _restored(raw: str) -> str:
    if "?" not in raw:
        return raw
    return _with_mark(_with_mark(raw, _LOST_APOSTROPHE, "'"), _LOST_QUOTE, '"')


def _with_mark(text: str, lost: re.Pattern[str], mark: str) -> str:
    """Put `mark` for each "?" that `lost` matches: looked at one by one, for searching tries every other place too."""
    pieces: list[str] = []
    begin = 0
    at = text.find("?")
    while at >= 0:
        if lost.match(text, at):
            pieces += (text[begin:at], mark)
            begin = at + 1
        at = text.find("?", at + 1)
    return "".join([*pieces, text[begin:]])


SCHEMA = NewsSummarySchema()
