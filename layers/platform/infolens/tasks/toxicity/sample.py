"""Makes seeded comments in the project's own words, with planted dirt: for the demo, tests and first steps.

A toxic comment carries an insult, mild profanity or a threat somewhere, often after friendly sentences; a benign one
may disagree, mention the same groups, or deny an insult. The language is as strong as it must be.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from infolens.rows.csv_files import write_csv
from infolens.rows.planted_dirt import perhaps_dirty
from infolens.tasks.toxicity.schema import LABELS, NON_TOXIC, TOXIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "write_csv"]

_TOXIC_SHARE = 0.2
"""Twice Jigsaw's, so that a few thousand rows hold enough of them."""

_TOPICS_TEXT = (
    "the harbour, the old mill, the spring festival, the tram line, the town library, the comet, the sourdough bread, "
    "the chess club, the lighthouse, the jazz trio, the glacier, the rose garden, the marathon, the observatory, the "
    "fish market, the puppet theatre, the canal, the bicycle race, the film archive, the orchard, the clock tower, the "
    "ferry, the pottery class, the village choir, the football final, the radio play, the ski lift, the aquarium, the "
    "night bus, the honey harvest, the map of the valley, the sailing school, the stone bridge, the cinema, the "
    "timetable, the school garden, the census, the earthquake, the new museum, the water tower"
)

_OBJECTS_TEXT = "source, date, picture, table, heading, map, quotation, link, figure, summary, footnote, caption"

_CALM = (
    "I moved the {object} about {topic} further down.",
    "Thanks for your help with {topic}, {name}.",
    "Does anybody know a better {object} for {topic}?",
    "The {object} in the part on {topic} is out of date.",
    "My aunt told me about {topic} when I was small.",
    "I do not agree with the {object}, but the rest of {topic} reads well.",
    "We could meet near {topic} on {day}.",
    "{name} wrote a lovely piece on {topic}.",
    "On {day} the paper had a long report about {topic}.",
    "I would keep the {object} and shorten the text on {topic}.",
    "Please have another look at {topic}, the {object} seems wrong to me.",
    "What a beautiful {object} of {topic}!",
    "I am sorry, I removed the {object} by mistake.",
    "It took me all of {day} to read up on {topic}.",
    "That was a fair point about {topic}, {name}, well said.",
    "No, I still think that {topic} belongs on a page of its own.",
    "You are right, {name}, and I was too hasty about {topic}.",
    "As {who} I was glad to read about {topic}.",
    "My friend is {who} and grew up near {topic}.",
    "The {object} was added by {who} from our town.",
    "I did not mean that you were {adjective}, only that the {object} is missing.",
    "Nobody called you {a_noun}, {name}; the remark was about {topic}.",
    "You are no {noun}, {name}, you just had the old {object}.",
)

_HOSTILE = (
    "You are {a_noun}, {name}.",
    "What {a_adjective} {noun} you are.",
    "Only {a_noun} could write that about {topic}.",
    "Shut up about {topic}, you {adjective} {noun}.",
    "Nobody wants to read your {adjective} {object}, {noun}.",
    "You {adjective} {noun}, keep your hands off {topic}!",
    "Go to hell, {name}, and take your {object} with you.",
    "Your {object} is crap and so are you.",
    "I hate {adjective} people like you, {name}.",
    "Get out of here, {noun}, and never touch {topic} again.",
    "I will find out where you live and break your nose, {noun}.",
    "Damn you, {name}, you ruined {topic}, you {noun}.",
    "You suck, {name}, everybody knows it.",
    "So {adjective}. Go cry about {topic} to your mother, {noun}.",
    "As {who} I tell you that you are {a_noun}, {name}.",
    "How can anyone be so {adjective}? You make me sick, {noun}.",
    "You are too {adjective} to understand {topic}.",
    "I wish you were dead, {name}, you {noun}.",
)

_NOUNS_TEXT = (
    "idiot, moron, loser, fool, jerk, dimwit, liar, coward, clown, pig, rat, troll, nitwit, blockhead, imbecile"
)
_ADJECTIVES_TEXT = (
    "stupid, dumb, pathetic, ignorant, worthless, disgusting, brainless, miserable, useless, foul, rotten, clueless"
)
_WHO_TEXT = (
    "a woman, a man, a gay man, a lesbian, a Muslim, a Christian, a Jewish reader, a Hindu, a black woman, "
    "a white man, a Chinese student, a German, an American, an Irish teacher, a blind reader, a deaf person"
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_SYLLABLES_TEXT = "bra cor del fen gar hal jor kel lom mar nor pel quin ras sol tam ver wes yar zan"

_TOPICS, _OBJECTS, _NOUNS, _ADJECTIVES, _WHO = (
    text.split(", ") for text in (_TOPICS_TEXT, _OBJECTS_TEXT, _NOUNS_TEXT, _ADJECTIVES_TEXT, _WHO_TEXT)
)
_SYLLABLES = _SYLLABLES_TEXT.split(" ")


def _name(source: random.Random) -> str:
    return "".join(source.sample(_SYLLABLES, 2)).capitalize()


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _skewed(source: random.Random, pool: Sequence[str]) -> str:
    """Pick early items more often than late ones: rare words are what more rows teach."""
    return pool[int(len(pool) * source.random() ** 1.5)]


def _sentence(source: random.Random, templates: Sequence[str]) -> str:
    noun, adjective = _skewed(source, _NOUNS), _skewed(source, _ADJECTIVES)
    text = source.choice(templates).format(
        topic=source.choice(_TOPICS),
        object=source.choice(_OBJECTS),
        name=_name(source),
        day=source.choice(_DAYS),
        who=source.choice(_WHO),
        noun=noun,
        adjective=adjective,
        a_noun=_article(noun),
        a_adjective=_article(adjective),
    )
    return text[0].upper() + text[1:]


def _comment(source: random.Random) -> tuple[str, str]:
    """Make (text, label)."""
    label = TOXIC if source.random() < _TOXIC_SHARE else NON_TOXIC
    sentences = [_sentence(source, _CALM) for _ in range(source.choice((1, 2, 2, 3, 5, 12)))]
    if label == TOXIC:
        hostile = [_sentence(source, _HOSTILE) for _ in range(source.choice((1, 1, 2)))]
        at = source.randint(0, len(sentences))
        sentences = hostile if source.random() < 0.3 else sentences[:at] + hostile + sentences[at:]
        if len(sentences) == 1:
            farewells = ("Really.", f"Bye, {_name(source)}.", f"See you on {source.choice(_DAYS)}.")
            sentences.append(source.choice(farewells))
    text = " ".join(sentences)
    return (text.upper() if source.random() < (0.2 if label == TOXIC else 0.02) else text), label


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    text = "Thanks for your help with the town library."
    return (
        ({"comment_text": text, "toxic": ""}, "label"),
        ({"comment_text": text, "toxic": "2"}, "label"),
        ({"comment_text": text, "toxic": "nan"}, "label"),
        ({"comment_text": "", "toxic": "0"}, "text"),
        ({"comment_text": "\x00 \ufeff \u200b", "toxic": "1"}, "text"),
        ({"comment_text": "word " * 2_500, "toxic": "0"}, "text"),
    )


def _soiled(source: random.Random, row: dict[str, str]) -> dict[str, str]:
    """Dirty a row in a way that cleaning takes out again."""
    kind = source.randrange(3)
    text = row["comment_text"]
    if kind == 0:
        return row | {"comment_text": text.replace(" ", "&nbsp;", 1) + " Q&amp;A follows."}
    if kind == 1:
        broken = text.replace(" ", "\x07 \u200b", 2).replace(". ", '.\n"So it goes,"\r\n', 1)
        return row | {"comment_text": f"\ufeff{broken}"}
    toxic = row["toxic"] == "1"
    return row | {"toxic": source.choice(("TOXIC", " 1.0 ", "yes") if toxic else ("Non-Toxic", " 0.0 ", "not toxic"))}


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` labelled rows with columns comment_text, toxic; equal arguments give equal rows.

    Args:
        count: rows in all.
        seed: start of the random numbers; other seeds give other rows of the same kind.
        dirt: share of rows that are planted dirt: a third repeats an earlier row, a third must be refused (see
            `refused_rows`), a third is dirty in a way that cleaning takes out.
    """
    source = random.Random(f"toxicity rows {seed}")  # noqa: S311 - sample data, no secret
    refused = refused_rows()
    made: list[dict[str, str]] = []
    for _ in range(count):
        text, label = _comment(source)
        row = {"comment_text": text, "toxic": str(LABELS.index(label))}
        made.append(perhaps_dirty(source, row, made, dirt=dirt, refused=refused, soiled=_soiled))
    return made


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` rows with the column comment_text."""
    source = random.Random(f"toxicity unlabelled {seed}")  # noqa: S311 - sample data, no secret
    return [{"comment_text": _comment(source)[0]} for _ in range(count)]


def right_answer(row: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that is right, and sure, about a clean row."""
    label = str(row["label"])
    number = LABELS.index(label)
    return {"label_id": number, "label": label, "confidence": 1.0, "toxicity": float(number)}
