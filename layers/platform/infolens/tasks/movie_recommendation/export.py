"""Exports a trained movie_recommendation model as the bundle that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.sse_pt_export import export_sse_pt
from infolens.tasks.movie_recommendation.examples import examples

if TYPE_CHECKING:
    from infolens.ml.training.job import ExportJob

_INPUT = ("user_id", "sequence", "top_k")


def export(job: ExportJob) -> str:
    """Write the bundle and its reference scores on test examples; returns the bundle's digest.

    Raises:
        TrainingError: there is no trained model or no dataset, or the weights are not all there.
    """
    asked = examples(job.dataset, "test")
    return export_sse_pt(job, [{name: one[name] for name in _INPUT} for one in asked])
