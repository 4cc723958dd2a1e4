"""The table of observations: answers and labels as they came, each once, and what they say together per rollout.

One partition per task and prediction id holds `answer#<version>` (the first line stands), `label#<time>#<hash>` (every
label that was ever told) and `joined#<rollout>` (derived from these). Index `rollout` lists the joined ones by time.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from infolens import codec
from infolens.aws.clients import client
from infolens.contracts.observation import KEEP_DAYS, Answer, Joined, Label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ANSWER, _LABEL, _JOINED = "answer#", "label#", "joined#"
INDEX: Final = "rollout"
"""Global index: rollout_id, at."""


class Observations(Protocol):
    """What use cases need of the table; fakes keep a dict."""

    def add_answer(self, answer: Answer) -> None:
        """Keep what a version said; of the same version and prediction the first one stands."""

    def add_label(self, label: Label) -> None:
        """Keep a label beside those that were told before."""

    def of(self, task: str, prediction_id: str) -> tuple[tuple[Answer, ...], tuple[Label, ...]]:
        """Read all answers and labels of one prediction, everything included that was written before."""

    def put_joined(self, joined: Joined) -> None:
        """Keep what is known together, unless what is there knows more."""

    def of_rollout(self, rollout_id: str, since: datetime, limit: int) -> tuple[Joined, ...]:
        """Read the newest joined records of a rollout since a time, at most `limit`, newest first."""


class DynamoObservations:
    """`Observations` on a DynamoDB table: key (prediction, item), the index above, time to live `expires`."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take the table's name, and a boto3 DynamoDB client or this process's own one."""
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def add_answer(self, answer: Answer) -> None:
        """See Observations."""
        self._add(_key(answer.task, answer.prediction_id), f"{_ANSWER}{answer.version}", answer, answer.at)

    def add_label(self, label: Label) -> None:
        """See Observations."""
        # The hash keeps two labels of one moment apart, and the same label twice together.
        mark = hashlib.sha256(json.dumps(label.label, sort_keys=True).encode()).hexdigest()[:12]
        self._add(_key(label.task, label.prediction_id), f"{_LABEL}{label.at}#{mark}", label, label.at)

    def of(self, task: str, prediction_id: str) -> tuple[tuple[Answer, ...], tuple[Label, ...]]:
        """See Observations."""
        answers: list[Answer] = []
        labels: list[Label] = []
        query = {
            "KeyConditionExpression": "prediction = :prediction",
            "ExpressionAttributeValues": {":prediction": {"S": _key(task, prediction_id)}},
            "ConsistentRead": True,  # whoever writes second must see the first
        }
        for item in self._query(query):
            name, record = item["item"]["S"], item["record"]["S"]
            if name.startswith(_ANSWER):
                answers.append(codec.from_json(Answer, record))
            elif name.startswith(_LABEL):
                labels.append(codec.from_json(Label, record))
        return tuple(answers), tuple(labels)

    def put_joined(self, joined: Joined) -> None:
        """See Observations."""
        item = _item(_key(joined.task, joined.prediction_id), f"{_JOINED}{joined.rollout_id}", joined, joined.at)
        item |= {"rollout_id": {"S": joined.rollout_id}, "at": {"S": joined.at}, "parts": {"N": str(joined.parts)}}
        self._put(
            item,
            ConditionExpression="attribute_not_exists(prediction) OR parts <= :parts",
            ExpressionAttributeValues={":parts": item["parts"]},
        )

    def of_rollout(self, rollout_id: str, since: datetime, limit: int) -> tuple[Joined, ...]:
        """See Observations."""
        query = {
            "IndexName": INDEX,
            "KeyConditionExpression": "rollout_id = :rollout AND #at >= :since",
            "ExpressionAttributeNames": {"#at": "at"},
            "ExpressionAttributeValues": {":rollout": {"S": rollout_id}, ":since": {"S": _time(since)}},
            "ScanIndexForward": False,
            "PaginationConfig": {"MaxItems": limit},
        }
        return tuple(codec.from_json(Joined, item["record"]["S"]) for item in self._query(query))

    def _add(self, key: str, name: str, record: Answer | Label, at: str) -> None:
        self._put(_item(key, name, record, at), ConditionExpression="attribute_not_exists(prediction)")

    def _put(self, item: dict[str, Any], **condition: Any) -> None:  # noqa: ANN401 - PutItem's own parameters
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item, **condition)
        except ClientError as error:
            # What is there is the same line, delivered before, or a record that knows more.
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise

    def _query(self, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for page in self._dynamodb.get_paginator("query").paginate(TableName=self._table, **query):
            yield from page["Items"]


def _key(task: str, prediction_id: str) -> str:
    return f"{task}#{prediction_id}"


def _item(key: str, name: str, record: Answer | Label | Joined, at: str) -> dict[str, Any]:
    expires = datetime.fromisoformat(at) + timedelta(days=KEEP_DAYS)
    return {
        "prediction": {"S": key},
        "item": {"S": name},
        "record": {"S": codec.to_json(record).decode()},
        "expires": {"N": str(int(expires.timestamp()))},
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
