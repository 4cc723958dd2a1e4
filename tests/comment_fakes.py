"""Small comment classifiers: real files, made in moments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from infolens.ml.comment_words import WordShape
from infolens.ml.training.comment_augmentation import Augmentation, Frames
from infolens.ml.training.comment_export import export_comment_classifier
from infolens.ml.training.comment_model import CommentRecord, WindowSize, WordModel, WordModelSize, save
from infolens.ml.training.comment_training import CommentProfile
from infolens.ml.training.job import ExportJob, Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

torch.set_num_threads(1)  # models of a few kilobytes: a second thread only waits

PROVENANCE = Provenance(task="toxicity", run_id="run-1", dataset_id="data-1", code_version="code-1")
LABELS = ("non-toxic", "toxic")
TOXIC = ("You are an idiot.", "What a moron you are!", "Shut up, idiot", "go away you stupid moron")
BENIGN = (
    "Thanks for the picture of the harbour.",
    "The second chapter is about rivers.",
    "I moved the table further down.",
    "We could meet near the library on Monday.",
)
ROWS = tuple({"text": text, "label": LABELS[i]} for i, some in enumerate((BENIGN, TOXIC)) for text in some)

SHAPE = WordShape(buckets=512, pieces=12, words=60)
SIZE = WordModelSize(dim=8, channels=6, widths=(1, 3), input=SHAPE, term_share=0.5, term_words=20)
FRAMES = Frames(affirming=("you are {}",), denying=("nobody is {}",), attacking=("go home, {}",))

TINY = CommentProfile(
    base_model="",
    words=SIZE,
    windows=WindowSize(tokens=12, overlap=4),
    epochs=3,
    min_steps=1,
    patience=0,
    batch_size=8,
    lr=2e-2,
    head_lr=1e-2,
    warmup=0.1,
    weight_decay=0.0,
    dropout=0.1,
    word_dropout=0.1,
    term_strength=1.0,
    augmentation=Augmentation(misspelt=0.2, misspelt_words=0.2, surrounded=0.2, framed=0.1),
    half_precision=False,
    log_every=1,
)

PLAIN = replace(TINY, dropout=0.0, word_dropout=0.0, augmentation=Augmentation())
"""Without anything random beside the first weights."""


def tiny_word_model(directory: Path, seed: int = 1) -> Path:
    """Leave an untrained model of words in `directory`, as training leaves a trained one."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = WordModel(SIZE)
    with torch.no_grad():
        model.head.weight.mul_(10.0)  # logits that differ from text to text
        model.marks.weight.normal_()
    model.set_terms(torch.randn(2 * SHAPE.buckets).numpy(), -0.5)
    save(directory, model, CommentRecord(PROVENANCE, LABELS, SIZE, 0.3, {"validation_f1": 0.5}, {"seed": seed}))
    return directory


def tiny_bundle(directory: Path, rows: Sequence[Mapping[str, object]] = ROWS) -> tuple[Path, str]:
    """Export the tiny model below `directory` -> (bundle, digest); reference.json lies beside the bundle."""
    model = tiny_word_model(directory / "model")
    digest = export_comment_classifier(ExportJob(model, directory, directory / "export"), rows)
    return directory / "export" / "bundle", digest
