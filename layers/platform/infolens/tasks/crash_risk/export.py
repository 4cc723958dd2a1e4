"""Exports a trained crash_risk model as the bundle that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.tabular_export import export_tabular
from infolens.tasks.crash_risk.examples import examples
from infolens.tasks.crash_risk.predict import TABLES_FILE, features, read_tables

if TYPE_CHECKING:
    from infolens.ml.training.job import ExportJob


def export(job: ExportJob) -> str:
    """Write the bundle and its reference scores on test examples; returns the bundle's digest.

    Raises:
        TrainingError: there is no trained model or no dataset.
    """
    held_out = examples(job.dataset, "test")
    tables = read_tables(job.model) if held_out else None
    rows = [] if tables is None else [features(example, tables)[0] for example in held_out]
    return export_tabular(job, held_out, rows, (TABLES_FILE,))
