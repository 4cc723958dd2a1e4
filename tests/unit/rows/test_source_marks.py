"""What tells where a text was taken from is gone, the text stays, and no text takes long."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex
from tokenizers.normalizers import Replace, Sequence

from infolens.rows.source_marks import SOURCE_MARKS, without_source_marks

BUNDLED = Sequence([Replace(Regex(expression), replacement) for expression, replacement in SOURCE_MARKS])


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Tax bill passes. WASHINGTON (Reuters) - The House voted.", "Tax bill passes. The House voted."),
        ("Bill passes. SEOUL/NEW YORK (Reuters) \u2013 The House voted.", "Bill passes. The House voted."),
        ("Counsel Mueller. (Reuters) - The House voted.", "Counsel Mueller. The House voted."),
        ("Fire downtown. Tampa, Fla. (AP) - A fire broke out.", "Fire downtown. A fire broke out."),
        ("(CNN) Several people are dead.", "Several people are dead."),
        ("Washington (CNN) Clinton and Sanders met.", "Clinton and Sanders met."),
        ("Tax bill passes. WASHINGTON \u2014 The House voted.", "Tax bill passes. The House voted."),
        ("LOUISVILLE, Ky. \u2014 Mr. Trump spoke.", "Mr. Trump spoke."),
        ("He told Reuters on Monday.", "He told on Monday."),
        ("WASHINGTON () - The House voted.", "The House voted."),
        ("A wild ride - The New York Times. The polls are in.", "A wild ride. The polls are in."),
        ("Trophy for Scalise - Breitbart. Thursday night.", "Trophy for Scalise. Thursday night."),
        ("New law | Eagle Rising. They did it.", "New law. They did it."),
        ("4.4k SHARES Facebook Twitter I can not even.", " I can not even.".strip()),
        ("She said no. Featured image via Drew Angerer/Getty Images", "She said no."),
        ("It ends here. comments", "It ends here."),
        ("See https://t.co/abc for more.", "See for more."),
        ("The Battle. October 28, 2016 Ari wrote.", "The Battle. Ari wrote."),
        ("Trump s wall didn t work", "Trump's wall didn't work"),
        ("Bush\u00e2\u20ac\u2122s jet, \u201cquoted\u201d", 'Bush\'s jet, "quoted"'),
        ("a \u2018word\u2019 , and more", "a 'word', and more"),
    ],
)
def test_marks_are_gone(text, seen):
    """Agencies, datelines, outlets, credits, furniture, dates of publication, and lost characters."""
    assert without_source_marks(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "The senate voted on the bill after a long night of debate.",
        "BREAKING: You will NOT believe this!",
        "The vote was 52 to 48 (VIDEO).",
        "A well-known three-day plan - and more of it.",
        "In 2016 the U.S. economy grew by 2.1 percent.",
    ],
)
def test_the_text_stays(text):
    """What the text itself says is not touched: shouting, numbers, brackets, years."""
    assert without_source_marks(text) == text


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12),
            st.sampled_from(
                ["(Reuters)", "reuters", " - ", "WASHINGTON", "\u2014", " The New York Times. ", " s ", "(CNN"]
            ),
            st.sampled_from(
                ["Jan. 3, 2016", "1/2/16", "http://x", "shares", "image via", "Tampa, Fla.", "\u00e2\u20ac\u2122"]
            ),
        ),
        max_size=20,
    ).map("".join)
)
def test_the_bundle_takes_away_the_same(text):
    """The expressions mean the same to Python and to the tokenizer that carries them in a bundle."""
    assert BUNDLED.normalize_str(text).strip() == without_source_marks(text)


@pytest.mark.parametrize(
    "text",
    [
        *("A" * 12_000, "AA " * 4_000, "A/A" * 4_000, "AB, " * 3_000, " - A1" * 3_000, " - " + "A1" * 6_000),
        *(" - " + "A1 " * 4_000, "(" * 12_000, "( " * 6_000, "(CNN" * 3_000, "1.1," * 3_000, "image via " * 1_200),
        *("http://" * 1_700, " " * 12_000, "-" * 12_000, "Aa " * 4_000, "Abc. " * 2_400, "x s " * 3_000),
        *(
            "1 shares facebook" * 700,
            "WASHINGTON " * 1_000,
            "reuters" * 1_700,
            "Jan. 1, " * 1_500,
            "the new york " * 900,
        ),
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(text):
    """Whatever is sent costs less than half a second of processor time, in both engines: nothing backtracks freely."""
    began = time.process_time()
    without_source_marks(text)
    BUNDLED.normalize_str(text)
    assert time.process_time() - began < 0.5
