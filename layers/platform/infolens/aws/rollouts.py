"""The table of rollouts: who owns each task's alias, and an append-only history of what happened to it.

One item `current` per task holds the rollout that owns, or last owned, the alias. History items sort by time. A change
of the owner and its line of history are one transaction, so that neither can be there without the other.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from infolens import codec
from infolens.aws.clients import client
from infolens.contracts.rollout import HistoryEvent, RolloutRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

_CURRENT = "current"
_HISTORY = "history#"
_LOST = {"ConditionalCheckFailed", "TransactionConflict"}


class RolloutInProgressError(RuntimeError):
    """Another rollout owns the task's alias."""

    def __init__(self, owner: RolloutRecord) -> None:
        """Keep the `owner`, and name it."""
        super().__init__(
            f"rollout {owner.rollout_id} owns the alias of {owner.task}: it brings in version {owner.candidate} over "
            f"{owner.champion or 'none'} and "
            + (f"stands at {owner.plan.weights[owner.step]} %" if owner.step >= 0 else "answers copies in the shadow")
        )
        self.owner = owner


class StaleRecordError(RuntimeError):
    """The record was changed by somebody else since it was read; nothing was written."""


class RolloutStore(Protocol):
    """What use cases need of the table; fakes keep a dict."""

    def current(self, task: str) -> RolloutRecord | None:
        """Read the rollout that owns, or last owned, the task's alias."""

    def claim(self, record: RolloutRecord, event: HistoryEvent) -> None:
        """Become the owner where no rollout is running; raises RolloutInProgressError, StaleRecordError."""

    def replace(self, old: RolloutRecord, new: RolloutRecord, event: HistoryEvent | None = None) -> None:
        """Write the owner's record over `old` exactly, with a line of history; raises StaleRecordError."""

    def append(self, event: HistoryEvent) -> None:
        """Add a line of history; the very same line again changes nothing."""

    def history(self, task: str, limit: int = 100) -> tuple[HistoryEvent, ...]:
        """Read the newest `limit` lines of history, newest last."""


class DynamoRollouts:
    """`RolloutStore` on a DynamoDB table with the key (task, item)."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take the table's name, and a boto3 DynamoDB client or this process's own one."""
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def current(self, task: str) -> RolloutRecord | None:
        """See RolloutStore."""
        key = {"task": {"S": task}, "item": {"S": _CURRENT}}
        item = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return codec.from_json(RolloutRecord, item["record"]["S"]) if item else None

    def claim(self, record: RolloutRecord, event: HistoryEvent) -> None:
        """See RolloutStore."""
        condition = "attribute_not_exists(task) OR #status <> :running"  # "status" is a reserved word
        put = self._put_record(record, condition, {":running": "running"}, {"#status": "status"})
        try:
            self._write(put, event)
        except StaleRecordError:
            owner = self.current(record.task)
            if owner is not None and owner.status == "running":
                raise RolloutInProgressError(owner) from None
            raise

    def replace(self, old: RolloutRecord, new: RolloutRecord, event: HistoryEvent | None = None) -> None:
        """See RolloutStore. Canonical JSON makes the whole record its own version number."""
        self._write(self._put_record(new, "#record = :old", {":old": _text(old)}, {"#record": "record"}), event)

    def append(self, event: HistoryEvent) -> None:
        """See RolloutStore."""
        try:
            self._dynamodb.put_item(**self._put_event(event)["Put"])
        except ClientError as error:
            # The item's name holds the hash of its content: what is there already is this very line.
            if _code(error) != "ConditionalCheckFailedException":
                raise

    def history(self, task: str, limit: int = 100) -> tuple[HistoryEvent, ...]:
        """See RolloutStore."""
        return tuple(self._newest_first(task, limit))[::-1]

    def _newest_first(self, task: str, limit: int) -> Iterator[HistoryEvent]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="task = :task AND begins_with(#item, :history)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":task": {"S": task}, ":history": {"S": _HISTORY}},
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit},
        )
        for page in pages:
            for item in page["Items"]:
                yield codec.from_json(HistoryEvent, item["event"]["S"])

    def _write(self, put: dict[str, Any], event: HistoryEvent | None) -> None:
        items = [put] if event is None else [put, self._put_event(event)]
        try:
            self._dynamodb.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
            if _code(error) == "TransactionCanceledException" and reasons & _LOST:
                raise StaleRecordError("the record of the rollout was changed since it was read") from error
            raise

    def _put_record(
        self, record: RolloutRecord, condition: str, values: dict[str, str], names: dict[str, str]
    ) -> dict[str, Any]:
        put = {
            "TableName": self._table,
            "Item": {
                "task": {"S": record.task},
                "item": {"S": _CURRENT},
                "rollout_id": {"S": record.rollout_id},
                "status": {"S": record.status},
                "record": {"S": _text(record)},
            },
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
        }
        return {"Put": put}

    def _put_event(self, event: HistoryEvent) -> dict[str, Any]:
        text = codec.to_json(event)
        item = {
            "task": {"S": event.task},
            "item": {"S": f"{_HISTORY}{event.at}#{hashlib.sha256(text).hexdigest()[:12]}"},
            "rollout_id": {"S": event.rollout_id},
            "event": {"S": text.decode()},
        }
        return {
            "Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(task)"},
        }


def _text(record: RolloutRecord) -> str:
    return codec.to_json(record).decode()


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
