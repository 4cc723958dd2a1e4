"""Comments are altered as asked, the same for a seed, and what is made says what its label says."""

import random

import pytest

from infolens.ml.training.comment_augmentation import (
    Augmentation,
    Augmenter,
    Frames,
    Words,
    misspelt,
    telling_words,
)

BENIGN = [["thanks", "for", "the", "picture", "of", "harbour"], ["we", "met", "at", "the", "library"]] * 20
TOXIC = [["you", "are", "the", "idiot"]] * 10
ROWS = Words([*BENIGN, *TOXIC], [False] * len(BENIGN) + [True] * len(TOXIC))
FRAMES = Frames(affirming=("you are {}",), denying=("nobody is {}",), attacking=("go home, {}",))


def augmented(settings: Augmentation, seed: int = 1, frames: Frames = FRAMES, most_words: int = 100) -> Words:
    """One epoch."""
    return Augmenter(ROWS, settings, frames, most_words).epoch(random.Random(seed))


def test_nothing_asked_nothing_changed():
    """Without settings the comments stay as they are."""
    assert augmented(Augmentation()) == ROWS


def test_a_seed_repeats_itself():
    """The same source of random numbers gives the same epoch, another one another."""
    settings = Augmentation(misspelt=1.0, misspelt_words=0.5, surrounded=0.5, framed=0.5)
    assert augmented(settings) == augmented(settings)
    assert augmented(settings) != augmented(settings, seed=2)


def test_telling_words_come_from_the_rows():
    """Words of toxic comments alone are telling, frequent ones of benign ones harmless, and the rest is neither."""
    telling, harmless = telling_words(ROWS)
    assert set(telling) == {"you", "are", "idiot"}
    assert telling["idiot"] == pytest.approx(10**0.5)
    assert {"harbour", "library"} <= set(harmless)
    assert "the" not in telling


def test_rare_words_tell_nothing():
    """A word of five comments tells nothing, one of six does."""
    rows = [["moron"]] * 5 + [["dimwit"]] * 6
    telling, _ = telling_words(Words([*BENIGN, *rows], [False] * 40 + [True] * 11))
    assert set(telling) == {"dimwit"}


def test_misspelling_spares_short_words_and_numbers():
    """Of a misspelt comment every word of four letters or more is altered, the others are not."""
    words = augmented(Augmentation(misspelt=1.0, misspelt_words=1.0)).texts[0]
    before = ROWS.texts[0]
    assert [mine == old for mine, old in zip(words, before, strict=True)] == [False, True, True, False, True, False]


def test_misspelt_words_stay_near():
    """The first letter stays, the last one but for a swap, and one letter at most is more or less."""
    source = random.Random(4)
    for _ in range(300):
        word = misspelt("stupid", source)
        assert word[0] == "s"
        assert word[-1] == "d" or word == "stupdi"
        assert 5 <= len(word) <= 7


def test_surrounded_comments_stay_whole():
    """A comment that is put among benign ones is in there whole, and its label stays."""
    made = augmented(Augmentation(surrounded=1.0))
    assert made.positive == ROWS.positive
    for words, positive in zip(made.texts, made.positive, strict=True):
        assert len(words) > 6
        assert ("idiot" in words) == positive


def test_surrounded_comments_have_a_limit():
    """No comment grows past the limit, and none is cut."""
    made = augmented(Augmentation(surrounded=1.0), most_words=11)
    assert max(map(len, made.texts)) <= 11
    assert all(len(words) >= 4 for words in made.texts)


def test_framed_sentences():
    """As many as asked are added; denials are benign, attacks toxic, and affirmations what their word is."""
    made = augmented(Augmentation(framed=4.0))
    added = list(zip(made.texts, made.positive, strict=True))[len(ROWS.texts) :]
    assert len(added) == 200
    kinds = set()
    for words, positive in added:
        text = " ".join(words)
        if "nobody is" in text:
            assert not positive
            kinds.add("denied")
        elif "go home" in text:
            assert positive
            kinds.add("attack")
        else:
            told = text.split("you are ")[1].split(" ")[0]
            assert positive == (told in {"you", "are", "idiot"})
            kinds.add(positive)
    assert kinds == {"denied", "attack", True, False}


def test_words_that_are_no_offence():
    """A neutral word is never taken for a telling one, however angry the comments are that hold it."""
    frames = Frames(FRAMES.affirming, FRAMES.denying, FRAMES.attacking, neutral_words=("idiot", "you", "are"))
    made = augmented(Augmentation(framed=1.0), frames=frames)
    assert len(made.texts) == len(ROWS.texts)  # nothing is left to tell


def test_rows_of_one_kind():
    """Comments of one kind alone tell nothing: nothing is framed, and toxic ones have no company."""
    alone = Words(TOXIC, [True] * len(TOXIC))
    made = Augmenter(alone, Augmentation(framed=1.0, surrounded=1.0), FRAMES, 100).epoch(random.Random(1))
    assert made == alone


def test_repeated_mentions():
    """Benign comments that mention a neutral word are given once more, toxic ones that do are not."""
    frames = Frames(FRAMES.affirming, FRAMES.denying, FRAMES.attacking, neutral_words=("harbour", "idiot"))
    made = augmented(Augmentation(repeated=1.0), frames=frames)
    assert made.texts[: len(ROWS.texts)] == ROWS.texts
    assert made.texts[len(ROWS.texts) :] == [BENIGN[0]] * 20
    assert made.positive[len(ROWS.texts) :] == [False] * 20
    assert Augmenter(ROWS, Augmentation(repeated=0.5), frames, 100).repeated() == made
    assert Augmenter(ROWS, Augmentation(), frames, 100).repeated() == ROWS
