"""Small stand-ins for trained models and datasets: real files, made in moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from infolens.ml.training.job import ExportJob, Provenance, TrainingJob
from infolens.ml.training.subwords import train_subwords
from infolens.ml.training.text_classifier_export import export_text_classifier
from infolens.ml.training.text_classifier_model import (
    EncoderSize,
    Shape,
    TextClassifierModel,
    TrainingRecord,
    save,
    small_distilbert,
)
from infolens.ml.training.text_classifier_training import Profile
from infolens.rows.split import split_of
from infolens.tasks.news_category import sample
from infolens.tasks.news_category.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

torch.set_num_threads(1)  # models of a few kilobytes: a second thread only waits

PROVENANCE = Provenance(task="news_category", run_id="run-1", dataset_id="data-1", code_version="code-1")
LABELS = ("Sports", "Travel")
TEXTS = (
    "the goalkeeper saved the penalty kick",
    "the quarterback missed the playoff run",
    "the island ferry left the harbour",
    "the night train to the coastal village",
)
ROWS = tuple({"text": text, "label": LABELS[number // 2]} for number, text in enumerate(TEXTS))

TINY = Profile(
    base_model="",
    max_tokens=16,
    epochs=2,
    min_steps=1,
    batch_size=8,
    lr=1e-2,
    head_lr=1e-2,
    warmup=0.1,
    weight_decay=0.0,
    dropout=0.1,
    label_smoothing=0.1,
    half_precision=False,
    log_every=1,
    vocabulary=200,
    size=EncoderSize(dim=16, layers=1, heads=2),
    word_dropout=0.1,
)


def tiny_model(directory: Path, seed: int = 1, pooling: str = "mean") -> Path:
    """Leave an untrained model of two labels in `directory`, as training leaves a trained one."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    tokenizer = train_subwords(TEXTS * 3, vocabulary=120)
    tokenizer.save(str(directory / "tokenizer.json"))
    shape = Shape(LABELS, max_tokens=16, direct=True, pooling=pooling)
    encoder = small_distilbert(EncoderSize(dim=16, layers=1, heads=2), tokenizer.get_vocab_size(), 16, dropout=0.1)
    model = TextClassifierModel(encoder, shape, dropout=0.1)
    with torch.no_grad():
        model.head.weight.mul_(20.0)  # probabilities that differ from row to row
    save(directory, model, TrainingRecord(PROVENANCE, shape, {"validation_accuracy": 0.5}, {"seed": seed}))
    return directory


def tiny_bundle(
    directory: Path,
    rows: Sequence[Mapping[str, object]] = ROWS,
    learned: Sequence[Mapping[str, object]] = ROWS,
    pooling: str = "mean",
) -> tuple[Path, str]:
    """Export the tiny model below `directory` -> (bundle, digest); reference.json lies beside the bundle."""
    model = tiny_model(directory / "model", pooling=pooling)
    digest = export_text_classifier(ExportJob(model, directory, directory / "export"), rows, learned)
    return directory / "export" / "bundle", digest


def write_part(directory: Path, rows: Sequence[Mapping[str, object]], name: str = "part") -> Path:
    """Write rows with "split" as one Parquet part of a dataset."""
    directory.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), directory / f"{name}.parquet")
    return directory


def training_job(output: Path, **changes: object) -> TrainingJob:
    """Describe a job that writes to `output`."""
    output.mkdir(parents=True, exist_ok=True)
    given = {
        "provenance": PROVENANCE,
        "dataset": output,
        "output": output,
        "checkpoints": None,
        "profile": "tiny",
        "base_model": "",
        "seed": 7,
    }
    return TrainingJob(**{**given, **changes})  # type: ignore[arg-type]


def sample_dataset(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Clean sample rows of news_category with their splits, as ingest writes them."""
    rows = []
    for raw in sample.rows(count, seed):
        row = SCHEMA.clean({"title": raw["title"], "text": raw["body"], "label": raw["label"]})
        rows.append({**row, "split": split_of(SCHEMA.identity(row))})
    return rows
