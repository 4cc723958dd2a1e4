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
