"""Finds datasets the way a person names them, and walks the line of their parents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.tasks import task_names
from infolens.usecases.datasets import Datasets
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from infolens.aws.objects import ObjectStore
    from infolens.aws.registry import ModelRegistry
    from infolens.contracts.dataset import DatasetManifest
    from infolens.contracts.model import ModelRecord

_HEX = re.compile(r"[0-9a-f]{4,64}")
"""Beginning of an id; fewer digits than four name half the bucket."""

_HOW = "say an id as `infolens dataset list TASK` shows it, TASK for its newest, or TASK@VERSION for a model's"


@dataclass(frozen=True)
class Named:
    """A dataset that a person named, and the model by which they named it, if they did."""

    manifest: DatasetManifest
    model: ModelRecord | None = None


@dataclass(frozen=True)
class Line:
    """The newest datasets of a task, from the head back along the parents."""

    datasets: tuple[DatasetManifest, ...]
    ended: bool
    """Whether the last one is the very first of the task."""
    broken: str = ""
    """Why the line ends early: a parent that cannot be read."""


@dataclass(frozen=True)
class Shelf:
    """The datasets of all tasks."""

    objects: ObjectStore
    bucket: str
    registry: ModelRegistry
    tasks: tuple[str, ...] = task_names()

    def of(self, task: str) -> Datasets:
        """The datasets of one task."""
        return Datasets(self.objects, self.bucket, task)

    def head(self, task: str) -> DatasetManifest | None:
        """The newest dataset of a task; None while there is none."""
        with _readable(f"the newest dataset of {task}"):
            return self.of(task).newest().manifest

    def manifest(self, task: str, dataset_id: str) -> DatasetManifest:
        """Read one dataset by its whole id.

        Raises:
            Trouble: there is none, or this version of the code cannot read it.
        """
        try:
            with _readable(f"dataset {dataset_id}"):
                return self.of(task).manifest(dataset_id)
        except ObjectMissingError as error:
            raise Trouble(f"{task} has no dataset {dataset_id}", _HOW) from error

    def find(self, name: str) -> Named:
        """Find the dataset that `name` means: a beginning of its id, a task (its newest), or TASK@VERSION (a model's).

        Raises:
            Trouble: there is none, or there are several.
        """
        task, at, version = name.partition("@")
        if task in self.tasks:
            return self._of_model(task, version) if at else Named(self._newest(task))
        if at:
            raise Trouble(f"unknown task {task}", f"known tasks: {', '.join(self.tasks)}")
        if not _HEX.fullmatch(name):
            raise Trouble(f"{name} names no dataset", _HOW)
        found = [(one, dataset_id) for one in self.tasks for dataset_id in self._beginning(one, name)]
        if not found:
            raise Trouble(f"no dataset begins with {name}", _HOW)
        if len(found) > 1:
            listed = ", ".join(f"{dataset_id[:16]} ({one})" for one, dataset_id in found[:10])
            raise Trouble(f"{len(found)} datasets begin with {name}: {listed}", "give more of the id")
        return Named(self.manifest(*found[0]))

    def line(self, task: str, most: int) -> Line:
        """Walk from the head back along the parents, at most `most` datasets."""
        found: list[DatasetManifest] = []
        at = self.head(task)
        while at is not None:
            found.append(at)
            if not at.parent:
                return Line(tuple(found), ended=True)
            if len(found) >= most:
                break
            try:
                at = self.manifest(task, at.parent)
            except Trouble as trouble:
                return Line(tuple(found), ended=False, broken=trouble.what)
        return Line(tuple(found), ended=not found)

    def aside(self, task: str, line: Line) -> list[DatasetManifest]:
        """Read the datasets that are not on the line: those that the head was moved away from, newest first.

        One GET for each of them; a line that did not end would make its own older datasets look lost.
        """
        known = {manifest.dataset_id for manifest in line.datasets}
        others = [self.manifest(task, one) for one in self._beginning(task, "") if one not in known]
        return sorted(others, key=lambda manifest: manifest.created_at, reverse=True)

    def trained_on(self, manifest: DatasetManifest) -> list[ModelRecord]:
        """Registered versions that were trained on a dataset, newest first."""
        return [record for record in self.registry.list(manifest.task) if record.dataset_id == manifest.dataset_id]

    def _newest(self, task: str) -> DatasetManifest:
        found = self.head(task)
        if found is None:
            raise Trouble(f"{task} has no dataset yet", f"`infolens upload {task} FILE` makes the first one")
        return found

    def _of_model(self, task: str, version: str) -> Named:
        record = self.registry.get(task, version) if version.isdecimal() else None
        if record is None:
            known = ", ".join(one.version for one in self.registry.list(task)) or "none"
            raise Trouble(f"{task} has no registered version {version}", f"registered versions: {known}")
        return Named(self.manifest(task, record.dataset_id), record)

    def _beginning(self, task: str, prefix: str) -> list[str]:
        folder = keys.dataset_manifest(task, "").removesuffix("/manifest.json").rstrip("/")
        found = self.objects.keys(self.bucket, f"{folder}/{prefix}")
        return [key.split("/")[-2] for key in found if key.endswith("/manifest.json")]


class _readable:  # noqa: N801 - reads as a word of the `with` statement
    """Says that a record has another shape than this code knows, instead of a page of field names."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Translate.

        Raises:
            Trouble: in place of a validation error.
        """
        if isinstance(error, ValidationError):
            raise Trouble(
                f"{self._what} was described by another version of the code", "use the command of that version"
            ) from error
