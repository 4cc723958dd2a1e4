"""Reads upload reports by the thousand: one list request for each thousand, then many small reads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from infolens import codec
from infolens.contracts import keys
from infolens.contracts.dataset import UploadReport
from infolens_cli.quality import FileFigures, file_figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

_PARALLEL = 10
"""Connections that a boto3 client keeps; more threads would only wait for one."""


@dataclass(frozen=True)
class Reports:
    """What was found."""

    files: tuple[FileFigures, ...]
    unreadable: int
    """Reports in another shape than this version of the code knows."""


def read(
    s3: Any,  # noqa: ANN401 - a boto3 client
    bucket: str,
    tasks: Sequence[str],
    since: datetime | None,
    seen: Callable[[int, int], None] = lambda _done, _all: None,
) -> Reports:
    """Read the reports of tasks that were written since a time; older ones are listed and not read.

    Args:
        s3: a boto3 client.
        bucket: the data bucket.
        tasks: folders of reports.
        since: None reads all there are.
        seen: told how many of how many have been read.
    """
    listed = [item for task in tasks for item in _listed(s3, bucket, task) if since is None or item[1] >= since]

    def one(item: tuple[str, datetime]) -> FileFigures | None:
        key, written_at = item
        data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        try:
            return file_figures(codec.from_json(UploadReport, data), written_at)
        except ValidationError:
            return None

    found, unreadable = [], 0
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for number, figures in enumerate(pool.map(one, listed), start=1):
            if figures is None:
                unreadable += 1
            else:
                found.append(figures)
            seen(number, len(listed))
    return Reports(tuple(found), unreadable)


def _listed(s3: Any, bucket: str, task: str) -> Iterator[tuple[str, datetime]]:  # noqa: ANN401 - a boto3 client
    prefix = keys.upload_report(task, "").removesuffix(".json")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            if item["Key"].endswith(".json"):
                yield str(item["Key"]), item["LastModified"]
