"""Compares what the served graphs of a trained BART write with what transformers writes, on real articles.

    python infra/benchmarks/summaries/measure.py DATA MODEL [--articles 200]

DATA is the folder that holds `summarisation/`, MODEL what train.py (or a training job) wrote. Printed: the share of
equal outputs in 32 bits, greedy and beam 4; of int8 the share of equal outputs and the ROUGE of both; of lookup
decoding the calls and seconds that it saves.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from articles import read_articles

from infolens.ml.decoding import DecodingRules, write
from infolens.ml.encoder_decoder import DECODER_FILE, ENCODER_FILE, TOKENIZER_FILE, EncoderDecoder, open_tokens
from infolens.ml.onnx_session import open_session
from infolens.ml.rouge import rouge, rouge_words
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder, write_encoder
from infolens.ml.training.crossing_int8 import CALIBRATION_ROWS, crossing_scales
from infolens.ml.training.seq2seq_export import to_int8
from infolens.ml.training.seq2seq_model import load
from infolens.ml.training.static_int8 import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from articles import Article
    from numpy.typing import NDArray
    from transformers import BartForConditionalGeneration

LOOKUPS = (8,)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--articles", type=int, default=200)
    asked = parser.parse_args()
    model, record = load(asked.model)
    articles = list(read_articles(asked.data))
    held_out = [article for article in articles if article.held_out]
    learned = spread([article.text for article in articles if not article.held_out], CALIBRATION_ROWS)
    # All three sources, in turn.
    chosen = [held_out[at] for at in np.linspace(0, len(held_out) - 1, asked.articles).astype(int)]
    rules = {"greedy": replace(record.rules, beams=1), "beam 4": replace(record.rules, beams=4)}
    with TemporaryDirectory() as folder:
        served = {
            kind: _opened(model, record, Path(folder), asked.model, learned if kind == "int8" else ())
            for kind in ("fp32", "int8")
        }
        ids = [served["fp32"].ids(article.text) for article in chosen]
        print(f"{len(chosen)} held-out articles, median {int(np.median([len(row) for row in ids]))} tokens")
        for name, rule in rules.items():
            wanted = [generated(model, row, rule) for row in ids]
            outputs = {kind: [one.tokens(row, rule) for row in ids] for kind, one in served.items()}
            rouges = {kind: _rouges(one, outputs[kind], chosen) for kind, one in served.items()}
            lost = rouges["int8"] - rouges["fp32"]
            print(
                f"{name}: fp32 equal to transformers {_share(outputs['fp32'], wanted):.3f}, "
                f"int8 equal to fp32 {_share(outputs['int8'], outputs['fp32']):.3f}, "
                f"ROUGE-L fp32 {rouges['fp32'].mean():.4f} int8 {rouges['int8'].mean():.4f}, "
                f"difference {lost.mean():+.4f} (standard error {lost.std(ddof=1) / len(lost) ** 0.5:.4f}), "
                f"median {int(np.median([len(row) for row in wanted]))} tokens written"
            )
        for kind, one in served.items():
            _lookup(kind, one, ids, rules["greedy"])


@dataclass(frozen=True)
class Served:
    """A BART as its graphs."""

    predictor: EncoderDecoder

    def ids(self, text: str) -> NDArray[np.int64]:
        """Give the token ids of an article."""
        return self.predictor._tokens.ids(text)  # noqa: SLF001 - the parts of an answer are measured

    def tokens(self, ids: NDArray[np.int64], rules: DecodingRules) -> list[int]:
        """Write."""
        return write(self.predictor._steps(ids), rules, ids.tolist())  # noqa: SLF001

    def timed(self, ids: NDArray[np.int64], rules: DecodingRules) -> tuple[list[int], int, float]:
        """Write; gives tokens, calls of the decoder, and seconds without the encoder."""
        steps = self.predictor._steps(ids)  # noqa: SLF001
        calls, ask = 0, steps.next_logits

        def counted(tokens: NDArray[np.int64]) -> NDArray[np.float32]:
            nonlocal calls
            calls += 1
            return ask(tokens)

        steps.next_logits = counted  # type: ignore[method-assign]
        began = time.perf_counter()
        tokens = write(steps, rules, ids.tolist())
        return tokens, calls, time.perf_counter() - began


def _opened(
    model: BartForConditionalGeneration,
    record: Any,  # noqa: ANN401 - Seq2SeqRecord
    folder: Path,
    source: Path,
    learned: Sequence[str],
) -> Served:
    """Export and open both graphs; in int8 where there are texts to find scales on."""
    tokens = open_tokens(source / TOKENIZER_FILE, record.max_input)
    paths = [folder / ENCODER_FILE, folder / DECODER_FILE]
    for write_graph, path in zip((write_encoder, write_decoder), paths, strict=True):
        write_graph(model, path)
    if learned:
        crossing = crossing_scales(paths[0], [tokens.ids(text) for text in learned])
        for exact in paths:
            to_int8(exact, folder / f"int8-{exact.name}", crossing)
        paths = [folder / f"int8-{exact.name}" for exact in paths]
    sessions = (open_session(paths[0], 1), open_session(paths[1], 1))
    return Served(EncoderDecoder(sessions, tokens, decoder_shape(model), record.rules))


@torch.no_grad()
def generated(model: BartForConditionalGeneration, ids: NDArray[np.int64], rules: DecodingRules) -> list[int]:
    """Let transformers write; start and end left out."""
    given = torch.from_numpy(ids).unsqueeze(0)
    row = (
        cast("Any", model)
        .generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            do_sample=False,
            num_beams=rules.beams,
            max_new_tokens=rules.max_tokens,
            min_length=rules.min_tokens,
            no_repeat_ngram_size=rules.no_repeat,
            length_penalty=rules.length_penalty,
            early_stopping=rules.early_stopping,
            forced_bos_token_id=rules.forced_first_id,
            forced_eos_token_id=rules.end_id if rules.forced_end else None,
        )[0]
        .tolist()[1:]
    )
    return row[: row.index(rules.end_id)] if rules.end_id in row else row


def _share(some: Sequence[list[int]], others: Sequence[list[int]]) -> float:
    return float(np.mean([one == other for one, other in zip(some, others, strict=True)]))


def _rouges(served: Served, outputs: Sequence[list[int]], articles: Sequence[Article]) -> NDArray[np.float64]:
    """ROUGE-L of each article's summary."""
    words = served.predictor._tokens  # noqa: SLF001
    return np.asarray(
        [
            rouge(rouge_words(article.summary), rouge_words(words.text(row))).rouge_l
            for row, article in zip(outputs, articles, strict=True)
        ]
    )


def _lookup(kind: str, served: Served, ids: Sequence[NDArray[np.int64]], rules: DecodingRules) -> None:
    """Interleave the ways of decoding article by article."""
    ways = {0: rules} | {most: replace(rules, lookup=most) for most in LOOKUPS}
    rows: dict[int, list[tuple[list[int], int, float]]] = {most: [] for most in ways}
    for row in ids:
        for most, way in ways.items():
            rows[most].append(served.timed(row, way))
    alone = rows[0]
    for most, found in rows.items():
        print(
            f"{kind} lookup {most}: calls {sum(one[1] for one in found)} ({_ratio(found, alone, 1):.2f}), "
            f"decoder seconds {sum(one[2] for one in found):.1f} ({_ratio(found, alone, 2):.2f}), "
            f"equal to greedy {_share([one[0] for one in found], [one[0] for one in alone]):.3f}"
        )


def _ratio(found: Sequence[Any], others: Sequence[Any], place: int) -> float:
    return float(sum(one[place] for one in found) / sum(one[place] for one in others))


if __name__ == "__main__":
    main()
