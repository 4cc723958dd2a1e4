"""Makes seeded news-like rows in the project's own words, real and fake, with planted dirt: for the demo and tests.

Sober and lurid sentences are mixed in both classes, in other shares, about the same invented people and places; so no
single word decides, and a model learns more from more rows. As in public sets, many real texts carry an agency's mark
and no fake one does: whoever learns from these rows is tempted as by those.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from infolens.rows.csv_files import write_csv
from infolens.rows.planted_dirt import perhaps_dirty
from infolens.tasks.fake_news.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "write_csv"]

_NAMES = [
    "Mara Quill",
    "Jonas Verrin",
    "Adele Oster",
    "Piet Hallam",
    "Rosa Tindle",
    "Emil Cardow",
    "Nadia Brenk",
    "Owen Sallis",
    "Ines Falko",
    "Tomas Wray",
    "Lena Gorst",
    "Hugo Maddern",
    "Vera Lindqvist-Roe",
    "Samir Toll",
    "Greta Penhale",
    "Anton Birse",
]
_PLACES = [
    "Port Alder",
    "Kessel Bay",
    "North Varrow",
    "Lindmark",
    "Osterby",
    "Grand Tessel",
    "Millhaven",
    "Corrin",
    "Upper Dace",
    "Saint Ferrol",
    "Wexmoor",
    "Tarrant Falls",
]
_BODIES = [
    "the harbour board",
    "the city council",
    "the health ministry",
    "the water authority",
    "the election office",
    "the school district",
    "the central bank",
    "the farm bureau",
    "the appeals court",
    "the transport department",
    "the fishing union",
    "the state hospital",
]
_MATTERS = [
    "a new bridge toll",
    "the flood defences",
    "the vaccine campaign",
    "next year's budget",
    "the bus strike",
    "the power grid",
    "the fishing quota",
    "a tax on parking",
    "the recount",
    "the hospital merger",
    "the school meals",
    "the drinking water",
]
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_SOBER = (
    "{body} said on {day} that it would review {matter} before the end of the quarter.",
    "The vote on {matter} was {a} to {b}, according to the minutes.",
    "{name}, a spokesperson for {body}, declined to comment on {matter}.",
    "In a statement, {body} put the cost of {matter} at {a} million.",
    "The report, published on {day}, lists {a} complaints about {matter} in {place}.",
    "Analysts had expected {body} to delay {matter} until the spring.",
    "{name} told reporters that talks with {body} would resume on {day}.",
    "The figures, which have not been audited, show a rise of {a} percent.",
    "A second hearing on {matter} is scheduled for {day} in {place}.",
    "{body} did not immediately respond to a request for comment.",
    "Opponents, including {name}, argued that {matter} should be decided by referendum.",
    "Officials in {place} said {a} households were affected and {b} had been reconnected.",
)
_LURID = (
    "You will not believe what {name} was caught doing in {place}!",
    "The media will NEVER tell you the truth about {matter}.",
    "Wake up, people: {body} has been lying about {matter} for years.",
    "Insiders say {name} secretly runs everything in {place}, and nobody dares to speak.",
    "This one leaked photo destroys everything {body} ever claimed!",
    "Doctors are furious: a simple trick makes {matter} totally unnecessary.",
    "Share this before they delete it, because {body} is already panicking.",
    "They want you to forget what really happened in {place}. We will not.",
    "And guess who paid for {matter}? That is right: {name}, the biggest fraud of all.",
    "It is a disgusting plot, folks, and {name} is right in the middle of it.",
    "Even {name} had to admit that {matter} was nothing but a hoax from the very start.",
    "So much for the so-called experts of {body}, who got absolutely destroyed.",
)
_TITLES = {
    "real": (
        "{body} delays decision on {matter}",
        "{place} votes on {matter}",
        "{name} named head of {body}",
        "Court hears case over {matter}",
        "Factbox: {matter} in {place}",
    ),
    "fake": (
        "SHOCKING: {name} exposed over {matter}",
        "What {body} does not want you to know",
        "{name} DESTROYED in {place} (VIDEO)",
        "BREAKING: {body} admits {matter} was a hoax",
        "Is {name} behind {matter}? You decide!",
    ),
}


def _article(source: random.Random) -> tuple[str, str, str]:
    """Make (title, body, label)."""
    label = source.choice(LABELS)
    lurid = source.uniform(0.45, 0.95) if label == "fake" else source.uniform(0.0, 0.3)

    def fill(template: str) -> str:
        text = template.format(
            name=source.choice(_NAMES),
            place=source.choice(_PLACES),
            body=source.choice(_BODIES),
            matter=source.choice(_MATTERS),
            day=source.choice(_DAYS),
            a=source.randrange(2, 90),
            b=source.randrange(2, 90),
        )
        return text[0].upper() + text[1:]

    sentences = [
        fill(source.choice(_LURID if source.random() < lurid else _SOBER)) for _ in range(source.randrange(4, 11))
    ]
    title = fill(source.choice(_TITLES[label if source.random() < 0.85 else source.choice(LABELS)]))
    body = " ".join(sentences)
    if label == "real" and source.random() < 0.4:
        body = f"{source.choice(_PLACES).upper()} (Reuters) - {body}"
    return title, body, label


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    title, text = "City council delays decision", "The vote on the flood defences was put off until the spring."
    return (
        ({"title": title, "text": text, "label": ""}, "label"),
        ({"title": title, "text": text, "label": "nan"}, "label"),
        ({"title": title, "text": text, "label": "2"}, "label"),
        ({"title": title, "text": text, "label": "-1"}, "label"),
        ({"title": title, "text": text, "label": "satire"}, "label"),
        ({"title": "Oh", "text": "", "label": "1"}, "text"),
        ({"title": "nan", "text": "\x00 \ufeff \u200b", "label": "0"}, "text"),
        ({"title": title, "text": "word " * 200_001, "label": "0"}, "text"),
    )


def _soiled(source: random.Random, row: dict[str, str]) -> dict[str, str]:
    """Dirty a row in a way that cleaning takes out again."""
    kind = source.randrange(4)
    if kind == 0:
        return row | {"title": row["title"].replace(" ", "&nbsp;", 1), "text": f"{row['text']} Q&amp;A follows."}
    if kind == 1:
        return row | {"title": f"\ufeff{row['title']}", "text": row["text"].replace(" ", "\x07 \u200b", 2)}
    if kind == 2:
        return row | {"text": row["text"].replace(". ", '.\n"So it goes,"\r\n', 1)}
    return row | {"label": source.choice((("fake", "FALSE", "0.0"), ("Real", " true ", "1.0"))[int(row["label"])])}


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` labelled rows with columns title, text, label; equal arguments give equal rows.

    Args:
        count: rows in all.
        seed: start of the random numbers; other seeds give other rows of the same kind.
        dirt: share of rows that are planted dirt: a third repeats an earlier row, a third must be refused (see
            `refused_rows`), a third is dirty in a way that cleaning takes out.
    """
    source = random.Random(f"fake_news rows {seed}")  # noqa: S311 - sample data, no secret
    refused = refused_rows()[:-1]  # a megabyte at a time is for the tests
    made: list[dict[str, str]] = []
    for _ in range(count):
        title, text, label = _article(source)
        row = {"title": title, "text": text, "label": str(LABELS.index(label))}
        made.append(perhaps_dirty(source, row, made, dirt=dirt, refused=refused, soiled=_soiled))
    return made


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` rows with columns title and text, all long enough for the API (S0-30)."""
    source = random.Random(f"fake_news unlabelled {seed}")  # noqa: S311 - sample data, no secret
    articles = [_article(source) for _ in range(count)]
    return [{"title": title, "text": text} for title, text, _ in articles]


def right_answer(row: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that is right, and sure, about a clean row."""
    label = str(row["label"])
    return {"label_id": LABELS.index(label), "label": label, "confidence": 1.0}
