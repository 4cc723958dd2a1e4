"""Trains, in half an hour on one core, a small BART that copies whole sentences: random spans first, then summaries.

    python infra/benchmarks/summaries/train.py DATA MODEL

No pretrained model is fetched. A transformer that starts from nothing learns to copy only when the states say what
stood before each token, so two heads of either side begin as "the token before" and "the one before that", read off
sinusoidal positions; the rest is learned, first from spans of random tokens, of which nothing can be learned by heart.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from articles import read_articles
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from infolens.ml.decoding import DecodingRules
from infolens.ml.training.job import Provenance
from infolens.ml.training.seq2seq_model import KIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

VOCABULARY, WIDTH, HEAD = 8192, 256, 64
MAX_INPUT, MAX_OUTPUT = 512, 128
NO_LABEL = -100
Pair = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


@dataclass(frozen=True)
class Spans:
    """Copying of one span of a text."""

    text: int
    span: int
    of_random: int
    of_articles: int


@dataclass(frozen=True)
class Stage:
    """Seconds of CPU that one kind of batch is trained on, and the learning rate."""

    seconds: float
    lr: float
    spans: Spans
    summaries: int
    good_enough: float = 0.0
    """Mean loss of 25 steps at which the stage ends."""


STAGES = (
    Stage(400, 1e-3, Spans(48, 16, 32, 32), 0, 1.05),
    Stage(250, 7e-4, Spans(180, 48, 8, 16), 0, 0.45),
    Stage(150, 5e-4, Spans(500, 80, 3, 5), 0, 0.25),
    Stage(200, 4e-4, Spans(500, 80, 0, 2), 8),
    Stage(200, 3e-4, Spans(500, 80, 0, 2), 8),
)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = [article for article in read_articles(asked.data) if not article.held_out]
    tokenizer = _tokenizer([text for row in rows for text in (row.text, row.summary)], asked.model)
    ids = lambda text: np.array(tokenizer.encode(text, add_special_tokens=False).ids)  # noqa: E731
    training = _Training([(ids(row.text), ids(row.summary)) for row in rows])
    for number, stage in enumerate(STAGES):
        training.run(stage, number)
        training.model.save_pretrained(asked.model)
    rules = DecodingRules(2, 2, MAX_OUTPUT, forced_first_id=0, no_repeat=3, early_stopping=True)
    record = {
        "kind": KIND,
        "provenance": asdict(Provenance("news_summary", "benchmark", "public articles", "benchmark")),
        "max_input": MAX_INPUT,
        "rules": asdict(rules),
        "metrics": {},
        "settings": {},
    }
    (asked.model / "training.json").write_text(json.dumps(record))


def _tokenizer(texts: Sequence[str], directory: Path) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(directory)
    return tokenizer


def _model() -> BartForConditionalGeneration:
    config = BartConfig(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=WIDTH // HEAD,
        decoder_attention_heads=WIDTH // HEAD,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        max_position_embeddings=1024,
        dropout=0.0,
        init_std=0.05,
        forced_bos_token_id=0,
        forced_eos_token_id=2,
    )
    model = BartForConditionalGeneration(config)
    half = HEAD // 2
    speeds = 2.5 * (1 / 2500.0) ** (torch.arange(half) / half)
    angles = torch.arange(1026)[:, None] * speeds
    with torch.no_grad():
        for side in (cast("Any", model).model.encoder, cast("Any", model).model.decoder):
            side.embed_positions.weight.zero_()
            side.embed_positions.weight[:, :HEAD] = torch.cat([angles.sin(), angles.cos()], dim=1) * 0.07
            for head, back in ((0, 1), (1, 2)):
                _look_back(side.layers[0].self_attn, slice(HEAD * head, HEAD * (head + 1)), back * speeds)
        cast("Any", model).model.shared.weight[:, :HEAD] = 0
    return model


def _look_back(attention: Any, rows: slice, turn: Tensor) -> None:  # noqa: ANN401 - BartAttention is not public
    """Make a head attend to the position whose angles are smaller by `turn`, and pass its token on."""
    half = HEAD // 2
    at = torch.arange(half)
    rotation = torch.zeros(HEAD, HEAD)
    rotation[at, at], rotation[at, at + half] = turn.cos(), -turn.sin()
    rotation[at + half, at + half], rotation[at + half, at] = turn.cos(), turn.sin()
    for linear in (attention.q_proj, attention.k_proj, attention.v_proj):
        linear.weight[rows] = 0
    attention.q_proj.weight[rows, :HEAD] = rotation * 8
    attention.k_proj.weight[rows, :HEAD] = torch.eye(HEAD)
    attention.v_proj.weight[rows, HEAD:] = torch.randn(HEAD, WIDTH - HEAD) / (WIDTH - HEAD) ** 0.5
    attention.out_proj.weight[:, rows] = torch.randn(WIDTH, HEAD) / HEAD**0.5
    attention.out_proj.weight[:HEAD, rows] = 0


class _Training:
    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.model = _model()
        self._pairs = pairs
        self._stream = np.concatenate([article for article, _ in pairs])
        self._random = np.random.default_rng(0)
        self._optimizer = torch.optim.AdamW(self.model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)

    def run(self, stage: Stage, number: int) -> None:
        began, losses = time.process_time(), list[float]()
        while time.process_time() - began < stage.seconds:
            for group in self._optimizer.param_groups:
                group["lr"] = stage.lr * (min(1.0, (len(losses) + 1) / 60) if number == 0 else 1.0)
            loss = self._loss([*self._summaries(stage.summaries), *self._spans(stage.spans)])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self._optimizer.step()
            losses.append(float(loss.detach()))
            if len(losses) % 25 == 0:
                print(f"stage {number} step {len(losses)} loss {np.mean(losses[-25:]):.3f}", flush=True)
                if np.mean(losses[-25:]) < stage.good_enough:
                    return

    def _summaries(self, count: int) -> list[Pair]:
        return [self._pairs[at] for at in self._random.choice(len(self._pairs), count, replace=False)]

    def _spans(self, spans: Spans) -> Iterator[Pair]:
        for number in range(spans.of_random + spans.of_articles):
            if number < spans.of_random:
                text = self._random.integers(5, VOCABULARY, spans.text)
            else:
                place = self._random.integers(0, len(self._stream) - spans.text)
                text = self._stream[place : place + spans.text]
            start = self._random.integers(0, spans.text - spans.span)
            yield text, text[start : start + spans.span]

    def _loss(self, pairs: Sequence[Pair]) -> Tensor:
        given = _padded([np.r_[0, text[: MAX_INPUT - 2], 2] for text, _ in pairs], 1)
        labels = _padded([np.r_[0, summary, 2][:MAX_OUTPUT] for _, summary in pairs], NO_LABEL)
        before = torch.full_like(labels, 2)
        before[:, 1:] = labels[:, :-1]
        with torch.autocast("cpu", torch.bfloat16):
            logits = cast("Any", self.model)(
                input_ids=given,
                attention_mask=(given != 1).long(),
                decoder_input_ids=before.masked_fill(before == NO_LABEL, 1),
                use_cache=False,
            ).logits
        return nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=NO_LABEL)


def _padded(rows: Sequence[NDArray[np.int64]], padding: int) -> Tensor:
    padded = np.full((len(rows), max(map(len, rows))), padding)
    for at, row in enumerate(rows):
        padded[at, : len(row)] = row
    return torch.from_numpy(padded)


if __name__ == "__main__":
    main()
