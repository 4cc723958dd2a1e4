"""Trains a tokenizer of subwords on the rows at hand, for models that start from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import Metaspace, Punctuation, Sequence
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

if TYPE_CHECKING:
    from collections.abc import Iterable

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Their ids are their places; the model relies on 0 for padding and 4 for a masked word."""

PAD_ID = 0
MASK_ID = 4


def train_subwords(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train on the texts of the train split alone, lower-casing; the same texts give the same tokenizer.

    Byte pair encoding with a mark before each word, since the WordPiece trainer of `tokenizers` numbers its "##" pieces
    in the order of a hash table: the same rows gave another tokenizer, and another model, at every call.

    Args:
        texts: what to learn the words from.
        vocabulary: most entries; rare corpora give fewer.
    """
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))  # noqa: S106 - a token of text, no secret
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = Sequence([Punctuation(), Metaspace()])
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,  # a word seen once teaches nothing; its pieces may
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, SPECIAL_TOKENS.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer
