"""Makes the real-size models of random weights, by seed, and from them what each engine serves.

    python infra/benchmarks/serving/models.py WORK [--only distilbert,xlnet,bart]

Below WORK/<model>: `hf/` as transformers saves it, `texts.json`, `plain/` as a user without this project would export
and quantise it, `bundle/` by the project's own exporter, and `ctranslate2/`, `optimum/`, `openvino/` as the peers' own
tools convert `hf/` or `plain/`, each in its own environment. What is there is kept; `bundle/` is made anew when the
project's code for models has changed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
import os
import random
import shutil
import subprocess
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import PARTS, POOLING, ROOT, SIZES
from workers import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
SEED = 20
TEXTS_OF_EACH = 3
LABELS = tuple(f"label {number}" for number in range(10))
"""As many as news_category has."""

MAX_TOKENS = {"distilbert": 512, "xlnet": 512, "bart": 1024}
NO_REPEAT = 3
"""bart-base's own generation config; it also keeps random weights from writing one token sixty times."""

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""Of BART, in the order of their ids."""


def main() -> None:
    """Make all that is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", default=",".join(SIZES))
    given = parser.parse_args()
    for model in given.only.split(","):
        make(model, given.work)


def make(model: str, work: Path) -> None:
    """Make one model and what engines serve of it."""
    folder = work / model
    folder.mkdir(parents=True, exist_ok=True)
    version = POOLING.get(model, "1")
    with _step(folder, "hf", "transformers model and texts", version) as wanted:
        if wanted:
            (_bart if model == "bart" else _classifier)(model, folder)
    with _step(folder, "bundle", "bundle by the project's exporter", version=project_code()) as wanted:
        if wanted:
            (_bart_bundle if model == "bart" else _classifier_bundle)(folder)
    if model != "bart":
        with _step(folder, "plain", "plain ONNX export and quantize_dynamic", version) as wanted:
            if wanted:
                _plain(folder)
    for peer in conversions(model):
        with _step(folder, peer, f"conversion by {peer}", version) as wanted:
            if wanted:
                _converted(peer, model, folder)


def conversions(model: str) -> list[str]:
    """Environments whose own tools convert a model for an engine of the tables."""
    parts = [part for part in PARTS.values() if any(case.model == model for case in part.cases)]
    return sorted({engine.environment for part in parts for engine in part.engines if engine.environment})


def project_code() -> str:
    """Digest of the project's code that makes and serves models."""
    folder = ROOT / "layers" / "platform" / "infolens" / "ml"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _step(folder: Path, name: str, what: str, version: str = "1") -> Iterator[bool]:
    """Say whether a folder has to be made; when that has been done its stamp says so."""
    stamp = folder / f"{name}.made"
    if stamp.is_file() and stamp.read_text() == version:
        yield False
        return
    shutil.rmtree(folder / name, ignore_errors=True)
    print(f"{folder.name}: {what} …", flush=True)
    began = time.perf_counter()
    try:
        yield True
    except Exception as error:  # noqa: BLE001 - what is missing is told again where it is asked for
        print(f"{folder.name}: {what} failed: {type(error).__name__}: {error}", flush=True)
        return
    stamp.write_text(version)
    print(f"{folder.name}: {what}: {time.perf_counter() - began:.0f} s", flush=True)


def _corpus() -> list[str]:
    """Words of the project's own sample articles."""
    from infolens.tasks.news_summary import sample  # noqa: PLC0415 - the project's environment

    return [f"{row['title']}. {row['text']}" for row in sample.rows(400, SEED)]


def _classifier(model: str, folder: Path) -> None:
    """Save an encoder with a class head as the project trains it, its tokenizer and its texts."""
    import numpy as np  # noqa: PLC0415 - minutes are spent in what this script starts; torch loads where it is needed
    import torch  # noqa: PLC0415

    from infolens.ml.training.job import Provenance  # noqa: PLC0415
    from infolens.ml.training.subwords import train_subwords  # noqa: PLC0415
    from infolens.ml.training.text_classifier_model import (  # noqa: PLC0415
        EncoderSize,
        TextClassifierModel,
        TrainingRecord,
        save,
        small_encoder,
    )

    size = SIZES[model]
    corpus = _corpus()
    tokenizer = train_subwords(corpus, size.vocabulary)
    _save_tokenizer(folder, json.loads(tokenizer.to_str()), size.vocabulary, pad="[PAD]", unk="[UNK]")
    torch.manual_seed(SEED)
    most = MAX_TOKENS[model]
    encoder = small_encoder(EncoderSize(size.width, size.layers, size.heads, model), size.vocabulary, most, 0.1)
    trained = TextClassifierModel(encoder, trained_shape(model), 0.1).eval()
    encoder.save_pretrained(folder / "hf")  # type: ignore[operator]
    head = {"weight": trained.head.weight.detach(), "bias": trained.head.bias.detach()}
    np.savez(folder / "hf" / "head.npz", first=POOLING[model] == "first", **head)
    learned = folder / "trained"
    learned.mkdir(exist_ok=True)
    shutil.copyfile(folder / "hf" / "tokenizer.json", learned / "tokenizer.json")
    whose = Provenance("news_category", "benchmark", "none", "benchmark")
    save(learned, trained, TrainingRecord(whose, trained_shape(model), {}, {}))
    _write_texts(folder, corpus, [case.tokens for part in PARTS.values() for case in part.cases if case.model == model])


def trained_shape(model: str) -> Any:  # noqa: ANN401 - loaded late
    """Shape of a fine-tuned encoder: the class head alone stands on it."""
    from infolens.ml.training.text_classifier_model import Shape  # noqa: PLC0415

    return Shape(LABELS, MAX_TOKENS[model], direct=False, pooling=POOLING[model])


def _bart(model: str, folder: Path) -> None:
    """Save a BART, its tokenizer and its texts."""
    import torch  # noqa: PLC0415
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers  # noqa: PLC0415
    from transformers import BartConfig, BartForConditionalGeneration  # noqa: PLC0415

    from infolens.ml.decoding import DecodingRules  # noqa: PLC0415
    from infolens.ml.training.job import Provenance  # noqa: PLC0415
    from infolens.ml.training.seq2seq_model import Seq2SeqRecord, save  # noqa: PLC0415

    size, corpus = SIZES[model], _corpus()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size.vocabulary, special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    named = {"pad": "<pad>", "unk": "<unk>", "bos": "<s>", "eos": "</s>"}
    _save_tokenizer(folder, json.loads(tokenizer.to_str()), size.vocabulary, **named)
    torch.manual_seed(SEED)
    config = BartConfig(
        vocab_size=size.vocabulary,
        d_model=size.width,
        encoder_layers=size.layers,
        decoder_layers=size.layers,
        encoder_attention_heads=size.heads,
        decoder_attention_heads=size.heads,
        encoder_ffn_dim=size.inner,
        decoder_ffn_dim=size.inner,
        decoder_start_token_id=2,
        forced_bos_token_id=None,
        forced_eos_token_id=None,
    )
    network = BartForConditionalGeneration(config).eval()
    # Exactly as many tokens as the case says, whatever the engine: the end never comes of itself.
    network.final_logits_bias[0, 2] = -1e4
    network.save_pretrained(folder / "hf")
    written = max(case.written for part in PARTS.values() for case in part.cases)
    wanted = {"start_id": 2, "end_id": 2, "max_tokens": written, "forced_end": False, "no_repeat": NO_REPEAT}
    wanted |= {"min_tokens": written}
    known = {one.name for one in fields(DecodingRules)}
    rules = DecodingRules(**{name: value for name, value in wanted.items() if name in known})
    learned = folder / "trained"
    learned.mkdir(exist_ok=True)
    shutil.copyfile(folder / "hf" / "tokenizer.json", learned / "tokenizer.json")
    whose = Provenance("news_summary", "benchmark", "none", "benchmark")
    save(learned, network, Seq2SeqRecord(whose, MAX_TOKENS[model], rules, {}, {}))
    _write_texts(folder, corpus, [case.tokens for part in PARTS.values() for case in part.cases if case.model == model])


def _save_tokenizer(folder: Path, plain: dict[str, Any], size: int, **named: str) -> None:
    """Write tokenizer.json with as many entries as the real model has, the last of which no text gives."""
    from tokenizers import Tokenizer  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    vocabulary = plain["model"]["vocab"]
    for number in range(len(vocabulary), size):
        vocabulary[f"[unused {number}]"] = number
    tokenizer = Tokenizer.from_str(json.dumps(plain))
    folder.joinpath("hf").mkdir(exist_ok=True)
    tokens = {f"{name}_token": token for name, token in named.items()}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens).save_pretrained(folder / "hf")
    tokenizer.save(str(folder / "hf" / "tokenizer.json"))


def _write_texts(folder: Path, corpus: list[str], lengths: list[int]) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(folder / "hf" / "tokenizer.json"))

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    texts = {n: [text_of(tokens, corpus, n, SEED + at) for at in range(TEXTS_OF_EACH)] for n in sorted(set(lengths))}
    (folder / "texts.json").write_text(json.dumps(texts))


def text_of(tokens: Callable[[str], int], corpus: list[str], wanted: int, seed: int) -> str:
    """Make a text of the corpus' words that has exactly so many tokens, so that no engine pads or cuts.

    Raises:
        ValueError: no word fits the last place.
    """
    source = random.Random(seed)  # noqa: S311 - no secret
    articles = list(corpus)
    source.shuffle(articles)
    text = ""
    for word in (word for article in articles for word in article.split()):
        longer = f"{text} {word}".strip()
        found = tokens(longer)
        if found <= wanted:
            text = longer
        if found == wanted:
            return text
    raise ValueError(f"no text of {wanted} tokens")


def _classifier_bundle(folder: Path) -> None:
    """Make the bundle by the exporter that a training run ends with."""
    from infolens.ml.training.job import ExportJob  # noqa: PLC0415
    from infolens.ml.training.text_classifier_export import export_text_classifier  # noqa: PLC0415

    texts = json.loads((folder / "texts.json").read_text())
    rows = [{"text": text} for text in next(iter(texts.values()))]
    learned = [{"text": text} for text in _corpus()[:64]]
    _bundled(
        folder, lambda output: export_text_classifier(ExportJob(folder / "trained", folder, output), rows, learned)
    )


def _bart_bundle(folder: Path) -> None:
    """Make the bundle by the exporter that a training run ends with."""
    from infolens.ml.training.job import ExportJob  # noqa: PLC0415
    from infolens.ml.training.seq2seq_export import export_seq2seq  # noqa: PLC0415

    rows = [{"text": text} for text in _corpus()]
    _bundled(folder, lambda output: export_seq2seq(ExportJob(folder / "trained", folder, output), rows[:1], rows[1:]))


def _bundled(folder: Path, export: Callable[[Path], str]) -> None:
    output = folder / "exported"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    export(output)
    (output / "bundle").rename(folder / "bundle")


def _plain(folder: Path) -> None:
    """Export and quantise as the tools' own documentation does, with nothing of this project's."""
    import torch  # noqa: PLC0415
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    from infolens.ml.training.text_classifier_model import load  # noqa: PLC0415

    logging.getLogger().setLevel(logging.ERROR)
    made = folder / "plain"
    made.mkdir()
    trained, _, _ = load(folder / "trained")
    example = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        trained.eval(),
        (example, example),
        str(made / "fp32.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "texts"}},
        opset_version=17,
        dynamo=False,  # fails on XLNet
    )
    quantize_dynamic(made / "fp32.onnx", made / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8)


def _converted(peer: str, model: str, folder: Path) -> None:
    """Let a peer's own tool convert the model, in its own environment."""
    engine = next(engine for part in PARTS.values() for engine in part.engines if engine.environment == peer)
    if not engine.python.exists():
        raise FileNotFoundError(f"no environment {engine.python.parents[1].name}: `make bench-peers` makes it")
    (folder / peer).mkdir()
    done = subprocess.run(
        [str(engine.python), str(HERE / "conversions" / f"{peer}_tools.py"), model, str(folder)],
        env=environment(engine, os.cpu_count() or 1, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["ended without a word"])[-1])


if __name__ == "__main__":
    main()
