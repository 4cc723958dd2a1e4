"""Trains a tokenizer of subwords on the rows at hand, for models that start from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import BertNormalizer, Normalizer, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Metaspace, Punctuation, Sequence
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

if TYPE_CHECKING:
    from collections.abc import Iterable

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Their ids are their places; the model relies on 0 for padding and 4 for a masked word."""

PAD_ID = 0
MASK_ID = 4


def hide(tokenizer: Tokenizer, hidden: Iterable[tuple[str, str]]) -> None:
    """Let the tokenizer put each replacement in the place of what its expression finds, before all else, in order.

    Args:
        tokenizer: is changed.
        hidden: expressions (Oniguruma) and replacements.
    """
    steps: list[Normalizer] = [Replace(Regex(expression), replacement) for expression, replacement in hidden]
    if steps:
        tokenizer.normalizer = Normalizers([*steps, tokenizer.normalizer] if tokenizer.normalizer else steps)


def train_subwords(
    texts: Iterable[str], vocabulary: int, hidden: Iterable[tuple[str, str]] = (), *, lowercase: bool = True
) -> Tokenizer:
    """Train on the texts of the train split alone; the same texts give the same tokenizer.

    Byte pair encoding with a mark before each word, since the WordPiece trainer of `tokenizers` numbers its "##" pieces
    in the order of a hash table: the same rows gave another tokenizer, and another model, at every call.

    Args:
        texts: what to learn the words from.
        vocabulary: most entries; rare corpora give fewer.
        hidden: what no text keeps, see `hide`.
        lowercase: take capitals and accents away.
    """
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))  # noqa: S106 - a token of text, no secret
    tokenizer.normalizer = BertNormalizer(lowercase=lowercase)
    hide(tokenizer, hidden)
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
