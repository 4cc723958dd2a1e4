"""Exports a trained news_summary model, of either kind, as the bundle that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.sentence_ranker_export import export_sentence_ranker
from infolens.ml.training.sentence_ranker_model import KIND
from infolens.ml.training.trained_model import kind_of
from infolens.tasks.news_summary.examples import examples

if TYPE_CHECKING:
    from infolens.ml.training.job import ExportJob


def export(job: ExportJob) -> str:
    """Write the bundle and its reference scores on test rows; returns the bundle's digest.

    Raises:
        TrainingError: there is no trained model or no dataset.
    """
    rows = examples(job.dataset, "test")
    if kind_of(job.model) == KIND:
        return export_sentence_ranker(job, rows)
    from infolens.ml.training.seq2seq_export import export_seq2seq  # noqa: PLC0415 - seconds of loading, as in train.py

    return export_seq2seq(job, rows, examples(job.dataset, "train"))
