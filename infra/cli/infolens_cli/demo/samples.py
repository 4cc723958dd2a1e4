"""Makes the demo's files and requests from the task's own sample generator; knows no task by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infolens.tasks import part_of, schema_of, task_names
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def tasks_with_samples() -> list[str]:
    """Tasks that can be demonstrated: those whose folder has a sample generator."""
    found = []
    for task in task_names():
        try:
            part_of(task, "sample")
        except ModuleNotFoundError:
            continue
        found.append(task)
    return found


def labelled_file(task: str, path: Path, *, rows: int, seed: int, dirt: float) -> None:
    """Write a CSV of labelled rows, some of them planted dirt."""
    sample: Any = part_of(task, "sample")
    _write(sample, path, sample.rows(rows, seed, dirt=dirt))


def batch_file(task: str, path: Path, *, rows: int, seed: int) -> None:
    """Write a CSV of rows without labels, two of which cannot be answered."""
    sample: Any = part_of(task, "sample")
    made = sample.unlabelled(rows, seed)
    for at in (rows // 3, 2 * rows // 3):
        made[at] = dict.fromkeys(made[at], "")
    _write(sample, path, made)


def _write(sample: Any, path: Path, rows: Sequence[Mapping[str, str]]) -> None:  # noqa: ANN401 - a module
    path.parent.mkdir(parents=True, exist_ok=True)
    sample.write_csv(path, rows)


def requests(task: str, *, count: int, seed: int) -> list[dict[str, object]]:
    """Make API requests: the same rows that a batch has, under the names that the API knows.

    Raises:
        Trouble: the task's schema refuses its own samples.
    """
    sample: Any = part_of(task, "sample")
    schema = schema_of(task)
    payloads: list[dict[str, object]] = []
    for row in sample.unlabelled(count, seed):
        values = list(row.values())
        bound = schema.bind(list(row), labelled=False)
        payload: dict[str, object] = {name: values[at] for name, at in bound.items()}
        try:
            schema.check(payload)
        except ValueError as error:
            raise Trouble(f"the sample generator of {task} makes rows that its schema refuses: {error}") from error
        payloads.append(payload)
    return payloads
