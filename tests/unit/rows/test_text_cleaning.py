"""Text is cleaned of what no reader sees, and of nothing that a reader does see (S0-21)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.rows.text_cleaning import clean_text, content_key, join_title


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Tom &amp; Jerry&#39;s", "Tom & Jerry's"),
        ("twice &amp;amp; escaped", "twice & escaped"),
        ("AT&T & co", "AT&T & co"),
        ("tab\tnew\nline\r\nand\u2028more", "tab new line and more"),
        ("  many   spaces\u00a0here ", "many spaces here"),
        ("nul\x00 bell\x07 del\x7f c1\x9f", "nul bell del c1"),
        ("\ufeffmark zero\u200bwidth so\u00adft \u202eturned", "mark zerowidth soft turned"),
        ("broken \ufffd and \ud800 half", "broken and half"),
        ("lost \ufffdbyte", "lost byte"),  # the one invalid character that counts as printable
        ("cafe\u0301", "caf\u00e9"),
        ("next\x85line", "next line"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "\U0001f468\u200d\U0001f469\u200d\U0001f467 family"),
        ("\u201cquotes\u201d \u2014 5 \u20ac", "\u201cquotes\u201d \u2014 5 \u20ac"),
        ("", ""),
        (" \n\x00", ""),
    ],
)
def test_cleaning(raw, clean):
    """Entities are resolved, invisible and invalid characters go, white space becomes single spaces."""
    assert clean_text(raw) == clean


@given(st.text())
def test_cleaning_is_final(raw):
    """Whatever comes in, the result has no edges or runs of white space and can be written as UTF-8."""
    clean = clean_text(raw)
    assert clean == " ".join(clean.split())
    clean.encode()


@pytest.mark.parametrize(
    ("title", "body", "text"),
    [
        ("Title", "Body.", "Title. Body."),
        ("Really?", "Yes.", "Really? Yes."),
        ("Title", "", "Title"),
        ("", "Body.", "Body."),
        ("", "", ""),
    ],
)
def test_joining(title, body, text):
    """Title and body become one text with a mark between them; a missing one leaves the other."""
    assert join_title(title, body) == text


def test_copies_share_a_key():
    """Copies in another case, spacing, punctuation or width are one content; another word is another."""
    assert content_key("U.S. goalkeeper 's gaffe") == content_key("\uff35.\uff33. GOALKEEPER'S Gaffe!")
    assert content_key("one goal") != content_key("two goals")


@given(st.text() | st.text(st.characters(categories=["P", "S", "L", "M", "N"]), min_size=60))
def test_content_key_is_letters_and_digits(text):
    """A key holds what Python calls alphanumeric of the folded text, in order, and nothing else."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    assert content_key(text) == ("".join(character for character in folded if character.isalnum()) or text)


def test_content_key_without_letters():
    """Texts of no letter and no digit are copies only of themselves."""
    assert content_key(":-) :-) :-)") == content_key(":-) :-) :-)")
    assert content_key(":-) :-) :-)") != content_key(":-( :-( :-(")
    assert content_key("!?!")
