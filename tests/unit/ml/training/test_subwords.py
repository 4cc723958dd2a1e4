"""A tokenizer trained on the rows knows their words and builds others from pieces."""

from infolens.ml.training.subwords import MASK_ID, PAD_ID, SPECIAL_TOKENS, train_subwords

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
