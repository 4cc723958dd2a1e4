"""Movies that users chose later."""

import pytest

from infolens.tasks.movie_recommendation.feedback import FEEDBACK


def answer(*items):
    """An answer with these movies."""
    return {"top_items": list(items), "scores": [0.5] * len(items), "fallback": "none", "unknown_items": 0}


def test_ten_places_count():
    """A movie in the tenth place is a hit, one in the eleventh is none."""
    assert FEEDBACK.score(answer(*range(20)), 9) == 1.0
    assert FEEDBACK.score(answer(*range(20)), 10) == 0.0


@pytest.mark.parametrize(("other", "alike"), [((4, 3, 8, 9), True), ((4, 7, 8, 9), False)])
def test_half_of_the_movies_in_common_is_agreement(other, alike):
    """Two of four are enough, in any order; one is not."""
    assert FEEDBACK.agree(answer(1, 2, 3, 4), answer(*other)) is alike


def test_one_movie_ten_times_is_null():
    """The same movie in several places is no recommendation."""
    assert FEEDBACK.null(answer(5, 5))
    assert not FEEDBACK.null(answer(5, 6))


@pytest.mark.parametrize("told", [42, "42", " 42 "])
def test_an_id_as_number_or_text(told):
    """Both are the same movie."""
    assert FEEDBACK.check_label(told) == 42
