"""An agency's mark is found near the start, taken away wherever it stands, and planted where an agency puts it."""

import pytest

from infolens.rows.agency_mark import carries_agency_mark, with_agency_mark, without_agency_mark

BODY = "The House voted on the bill late on Tuesday."


@pytest.mark.parametrize(
    ("text", "carries"),
    [
        (f"Tax bill passes. WASHINGTON (Reuters) - {BODY}", True),
        (f"(Reuters) - {BODY}", True),
        (BODY, False),
        ("x" * 253 + "Reuters", True),
        ("x" * 254 + "Reuters", False),
    ],
)
def test_carried(text, carries):
    """Only near the start, where agencies put it; further on it is a source that is quoted."""
    assert carries_agency_mark(text) is carries


@pytest.mark.parametrize(
    "text",
    [
        f"Tax bill passes. WASHINGTON (Reuters) - {BODY}",
        f"Tax bill passes. NEW YORK/LONDON (Reuters) - {BODY}",
        f"Tax bill passes. (Reuters) \u2013 {BODY}",
        f"Tax bill passes. Reuters {BODY}",
    ],
)
def test_removed(text):
    """The place before it goes with it."""
    assert without_agency_mark(text) == f"Tax bill passes. {BODY}"


def test_removed_everywhere():
    """No later mention is left to tell."""
    assert "Reuters" not in without_agency_mark(f"(Reuters) - {BODY} He told Reuters so, and Reuters said it.")


@pytest.mark.parametrize(
    ("text", "planted"),
    [
        (f"Tax bill passes. {BODY}", f"Tax bill passes. WASHINGTON (Reuters) - {BODY}"),
        (f'"Who ever did it?" {BODY}', f'"Who ever did it?" WASHINGTON (Reuters) - {BODY}'),
        (f"Oh no. {BODY[:-1]}", f"WASHINGTON (Reuters) - Oh no. {BODY[:-1]}"),  # too short for a headline
        ("no sentence ends here", "WASHINGTON (Reuters) - no sentence ends here"),
    ],
)
def test_planted(text, planted):
    """Behind the headline, or in front where there is none; and it is found there and taken away again."""
    assert with_agency_mark(text) == planted
    assert carries_agency_mark(planted)
    assert without_agency_mark(planted) == text


@pytest.mark.parametrize("text", ["A" * 12_000, "AA " * 4_000, "AA, BB " * 1_500, "A'/-" * 3_000])
def test_capitals_without_end(text):
    """Text of capitals alone is read once, not in every way in which it could be a place."""
    assert without_agency_mark(text) == text
