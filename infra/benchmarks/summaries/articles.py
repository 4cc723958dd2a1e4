"""Reads public articles with summaries, and says which of them no model of this benchmark is trained on."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "bbc_news_summary.csv.gz": ("article", "summary"),
    "cnn_dailymail.csv.gz": ("article", "highlights"),
    "inshorts_news_summary.csv.gz": ("ctext", "text"),
}
HELD_OUT = 8
"""One article in so many is held out, by the hash of its text."""


@dataclass(frozen=True)
class Article:
    """One article and the summary that somebody wrote of it."""

    text: str
    summary: str

    @property
    def held_out(self) -> bool:
        """Whether it is for measuring."""
        return int(hashlib.md5(self.text.encode(), usedforsecurity=False).hexdigest(), 16) % HELD_OUT == 0


def read_articles(data: Path) -> Iterator[Article]:
    """Read those of `data`/summarisation that have both texts, on one line each."""
    csv.field_size_limit(sys.maxsize)
    for name, (text, summary) in FILES.items():
        with gzip.open(data / "summarisation" / name, "rt", encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row[text].strip() and row[summary].strip():
                    yield Article(_line(row[text]), re.sub(r"([a-z\d\"'])\.([A-Z\"])", r"\1. \2", _line(row[summary])))


def _line(text: str) -> str:
    return " ".join(text.split())
