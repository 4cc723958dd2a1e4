"""Connects the use cases of ingest to S3, Step Functions and the environment of a function."""

from __future__ import annotations

import functools
import itertools
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infolens import code, codec
from infolens.aws import executions
from infolens.aws.objects import S3Objects
from infolens.ingest.sections import SECTION_BYTES
from infolens.settings import settings
from infolens.tasks import part_of, schema_of
from infolens.usecases.identity_indexes import IdentityIndexes
from infolens.usecases.ingest_ports import DISTRIBUTE_FROM, IngestPorts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from infolens.contracts.ingest import IngestOrder

_WRITERS = 4
"""A request to S3 takes some 50 ms whatever the processor does meanwhile; each holds some MB."""


def ingest_ports(context: LambdaContext) -> IngestPorts:
    """Give the ports of a function that runs as long as `context` says."""
    return IngestPorts(
        store=S3Objects(),
        data_bucket=settings().need("data_bucket"),
        schema_of=schema_of,
        min_rows_of=lambda task: part_of(task, "gates").MIN_ROWS,
        start_training=start_training,
        hand_over=hand_over,
        now=lambda: datetime.now(UTC),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        code_version=code.code_version(),
        section_bytes=int(settings().section_bytes or SECTION_BYTES),
        distribute_from=int(settings().distribute_from or DISTRIBUTE_FROM),
        workers=len(os.sched_getaffinity(0)),
        writers=_WRITERS,
        indexes=_indexes(),
    )


def start_training(task: str, dataset_id: str, code_version: str) -> bool:
    """Start the training state machine; False when it has been started for this dataset and code before."""
    document = {
        "task": task,
        "dataset_id": dataset_id,
        "reason": "a new upload made a new dataset",
        "give_way": True,  # when it has to wait for its turn and a newer upload comes, only the newer one is trained
    }
    arn = settings().need("training_state_machine_arn")
    return executions.start(arn, code.training_name(task, dataset_id, code_version), document)


def hand_over(order: IngestOrder) -> bool:
    """Start the ingest state machine for an upload, or again when it has failed; False when it runs.

    A name can be used once in 90 days: each further start counts up. Who finds the same failure starts the same name.
    """
    machine = settings().need("ingest_state_machine_arn")
    for attempt in itertools.count(1):
        name = order.upload_id if attempt == 1 else f"{order.upload_id}-{attempt}"
        if executions.start(machine, name, {"order": codec.to_dict(order)}):
            return True
        if executions.is_running(executions.execution_arn(machine, name)):
            return False
    raise AssertionError  # the count has no end


@functools.cache
def _indexes() -> IdentityIndexes:
    return IdentityIndexes()
