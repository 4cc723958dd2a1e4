"""Exports a trained fake_news model as the bundle that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.text_classifier_export import export_text_classifier
from infolens.tasks.fake_news.examples import examples

if TYPE_CHECKING:
    from infolens.ml.training.job import ExportJob


def export(job: ExportJob) -> str:
    """Write the bundle, scaled on train rows, and its reference scores on test rows; returns the bundle's digest.

    Raises:
        TrainingError: there is no trained model or no dataset.
    """
    return export_text_classifier(job, examples(job.dataset, "test"), examples(job.dataset, "train"))
