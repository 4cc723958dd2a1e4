"""Small stand-ins for news_summary: sample rows as a dataset, a ranker of a second, a BART of 80,000 weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from infolens.ml.training.job import ExportJob, Provenance, TrainingJob
from infolens.ml.training.seq2seq_profile import LoraSize
from infolens.tasks.news_summary import sample, train
from infolens.tasks.news_summary.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

torch.set_num_threads(1)  # models of a few kilobytes: a second thread only waits

PROVENANCE = Provenance(task="news_summary", run_id="run-1", dataset_id="data-1", code_version="code-1")

TINY_RANKER = replace(
    train.CPU, vocabulary=300, word_size=8, hidden=16, members=2, epochs=2, patience=2, batch_size=16, log_every=1
)

SHORT_TEXTS = tuple(
    f"The {colour} {thing} was seen in {place}. Nobody knows why. It rained."
    for colour in ("red", "blue", "green")
    for thing in ("fox", "car", "boat", "train")
    for place in ("Rome", "Oslo", "Cairo")
)
PAIRS = tuple({"text": text, "summary": text.split(". ")[0] + "."} for text in SHORT_TEXTS)

TINY_BART = replace(
    train.GPU,
    max_input=96,
    max_output=32,
    epochs=2,
    batch_size=4,
    accumulate=2,
    lr=1e-2,
    half_precision=False,
    log_every=1,
    validation_summaries=2,
    lora=LoraSize(rank=8, alpha=16, dropout=0.05, modules=train.GPU.lora.modules),
)


def clean_rows(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Sample rows as the schema makes them."""
    rows = []
    for row in sample.rows(count, seed):
        header = list(row)
        at = SCHEMA.bind(header, labelled=True)
        rows.append(SCHEMA.clean({name: row[header[place]] for name, place in at.items()}))
    return rows


def write_dataset(directory: Path, rows: Sequence[dict[str, object]], upload: str = "upload-1") -> Path:
    """A dataset of one part, split as ingest splits."""
    directory.mkdir(parents=True, exist_ok=True)
    full = [row | {"split": SCHEMA.split(row), "upload_id": upload} for row in rows]
    pq.write_table(pa.Table.from_pylist(full), directory / f"{upload}.parquet")
    return directory


def training_job(directory: Path, **changes: object) -> TrainingJob:
    """A job that reads `dataset` and writes `model` below a directory."""
    output = directory / "model"
    output.mkdir(parents=True, exist_ok=True)
    job = TrainingJob(PROVENANCE, directory / "dataset", output, None, "cpu", "", 20)
    return replace(job, **changes)


def export_job(directory: Path, name: str = "export") -> ExportJob:
    """A job that exports what `training_job` wrote."""
    return ExportJob(directory / "model", directory / "dataset", directory / name)


def tiny_bart(directory: Path) -> Path:
    """A BART with random weights and a byte-level tokenizer, as a hub model looks on disk."""
    directory.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SHORT_TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    ).save_pretrained(directory)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=128,
        init_std=0.2,
    )
    BartForConditionalGeneration(config).save_pretrained(directory)
    return directory
