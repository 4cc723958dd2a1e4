"""Rows of movie_recommendation: which columns files of ratings may use, and what a clean row is. Pure."""

from __future__ import annotations

import functools
import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from infolens.contracts.description import (
    Description,
    choice_schema,
    integer_schema,
    list_schema,
    number_schema,
    object_schema,
)
from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_columns
from infolens.rows.row_blocks import clean_columns
from infolens.rows.split import split_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infolens.contracts.task import CleanBlock

MAX_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""

MIN_RATING, MAX_RATING = 0.5, 5.0
"""MovieLens' stars: 1 to 5 in the older sets, halves from 0.5 on in the newer ones."""

EARLIEST, LATEST = 315_532_800, 4_102_444_800
"""1980 to 2100 in Unix seconds: milliseconds, microseconds and empty clocks lie outside."""

MAX_SEQUENCE = 10_000
"""Items of one sequence; the longest history of MovieLens 20M has 9,254."""

MAX_CANDIDATES = 1_000

MIN_TOP_K, MAX_TOP_K, DEFAULT_TOP_K = 1, 100, 10

_USER_NAMES = ("user_id", "userid", "user", "uid")
_ITEM_NAMES = ("item_id", "itemid", "item", "movie_id", "movieid", "movie")
_RATING_NAMES = ("rating", "ratings", "stars", "score")
_TIME_NAMES = ("timestamp", "unix_timestamp", "unixtime", "rated_at", "time", "date")
_SEQUENCE_NAMES = ("sequence", "history", "items", "item_ids", "movie_ids")
_TOP_K_NAMES = ("top_k", "topk", "k")

_LABELLED = {"user_id": _USER_NAMES, "item_id": _ITEM_NAMES, "rating": _RATING_NAMES, "timestamp": _TIME_NAMES}
_UNLABELLED = {"user_id": _USER_NAMES, "sequence": _SEQUENCE_NAMES}

_WHOLE = re.compile(r"(-?[0-9]{1,30})(?:\.0*)?")  # "196.0": what pandas writes for ids once one is missing
_DECIMAL = re.compile(r"[0-9]{1,10}(?:\.[0-9]{0,20})?")
_BETWEEN = re.compile(r"[\s|,;]+")


@dataclass(frozen=True)
class MovieRecommendationSchema:
    """`infolens.contracts.task.Schema` of movie_recommendation: one row is one rating of one user."""

    task: str = "movie_recommendation"
    columns: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {"user_id": "int64", "item_id": "int64", "rating": "double", "timestamp": "int64"}
        )
    )
    label: str = ""
    """None: what is predicted is the next row's item."""
    bad_row_budget: float = 0.2
    """A fifth: beyond that the file is more likely the wrong file than a dirty one."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema. Ratings need all four columns; a file to answer needs users and sequences, and may have top_k."""
        needed = _LABELLED if labelled else _UNLABELLED
        bound = bind_columns(header, needed if labelled else {**needed, "top_k": _TOP_K_NAMES})
        for name, known in needed.items():
            if name not in bound:
                raise RowRejected(name, f"no such column; one of {', '.join(known)} is needed")
        return bound

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema."""
        return {name: read(raw.get(name, "")) for name, read in _READ.items()}

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        return clean_columns(self, columns, _READ)

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema. Takes numbers and lists as JSON has them, and their text as it stands in a CSV cell.

        "candidates", items that are to be scored whether or not they are among the best, are optional.
        """
        for name in ("user_id", "sequence"):
            if name not in payload:
                raise RowRejected(name, f"is missing; {_WANTED[name]} is needed")
        checked: dict[str, object] = {
            "user_id": _id("user_id", payload["user_id"]),
            "sequence": _ids("sequence", payload["sequence"], MAX_SEQUENCE),
            "top_k": _top_k(payload.get("top_k", DEFAULT_TOP_K)),
        }
        if "candidates" in payload:
            checked["candidates"] = _ids("candidates", payload["candidates"], MAX_CANDIDATES)
        return checked

    def describe(self) -> Description:
        """See Described."""
        item = integer_schema(0, MAX_ID)
        fields = {
            "user_id": integer_schema(0, MAX_ID),
            "sequence": list_schema(item, MAX_SEQUENCE),
            "top_k": integer_schema(MIN_TOP_K, MAX_TOP_K),
            "candidates": list_schema(item, MAX_CANDIDATES),
        }
        scores = list_schema(number_schema(0, 1), MAX_CANDIDATES)
        answer = {
            "top_items": list_schema(item, MAX_TOP_K),
            "scores": list_schema(number_schema(0, 1), MAX_TOP_K),
            "fallback": {
                **choice_schema(("none", "sequence", "popularity")),
                "description": "What the answer rests on instead of user and sequence: the sequence alone for unknown "
                "users, and what is popular where no movie of the sequence is known.",
            },
            "unknown_items": integer_schema(0, MAX_SEQUENCE),
            "candidate_scores": scores,
        }
        example = {"user_id": 7, "sequence": [1, 2, 3], "top_k": 5}
        return Description(
            input=object_schema(fields, optional=("top_k", "candidates"), example=example),
            answer=object_schema(answer, optional=("candidate_scores",)),
        )

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema: user, item and second.

        Somebody who rates a movie again some other day has done so twice, and no event is lost; the same event in a
        second export, whatever its rating says by then, is a duplicate.
        """
        return f"{row['user_id']}|{row['item_id']}|{row['timestamp']}"

    def split(self, row: Mapping[str, object]) -> str:
        """See Schema: by the user, who is wholly on one side, so that test users are new ones to the model."""
        return _split_of_user(row["user_id"])


@functools.lru_cache(maxsize=10_000)
def _split_of_user(user: object) -> str:
    """A user has a hundred rows or more, and only one split."""
    return split_of(f"user {user}")


_WANTED = {
    "user_id": f"a whole number from 0 to {MAX_ID}",
    "sequence": f"a list of at most {MAX_SEQUENCE} item ids, the latest last,",
}


def _id(name: str, value: object) -> int:
    number = _whole(name, value)
    if not 0 <= number <= MAX_ID:
        raise RowRejected(name, f"{_short(number)} is not from 0 to {MAX_ID}")
    return number


def _ids(name: str, value: object, most: int) -> list[int]:
    """Read a list of ids, or the text of one: a JSON list, or numbers with blanks, bars or commas between them."""
    found = _listed(name, value) if isinstance(value, str) else value
    if not isinstance(found, list | tuple):
        raise RowRejected(name, f"must be a list of item ids, not {_json_type(found)}")
    if len(found) > most:
        raise RowRejected(name, f"has {len(found)} items; at most {most} are taken")
    if found is value and (words := [item for item in found if isinstance(item, str)]):
        raise RowRejected(name, f"holds the text {words[0][:60]!r} where an item id is needed")
    return [_id(name, item) for item in found]


def _listed(name: str, text: str) -> list[object]:
    text = text.strip()
    if not text.startswith("["):
        return [part for part in _BETWEEN.split(text) if part]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RowRejected(name, f"{text[:60]!r} is no JSON list of item ids") from None
    return cast("list[object]", found)  # what begins with a bracket and is JSON is a list


def _top_k(value: object) -> int:
    if isinstance(value, str) and not value.strip():
        return DEFAULT_TOP_K  # an empty cell
    number = _whole("top_k", value)
    if not MIN_TOP_K <= number <= MAX_TOP_K:
        raise RowRejected("top_k", f"{_short(number)} is not from {MIN_TOP_K} to {MAX_TOP_K}")
    return number


def _whole(name: str, value: object) -> int:
    """Read a whole number; true is none, although Python counts with it, and 3.5 is not rounded."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise RowRejected(name, f"must be a whole number, not {_json_type(value)}")
    text = value.strip()
    if not text:
        raise RowRejected(name, "is empty; a whole number is needed")
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise RowRejected(name, f"{text[:60]!r} is no whole number")
    return int(found.group(1))


def _rating(raw: str) -> float:
    text = raw.strip()
    if not text:
        raise RowRejected("rating", f"is empty; {MIN_RATING} to {MAX_RATING} stars are needed")
    value = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not MIN_RATING <= value <= MAX_RATING:
        raise RowRejected("rating", f"{text[:60]!r} is no number from {MIN_RATING} to {MAX_RATING}")
    return value


def _timestamp(raw: str) -> int:
    """Read Unix seconds, or a date and time as MovieLens 20M has them in some copies, in UTC where no zone is given."""
    text = raw.strip()
    if not text:
        raise RowRejected("timestamp", "is empty; Unix seconds are needed")
    found = _WHOLE.fullmatch(text)
    seconds = int(found.group(1)) if found else _seconds(text)
    if seconds is None:
        raise RowRejected("timestamp", f"{text[:60]!r} is neither Unix seconds nor a date and time")
    if not EARLIEST <= seconds < LATEST:
        raise RowRejected("timestamp", f"{text[:60]!r} lies outside the years 1980 to 2099 in Unix seconds")
    return seconds


def _seconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def _short(number: int) -> str:
    return str(number) if abs(number) < 10**20 else "a number of more than 20 digits"  # str() refuses thousands


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {"bool": "a boolean", "int": "a number", "float": "a number with a point", "list": "a list"}
    return names.get(type(value).__name__, "an object")


_READ: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "user_id": functools.partial(_id, "user_id"),
        "item_id": functools.partial(_id, "item_id"),
        "rating": _rating,
        "timestamp": _timestamp,
    }
)
"""How each field of a clean row is read, in their order."""

SCHEMA = MovieRecommendationSchema()
