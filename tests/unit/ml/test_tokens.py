"""Texts become ids with truncation and without padding, and nobody pays for text that is cut off anyway."""

import pytest

from infolens.ml.tokens import TextTokens
from infolens.ml.training.subwords import train_subwords


@pytest.fixture
def tokens(tmp_path):
    """A tokenizer that knows a few words, at most 6 tokens."""
    tokenizer = train_subwords(["red green blue"] * 5, vocabulary=60)
    tokenizer.enable_padding(length=32)  # a file from elsewhere may come with padding on
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return TextTokens(tmp_path / "tokenizer.json", max_tokens=6)


def test_no_padding(tokens):
    """A short text gives its own tokens between [CLS] (2) and [SEP] (3), and nothing else."""
    ids = tokens.ids("red")
    assert (ids[0], ids[-1], len(ids)) == (2, 3, 3)


def test_truncation(tokens):
    """A long text gives the most tokens allowed, the last of them [SEP]."""
    ids = tokens.ids("red " * 100)
    assert (len(ids), ids[-1]) == (6, 3)


def test_text_beyond_the_cut_is_not_read(tokens):
    """What lies far behind the last token that fits changes nothing."""
    assert tokens.ids("red green " * 60).tolist() == tokens.ids("red green " * 60 + "blue " * 5_000).tolist()


def test_no_text(tokens):
    """An empty text still has its two marks."""
    assert tokens.ids("").tolist() == [2, 3]


TEXT = "Red green. Blue red! Green blue red green."


@pytest.mark.parametrize(
    ("most", "kept"),
    [
        (7, "Red green."),
        (8, "Red green. Blue red!"),
        (9, "Red green. Blue red!"),
        (13, TEXT),
    ],
)
def test_cut_at_sentence_ends(tmp_path, most, kept):
    """What is too long ends with a whole sentence, between its marks, where that is worth it."""
    tokenizer = train_subwords(["red green blue . !"] * 5, vocabulary=60)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    whole = TextTokens(tmp_path / "tokenizer.json", max_tokens=100)
    tokens = TextTokens(tmp_path / "tokenizer.json", max_tokens=most, sentence_ends=True)
    assert tokens.ids(TEXT).tolist() == whole.ids(kept).tolist()


@pytest.mark.parametrize("text", ["red green " * 50, "red. " + "green blue " * 50])
def test_one_endless_sentence(tmp_path, text):
    """A text in which no sentence ends, or too early to be worth it, is cut at the last token, as it always was."""
    train_subwords(["red green blue ."] * 5, vocabulary=60).save(str(tmp_path / "tokenizer.json"))
    at_ends = TextTokens(tmp_path / "tokenizer.json", max_tokens=10, sentence_ends=True)
    plain = TextTokens(tmp_path / "tokenizer.json", max_tokens=10)
    assert at_ends.ids(text).tolist() == plain.ids(text).tolist()
