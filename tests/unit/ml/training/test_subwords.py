"""A tokenizer trained on the rows knows their words and builds others from pieces."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from infolens.ml.training.subwords import MASK_ID, PAD_ID, SPECIAL_TOKENS, hide, train_subwords

TEXTS = ["The goalkeeper saved it"] * 20


def test_special_tokens_have_the_ids_the_model_relies_on():
    """Padding is 0, the mask 4; a text stands between [CLS] and [SEP]."""
    tokenizer = train_subwords(TEXTS, vocabulary=100)
    assert [tokenizer.token_to_id(name) for name in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    assert (tokenizer.token_to_id("[PAD]"), tokenizer.token_to_id("[MASK]")) == (PAD_ID, MASK_ID)
    assert tokenizer.encode("The GOALKEEPER").tokens == ["[CLS]", "▁the", "▁goalkeeper", "[SEP]"]


def test_the_vocabulary_is_bounded():
    """No more entries than allowed."""
    assert train_subwords([f"word{n} other{n}" for n in range(500)] * 2, vocabulary=90).get_vocab_size() <= 90


def test_the_same_texts_give_the_same_tokenizer():
    """Training twice gives equal files, so that a run can be repeated."""
    texts = [f"word{n % 7} other{n % 5} thing" for n in range(100)]
    assert len({train_subwords(texts, 200).to_str() for _ in range(5)}) == 1


def test_what_is_hidden_is_in_no_vocabulary():
    """Expressions are applied in order before all else, in training and afterwards, and travel with the file."""
    hidden = (("(?i)reuters", ""), (r"\( ?\) - ", ""))
    tokenizer = train_subwords(["WASHINGTON (Reuters) - The goalkeeper"] * 20, 200, hidden)
    assert not any("reu" in word for word in tokenizer.get_vocab())
    again = Tokenizer.from_str(tokenizer.to_str())
    assert again.encode("(REUTERS) - The goalkeeper").ids == again.encode("The goalkeeper").ids


def test_hiding_keeps_what_a_tokenizer_does_itself():
    """A tokenizer of another origin normalises as before, after the expressions; without any it is left alone."""
    tokenizer = Tokenizer(WordLevel({"<unk>": 0, "kick": 1}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    hide(tokenizer, ())
    assert tokenizer.normalizer is None
    hide(tokenizer, (("penalty", ""),))
    hide(tokenizer, (("free", "penalty"),))
    assert tokenizer.encode("free kick penalty").ids == [1]


def test_capitals_stay_when_they_tell_something():
    """Without lower-casing, shouting is another word."""
    tokenizer = train_subwords(["The goalkeeper SAVED it", "The goalkeeper saved it"] * 20, 100, lowercase=False)
    assert tokenizer.encode("SAVED").ids != tokenizer.encode("saved").ids
