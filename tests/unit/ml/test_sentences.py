"""Texts are cut into sentences where a reader would cut them, whatever is in them and however long they are."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.ml.sentences import MAX_CHARACTERS, MAX_WORDS, last_sentence_end, sentences, without_dateline


def letters(text: str) -> str:
    """A text without white space."""
    return "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("One sentence without a mark", ["One sentence without a mark"]),
        ("It rained. He left! Why? Nobody knows.", ["It rained.", "He left!", "Why?", "Nobody knows."]),
        ('"It rained." He left.', ['"It rained."', "He left."]),
        ("He said: “It rained.” Then he left.", ["He said: “It rained.”", "Then he left."]),
        ("(It rained.) He left.", ["(It rained.)", "He left."]),
        ("So much... Nobody knew.", ["So much...", "Nobody knew."]),
    ],
)
def test_marks(text, expected):
    """A mark, with the quotes that close behind it, ends a sentence; nothing else does."""
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Smith met Dr. Jones in St. Louis.",
        "J. K. Rowling wrote it.",
        "It costs 6.6 million, e.g. in Rome.",
        "The U.S. economy grew by 3.5 percent.",
        "He ran 6.6km in 20 min. and won.",
        "Gov. Brown and Sen. Warren agreed.",
        "See www.example.Com for more",
        "About No. 10 he said nothing.",
        '"Is it you?" he asked.',
        "Yahoo! shares fell... and rose.",
    ],
)
def test_full_stops_inside(text):
    """Titles, initials, numbers, addresses and a mark before a small letter do not end a sentence."""
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("China's future leader.But on Tuesday it ended.", ["China's future leader.", "But on Tuesday it ended."]),
        ('He was tired."Leave me," he said.', ['He was tired."', 'Leave me," he said.']),
        ("She died three days later .Falling trees kill.", ["She died three days later .", "Falling trees kill."]),
        ("It rose to 1976.Then it fell.", ["It rose to 1976.", "Then it fell."]),
    ],
)
def test_missing_space(text, expected):
    """Two sentences without a space between them, as in scraped articles, are two."""
    found = sentences(text)
    assert len(found) == len(expected)
    assert letters("".join(found)) == letters(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("今天下雨。他走了\uff01为什么\uff1f", 3),
        ("आज बारिश हुई। वह चला गया।", 2),
        ("هل رحل؟ نعم رحل\u06d4 انتهى", 3),
    ],
)
def test_other_scripts(text, count):
    """Marks of other scripts end a sentence without a space behind them."""
    assert len(sentences(text)) == count


def test_lines():
    """A line break ends a sentence: a headline is none of the next."""
    assert sentences("Millions for boats\n\nThe line buys boats. It rained.") == [
        "Millions for boats",
        "The line buys boats.",
        "It rained.",
    ]


@pytest.mark.parametrize(("words", "pieces"), [(MAX_WORDS, 1), (MAX_WORDS + 1, 2)])
def test_words_without_marks(words, pieces):
    """As many words as the limit are one sentence; one more makes two, cut between words."""
    text = " ".join(["word"] * words)
    found = sentences(text)
    assert len(found) == pieces
    assert " ".join(found) == text


@pytest.mark.parametrize(("characters", "pieces"), [(MAX_CHARACTERS, 1), (MAX_CHARACTERS + 1, 2)])
def test_characters_without_spaces(characters, pieces):
    """A word that never ends is cut at the limit."""
    found = sentences("x" * characters)
    assert len(found) == pieces
    assert "".join(found) == "x" * characters


def test_long_sentence_is_cut_at_a_comma():
    """A sentence that is too long ends its first piece behind the last comma before the limit."""
    text = " ".join(["word"] * 60) + ", " + " ".join(["other"] * 60)
    assert sentences(text) == [" ".join(["word"] * 60) + ",", " ".join(["other"] * 60)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(CNN)The desert was empty.", "The desert was empty."),
        ("London (CNN)Previously secret letters.", "Previously secret letters."),
        ("WASHINGTON (Reuters) - The president spoke.", "The president spoke."),
        ("The party (Labour) lost.", "The party (Labour) lost."),
        ("He (Smith) left.", "He (Smith) left."),
        (
            "A report by the World Health Organisation (WHO) says so.",
            "A report by the World Health Organisation (WHO) says so.",
        ),
    ],
)
def test_datelines(text, expected):
    """A place and an agency at the beginning go; brackets inside a sentence stay."""
    assert without_dateline(text) == expected


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost(text):
    """Whatever the characters are, the sentences hold them all in order; none is empty or beyond the limits."""
    found = sentences(text)
    assert letters("".join(found)) == letters(text)
    assert all(sentence == sentence.strip() and sentence for sentence in found)
    assert all(len(sentence) <= MAX_CHARACTERS and len(sentence.split()) <= MAX_WORDS for sentence in found)


@given(st.text(alphabet=" .?!\"'()aA1,\n—。", max_size=1500))
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_of_marks(text):
    """The same for texts that are nearly all marks, quotes and breaks."""
    found = sentences(text)
    assert letters("".join(found)) == letters(text)
    assert all(len(sentence) <= MAX_CHARACTERS for sentence in found)


@pytest.mark.parametrize("piece", ["word ", "x", "Mr. ", '"', "a.", ". ", "?!", "\n", "今", "a,"])
def test_a_megabyte(piece):
    """A megabyte of anything takes some ten times what a tenth of it takes, not a hundred times."""
    times = []
    for size in (100_000, 1_000_000):
        text = piece * (size // len(piece))
        began = time.process_time()
        found = sentences(text)
        times.append(time.process_time() - began)
        assert sum(map(len, found)) >= len(letters(text))
    assert times[1] < 40 * times[0] + 0.5


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("It ran. It ran. It sat.", 15, "It ran. It ran."),
        ("It ran. It ran. It sat.", 14, "It ran."),
        ("It ran. It ran. It sat.", 99, "It ran. It ran. It sat."),
        ("It ran", 5, ""),
        ("", 5, ""),
        ("One.\n\n  Two.\nThree", 14, "One.\n\n  Two."),
    ],
)
def test_last_sentence_end(text, most, kept):
    """Only sentences that lie wholly within count, each at its own place though it stands there twice."""
    assert text[: last_sentence_end(text, most)] == kept
