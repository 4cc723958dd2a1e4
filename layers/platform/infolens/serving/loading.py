"""Loads the bundle that a predict function pins, and finds a sentence to warm it up with."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

from infolens.aws.bundles import download
from infolens.contracts.task import RowRejected
from infolens.serving.task_documents import description_of
from infolens.tasks import part_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import LoadPredictor, Predictor, Schema
    from infolens.settings import Settings


def load_pinned(settings: Settings) -> Predictor:
    """Fetch the pinned bundle, check its digest and open it with its task's own predictor.

    Raises:
        DigestMismatchError, ObjectMissingError, BundleChangedError, BundleCutOffError: see
            `infolens.aws.bundles.download`.
    """
    return load_bundle(settings.need("task"), settings.need("bundle_uri"), settings.need("bundle_digest"))


def load_bundle(task: str, uri: str, digest: str) -> Predictor:
    """Fetch any bundle of a task into scratch space and open it; see `load_pinned`."""
    # Lambda's /tmp, or whatever the environment calls its own: two environments must not fetch into one folder.
    directory = Path(tempfile.gettempdir()) / digest
    with ThreadPoolExecutor(1) as beside:
        bundle = beside.submit(download, uri, digest, directory)
        # The predictor's libraries are read from the disk while the bundle comes from the bucket.
        load = cast("LoadPredictor", part_of(task, "predict").load)
        return load(directory, bundle.result())


def warm_up_inputs(task: str) -> tuple[dict[str, object], ...]:
    """One input that the task's schema takes: from its sample rows, else its description's example, else ()."""
    schema = schema_of(task)
    examples = cast("Sequence[Mapping[str, object]]", description_of(task).input.get("examples", ()))
    for given in (*_sample_inputs(task, schema), *examples):
        try:
            return (schema.check(given),)
        except RowRejected:
            continue  # sample rows are labelled ones; some are shorter than the API asks for
    return ()


def _sample_inputs(task: str, schema: Schema) -> list[dict[str, object]]:
    rows = part_of(task, "sample").rows(8, 0)
    try:
        return [
            {name: row[list(row)[at]] for name, at in schema.bind(list(row), labelled=False).items()} for row in rows
        ]
    except RowRejected:
        return []  # what is learned from is not what is asked: ratings one by one, say, and a user's whole sequence
