"""Trains a WordPiece tokenizer like BERT's on the rows at hand, for models that start from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

if TYPE_CHECKING:
    from collections.abc import Iterable

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Their ids are their places; the model relies on 0 for padding and 4 for a masked word."""

PAD_ID = 0
MASK_ID = 4


def train_wordpieces(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train on the texts of the train split alone, lower-casing; the same texts give the same tokenizer.

    Args:
        texts: what to learn the words from.
        vocabulary: most entries; rare corpora give fewer.
    """
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))  # noqa: S106 - a token of text, no secret
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(
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
