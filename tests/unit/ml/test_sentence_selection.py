"""Sentences are taken by their chances up to a length, keep their order, and never leave a summary empty."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.ml.sentence_selection import SelectionRules, cut_to, select

RULES = SelectionRules(max_tokens=128, least_share=0.3, max_repeated=0.8)


def distinct(count: int, length: int) -> list[list[str]]:
    """Sentences that share no word."""
    return [[f"w{at}-{word}" for word in range(length)] for at in range(count)]


def test_order_of_the_article():
    """The likeliest come in, and stand in the article's order."""
    assert select([0.2, 0.9, 0.8, 1.0], distinct(4, 10), [10] * 4, 30, RULES) == [1, 2, 3]


@pytest.mark.parametrize(("target", "chosen"), [(14, [0]), (16, [0, 1]), (24, [0, 1]), (26, [0, 1, 2])])
def test_target(target, chosen):
    """A sentence joins while it brings the summary nearer to the wanted length."""
    assert select([0.9, 0.8, 0.7], distinct(3, 10), [10] * 3, target, RULES) == chosen


def test_shorter_one_further_down():
    """A sentence that is too long is passed over for a shorter one."""
    words = [*distinct(1, 10), [f"long{at}" for at in range(40)], [f"short{at}" for at in range(10)]]
    assert select([0.9, 0.8, 0.7], words, [10, 40, 10], 20, RULES) == [0, 2]


@pytest.mark.parametrize(("spent", "chosen"), [(128, [0, 1]), (129, [0])])
def test_most_tokens(spent, chosen):
    """A summary of as many tokens as allowed stands; one more is too many (S0-23)."""
    assert select([0.9, 0.8], distinct(2, 10), [spent - 10, 10], 20, RULES) == chosen


@pytest.mark.parametrize(("chance", "chosen"), [(0.27, [0, 1]), (0.26, [0])])
def test_unlikely_ones_do_not_fill_up(chance, chosen):
    """A sentence with less than the stated share of the best chance stays out, however much room there is."""
    assert select([0.9, chance], distinct(2, 10), [10, 10], 100, RULES) == chosen


@pytest.mark.parametrize(("shared", "chosen"), [(8, [0, 1]), (9, [0])])
def test_repetition(shared, chosen):
    """Eight of ten words again are news, nine are none."""
    first = [f"w{at}" for at in range(10)]
    second = first[:shared] + [f"x{at}" for at in range(10 - shared)]
    assert select([0.9, 0.8], [first, second], [10, 10], 20, RULES) == chosen


def test_one_sentence():
    """The only sentence is taken, however long it is and however unlikely; of none, none."""
    assert select([0.0], [["w"] * 500], [900], 3.0, RULES) == [0]
    assert select([], [], [], 60.0, RULES) == []


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.lists(st.sampled_from("abcdefgh"), max_size=12), st.integers(0, 200)),
        min_size=1,
        max_size=30,
    ),
    st.floats(1, 1000),
)
@settings(max_examples=200, deadline=None)
def test_any_sentences(given_sentences, target):
    """There is always a summary, in order, without a sentence twice; only a single one may have too many tokens."""
    chances, words, tokens = (list(column) for column in zip(*given_sentences, strict=True))
    chosen = select(chances, words, tokens, target, RULES)
    assert chosen
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 1 or sum(tokens[at] for at in chosen) <= 128


def count_words(text: str) -> int:
    """One token a word."""
    return len(text.split())


@pytest.mark.parametrize(("words", "kept"), [(4, "a a a a"), (5, "a a a a…")])
def test_cut(words, kept):
    """What has as many tokens as allowed stays whole; what has more ends at the last word that fits, and says so."""
    assert cut_to(" ".join(["a"] * words), 4, count_words) == kept


def test_cut_within_a_word():
    """A word that alone has too many tokens is cut inside."""
    assert cut_to("x" * 50, 10, len) == "x" * 9 + "…"


@given(st.text(min_size=1, max_size=300).filter(lambda text: any(map(str.isalnum, text))), st.integers(2, 50))
@settings(max_examples=200, deadline=None)
def test_cut_anything(text, most):
    """Whatever is cut keeps within the limit, is a beginning of the text, and is not empty."""
    text = text.strip()
    cut = cut_to(text, most, len)
    assert len(cut) <= most or len(text) <= most
    assert cut
    assert text.startswith(cut.removesuffix("…"))
