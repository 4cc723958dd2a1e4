"""Exports a trained toxicity model as the bundle that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.comment_export import export_comment_classifier
from infolens.tasks.toxicity.examples import examples

if TYPE_CHECKING:
    from infolens.ml.training.job import ExportJob


def export(job: ExportJob) -> str:
    """Write the bundle and its reference scores on test rows; returns the bundle's digest.

    Raises:
        TrainingError: there is no trained model or no dataset.
    """
    return export_comment_classifier(job, examples(job.dataset, "test"))
