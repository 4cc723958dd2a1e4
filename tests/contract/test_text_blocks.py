"""Tasks of texts clean a block as they clean its rows one by one, and no spelling moves a text to another split."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infolens.rows.row_blocks import clean_each
from infolens.rows.split import position_at, split_at
from infolens.rows.utf8_cells import Utf8Cells
from infolens.tasks import schema_of, task_names
from nasty_texts import NASTY

TEXT_TASKS = [task for task in task_names() if "text" in schema_of(task).columns]
pytestmark = pytest.mark.parametrize("task", TEXT_TASKS)

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BODY = "The goalkeeper saved a penalty kick in the last minute, and the guests went home with 3 points."
WHOLE = st.builds(
    lambda begin, nasty, end: BODY[begin:] + nasty + BODY[:end], st.integers(0, 90), NASTY, st.integers(0)
)
TITLES = (
    st.sampled_from(["", "nan", " None ", "N/A", "Saved!", "Saved", "Saved\u2026 ", "\u201cSaved\u201d", "'"]) | NASTY
)
LABELS = st.sampled_from(
    [
        *("Sports", " SPORTS ", "sports", "8", "9", "10", "-1", "Style &amp; Beauty", "food and drink", "World_News"),
        *("fake", "FALSE", "true", "0", "1", "0.0", "1.0", "pants-fire", "half_true", "Mostly True", "2", "", " ", "x"),
        *("toxic", "Non-Toxic", "not toxic", "yes", "no", "-0", "\u0661", "\u00b9", "\ufb01ction", "\0"),
    ]
)
SUMMARIES = st.sampled_from(["He saved it .And won", "Was it?s his\nThey won.", "", "?Saved? he said. 'Won"]) | NASTY


def equal(task: str, columns: dict[str, list[str]]) -> None:
    """Compare a block with its rows, one by one."""
    schema = schema_of(task)
    expected = clean_each(schema, columns)
    assert schema.clean_block(columns) == expected
    try:
        utf8 = {name: Utf8Cells([cell.encode() for cell in cells]) for name, cells in columns.items()}
    except UnicodeEncodeError:
        return  # a lone surrogate, which no file holds
    assert schema.clean_block(utf8) == expected


@MANY
@given(data=st.data())
def test_any_block(task, data):
    """Same rows kept, same texts, labels, digests and splits, same fields and reasons, whatever columns there are."""
    columns = {"title": TITLES, "text": WHOLE | NASTY, "label": LABELS, "majority": LABELS, "summary": SUMMARIES}
    columns["source"] = TITLES
    names = data.draw(st.lists(st.sampled_from(list(columns)), unique=True).map(lambda few: {*few, "text", "label"}))
    rows = data.draw(st.lists(st.fixed_dictionaries({name: columns[name] for name in names}), max_size=10))
    equal(task, {name: [row[name] for row in rows] for name in names})


@pytest.mark.parametrize("unit", ["x", "word ", "\u00e9", "&amp;", "&#x000000041;", " ", "?s ", "\U0001f600"])
def test_blocks_with_long_texts(task, unit):
    """Texts around every limit are kept or refused as one by one, in title, text and summary."""
    sizes = (14, 15, 49, 50, 11_999, 12_000, 12_001, 59_999, 60_001, 100_001, 240_001, 600_001, 1_000_001)
    texts = ["ab" + (unit * size)[: size - 2] for size in sizes]
    labels = ["1"] * len(sizes)
    summaries = ["Kept and refused as one by one.", *texts[:-1]]
    short = [BODY] * len(sizes)
    equal(task, {"text": texts, "label": labels, "summary": summaries})
    equal(task, {"title": texts, "text": short, "label": labels, "summary": short})
    equal(task, {"title": short, "text": texts, "label": labels, "summary": short})


def test_a_large_block(task):
    """A block of many chunks, with unusual rows among usual ones, comes out in order."""
    source = random.Random(5)
    odd = ["", "\u0301", "&lt;", "caf\u00e9", "\0", "\ud800", " . ", "\u00bd", "e\u0301"]
    texts = [f"{number} {source.choice(odd)} {BODY * source.randrange(5)}" for number in range(4_000)]
    labels = [source.choice(["1", "0", "5", "?"]) for _ in texts]
    equal(task, {"title": [source.choice(odd) for _ in texts], "text": texts, "label": labels, "summary": labels[::-1]})


def test_titles_that_end_unusually(task):
    """Marks that close a title are told from others that share bytes with them, and programs' words for no title."""
    titles = [
        *(
            "\u3026",
            "\u301d",
            "\u3019",
            "\u2026",
            "\u201d",
            "\u2019",
            "\u2018",
            "\U0001f600",
            "x\u0080\u2019",
            "\u00a6",
        ),
        *(" None ", "\tnan\n", "NULL\u00a0", "n/a", "n\u200ba", "null.", "&#110;an", "\u0130"),
    ]
    size = len(titles)
    for label in ("1", "Sports"):
        equal(task, {"title": titles, "text": [BODY] * size, "label": [label] * size, "summary": [BODY[:50]] * size})


def test_texts_without_letters(task):
    """Texts of marks alone are kept under themselves, or refused, as one by one."""
    texts = ["!?" * 40, "\U0001f600" * 60, "\u0301" * 60, "_" * 60, "- " * 60]
    for label in ("1", "Sports"):
        equal(task, {"text": texts, "label": [label] * 5, "summary": ["Nothing was said."] * 5})


def test_an_empty_block(task):
    """No row is no row, under all columns of a clean one."""
    equal(task, {})
    equal(task, {"text": [], "label": []})


SPELLINGS = [
    str.upper,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: text.replace(" ", "\r\n\u00a0 "),
    lambda text: text.replace(" ", " \u200b").replace("e", "e\xad"),
    lambda text: f"\ufeff\t{text}  \n",
    lambda text: text.replace(",", " \u2014").replace(".", "!"),
    lambda text: text.translate({code: code + 0xFEE0 for code in range(ord("A"), ord("z") + 1) if chr(code).isalpha()}),
    lambda text: f"\u201c{text}\u201d",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    words=st.lists(st.text(st.sampled_from("abcdeghijklmoprstuvwyz\u00e9\u00fc\u00f1"), min_size=2), min_size=12),
    spelled=st.lists(st.sampled_from(SPELLINGS), max_size=3),
    escaped=st.booleans(),
    label=st.sampled_from(["1", "0"]),
)
def test_same_text_same_split(task, words, spelled, escaped, label):
    """However a file spells a text, and whatever its label and neighbours are, it has one digest and one split."""
    text = f"{' '.join(words[:6])}, {' '.join(words[6:])} 2024. {BODY}"
    other = text
    for spelling in spelled:
        other = spelling(other)
    if escaped:
        other = "".join(
            f"&#{ord(each)};" if each in "aeI" else f"&amp;#x{ord(each):x};" if each in "oU" else each for each in other
        )
    schema = schema_of(task)
    files = [
        {"text": [text], "label": ["1"], "summary": ["Somebody saved it."]},
        {"text": [BODY, other], "label": ["0", label], "summary": ["Said by others.", "Saved in the end."]},
    ]
    first, second = (schema.clean_block(columns) for columns in files)
    assert first.digests[0] == second.digests[-1]
    assert first.splits[0] == second.splits[-1] == split_at(position_at(first.digests[0]))
    assert schema.split({"text": first.values["text"][0]}) == first.splits[0]


def test_title_apart_or_not(task):
    """A file that keeps the title apart and one that has it in front of the text hold the same text."""
    schema = schema_of(task)
    if "title" not in schema.bind(["title", "text", "label", "summary"], labelled=True):
        pytest.skip("no titles in this task")
    rest = {"label": ["1"], "summary": ["Somebody saved it."]}
    apart = schema.clean_block({"title": ["Saved at last"], "text": [BODY], **rest})
    together = schema.clean_block({"text": [f"Saved at last: {BODY}"], **rest})
    assert apart.digests == together.digests
    assert apart.splits == together.splits
