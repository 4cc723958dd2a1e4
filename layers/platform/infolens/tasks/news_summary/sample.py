"""Makes seeded articles with summaries in the project's own words, with planted dirt: for the demo, tests, first steps.

An article opens with what happened and then wanders: of its other sentences two or three carry facts (figures, names,
what comes next), the rest is talk. The summary tells the facts in other words. So the first three sentences are a
baseline that can be beaten by telling facts from talk.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from infolens.rows.csv_files import write_csv
from infolens.rows.planted_dirt import perhaps_dirty

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "write_csv"]

_SUBJECTS = (
    ("ferry line", "new boats", "passengers"),
    ("library network", "reading rooms", "visitors"),
    ("dairy cooperative", "milk tankers", "farmers"),
    ("football club", "training pitches", "supporters"),
    ("railway company", "night trains", "travellers"),
    ("hospital trust", "operating theatres", "patients"),
    ("bakery chain", "stone ovens", "customers"),
    ("harbour authority", "loading cranes", "dockers"),
    ("school board", "science classrooms", "pupils"),
    ("solar cooperative", "roof panels", "households"),
    ("film festival", "open-air screens", "guests"),
    ("water utility", "pumping stations", "residents"),
)
"""Who acts, what about, and whom it concerns."""

_OPENINGS = (
    "The {place} {who} will pay {sum} million crowns for {count} {what}, {name} announced on {day}.",
    "{name}, head of the {place} {who}, said on {day} that {count} {what} would be bought for {sum} million crowns.",
    "A plan to spend {sum} million crowns on {count} {what} was agreed by the {place} {who} on {day}, {name} said.",
)
_FACTS = (
    (
        "Some {people_count} {people} in {place} will be served by the {what} every week, according to {name}.",
        "Some {people_count} {people} are to be served every week.",
    ),
    (
        "Work on the {what} of the {who} begins in {month} and is to be finished within {months} months.",
        "Work begins in {month} and takes {months} months.",
    ),
    (
        "The {place} {who} has lost {lost} percent of its {people} since {month}, its yearly report shows.",
        "The {who} has lost {lost} percent of its {people}.",
    ),
    (
        "Councillors in {place} backed the {sum} million crowns for the {who} by {yes} votes to {no}.",
        "Councillors backed the plan by {yes} votes to {no}.",
    ),
)
_TALK = (
    "It rained for most of the morning, and few people stayed outside.",
    "Opinions on the matter differ, as they often do.",
    "Some had brought sandwiches, others only questions.",
    "There was a long pause before anyone spoke again.",
    "Nobody could say how it would all end.",
    '"We will see what comes of it," one of those present said.',
    "A band played two songs that everyone knew.",
    "The mood in the hall was friendly, if a little tired.",
    "Stories like this one are told in many towns.",
    "He thanked all those who had come and wished them well.",
    "Afterwards there was coffee, and the talk went on for a while.",
    "She had heard such promises before, she added with a smile.",
    "Older people still remember how things used to be done.",
    "It is not the first time that this has been tried.",
    "They did not want to give their names.",
    "Most of it had been in the papers already.",
)
_SUMMARY = "The {place} {who} will spend {sum} million crowns on {count} {what}, {name} says."
_TITLES = ("Millions for {what}", "{place}: {who} looks ahead", "New {what} for {place}", "{who} plans {what}")

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "March", "April", "June", "August", "October", "November")
_SYLLABLES_TEXT = (
    "bra cor del fen gar hal jor kel lom mar nor pel quin ras sol tam ul ver wes yar zan bel cas dor eri fal gro hin"
)
_SYLLABLES = _SYLLABLES_TEXT.split(" ")


def _name(source: random.Random) -> str:
    return "".join(source.sample(_SYLLABLES, 2)).capitalize()


def _article(source: random.Random) -> tuple[str, str, str]:
    """Make (title, text, summary)."""
    who, what, people = source.choice(_SUBJECTS)
    words = {
        "who": who,
        "what": what,
        "people": people,
        "place": _name(source),
        "name": f"{_name(source)} {_name(source)}",
        "day": source.choice(_DAYS),
        "month": source.choice(_MONTHS),
        "sum": source.randrange(2, 90),
        "count": source.randrange(3, 60),
        "people_count": source.randrange(200, 9000),
        "months": source.randrange(3, 30),
        "lost": source.randrange(3, 40),
        "yes": source.randrange(12, 30),
        "no": source.randrange(1, 12),
    }
    facts = source.sample(_FACTS, source.choice((2, 3)))
    talk = source.sample(_TALK, source.randrange(5, 11))
    # One remark at least stands between the opening and the first fact, so that the beginning does not say it all.
    rest = [fact.format(**words) for fact, _ in facts] + talk[2:]
    source.shuffle(rest)
    body = [source.choice(_OPENINGS).format(**words), talk[0], talk[1], *rest]
    half = len(body) // 2
    text = f"{' '.join(body[:half])}\n\n{' '.join(body[half:])}"
    summary = " ".join([_SUMMARY.format(**words), *(short.format(**words) for _, short in facts)])
    title = source.choice(_TITLES).format(**words)
    return title[0].upper() + title[1:], text, summary


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    text = "The ferry line will pay four million crowns for nine new boats. It rained for most of the morning."
    summary = "The ferry line buys nine boats."
    return (
        ({"title": "", "text": "", "summary": summary}, "text"),
        ({"title": "Oh", "text": "So it is.", "summary": summary}, "text"),
        ({"title": "", "text": "\x00 \ufeff \u200b", "summary": summary}, "text"),
        ({"title": "", "text": "* - * - " * 20, "summary": summary}, "text"),
        ({"title": "Too long", "text": "word " * 13_000, "summary": summary}, "text"),
        ({"title": "Boats", "text": text, "summary": ""}, "summary"),
        ({"title": "Boats", "text": text, "summary": "Boats."}, "summary"),
        ({"title": "", "text": text, "summary": f"{text} {text}"}, "summary"),
    )


def _soiled(source: random.Random, row: dict[str, str]) -> dict[str, str]:
    """Dirty a row in a way that cleaning takes out again."""
    kind = source.randrange(4)
    if kind == 0:
        return row | {"title": row["title"].replace(" ", "&nbsp;", 1), "summary": row["summary"].replace(". ", ".")}
    if kind == 1:
        return row | {"title": f"\ufeff{row['title']}", "text": row["text"].replace(" ", "\x07 \u200b", 2)}
    if kind == 2:
        return row | {"summary": row["summary"].replace(". ", " .\n")}
    return row | {"text": row["text"].replace("\n\n", "\r\n \r\n").replace('"', "?")}


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` labelled rows with columns title, text, summary; equal arguments give equal rows.

    Args:
        count: rows in all.
        seed: start of the random numbers; other seeds give other rows of the same kind.
        dirt: share of rows that are planted dirt: a third repeats an earlier row, a third must be refused (see
            `refused_rows`), a third is dirty in a way that cleaning takes out.
    """
    source = random.Random(f"news_summary rows {seed}")  # noqa: S311 - sample data, no secret
    refused = refused_rows()
    made: list[dict[str, str]] = []
    for _ in range(count):
        title, text, summary = _article(source)
        row = {"title": title, "text": text, "summary": summary}
        made.append(perhaps_dirty(source, row, made, dirt=dirt, refused=refused, soiled=_soiled))
    return made


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` rows with columns title and text, all long enough for the API (S0-30)."""
    source = random.Random(f"news_summary unlabelled {seed}")  # noqa: S311 - sample data, no secret
    articles: Sequence[tuple[str, str, str]] = [_article(source) for _ in range(count)]
    return [{"title": title, "text": text} for title, text, _ in articles]


def right_answer(row: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that writes what the editor wrote about a clean row."""
    return {"summary": str(row["summary"]), "kind": "written", "sentences": []}
