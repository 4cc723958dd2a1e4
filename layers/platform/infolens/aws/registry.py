"""The registry of models: which published version serves which bundle, and where that came from, in DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from infolens import codec
from infolens.aws.clients import client
from infolens.contracts.model import ModelRecord

if TYPE_CHECKING:
    from collections.abc import Iterator


class VersionTakenError(RuntimeError):
    """The registry has another bundle under this version; a record is never rewritten."""


class ModelRegistry(Protocol):
    """What use cases need of the registry; fakes keep a dict."""

    def put(self, record: ModelRecord) -> None:
        """Add a record; the same record again changes nothing. Raises VersionTakenError."""

    def get(self, task: str, version: str) -> ModelRecord | None:
        """Find the record of a version."""

    def find_digest(self, task: str, digest: str) -> ModelRecord | None:
        """Find the newest version that pins a bundle."""

    def list(self, task: str) -> tuple[ModelRecord, ...]:
        """All records of a task, newest version first."""


class DynamoRegistry:
    """`ModelRegistry` on a DynamoDB table with the key (task, version).

    An item carries the record as canonical JSON (numbers come back as they went in) beside the attributes that an
    operator looks for in the console.
    """

    def __init__(self, table: str, dynamodb: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take the table's name, and a boto3 DynamoDB client or this process's own one."""
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def put(self, record: ModelRecord) -> None:
        """See ModelRegistry."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_item(record),
                ConditionExpression="attribute_not_exists(version) OR bundle_digest = :digest",
                ExpressionAttributeValues={":digest": {"S": record.bundle_digest}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise VersionTakenError(f"version {record.version} of {record.task} pins another bundle") from error
            raise

    def get(self, task: str, version: str) -> ModelRecord | None:
        """See ModelRegistry."""
        key = {"task": {"S": task}, "version": {"N": version}}
        item = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return codec.from_json(ModelRecord, item["record"]["S"]) if item else None

    def find_digest(self, task: str, digest: str) -> ModelRecord | None:
        """See ModelRegistry. Reads a task's whole history: some hundred small items in years, and no index to pay."""
        return next((record for record in self._records(task) if record.bundle_digest == digest), None)

    def list(self, task: str) -> tuple[ModelRecord, ...]:
        """See ModelRegistry."""
        return tuple(self._records(task))

    def _records(self, task: str) -> Iterator[ModelRecord]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="task = :task",
            ExpressionAttributeValues={":task": {"S": task}},
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield codec.from_json(ModelRecord, item["record"]["S"])


def _item(record: ModelRecord) -> dict[str, dict[str, str]]:
    return {
        "task": {"S": record.task},
        "version": {"N": record.version},
        "bundle_digest": {"S": record.bundle_digest},
        "run_id": {"S": record.run_id},
        "dataset_id": {"S": record.dataset_id},
        "registered_at": {"S": record.registered_at},
        "registered_by": {"S": record.registered_by},
        "record": {"S": codec.to_json(record).decode()},
    }
