"""The queue of questions whose copies go to a candidate; whoever sends waits for it as little as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from infolens import codec

if TYPE_CHECKING:
    from infolens.contracts.observation import ShadowQuestion

# Beside a user's question: a queue that does not answer at once loses a copy, which costs evidence and nobody's time.
_CONFIG = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})


class SqsShadowQueue:
    """`infolens.usecases.shadowing.Queue` on SQS."""

    def __init__(self, url: str, sqs: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take the queue's URL, and a boto3 SQS client or one of its own."""
        self._url = url
        self._sqs = sqs or boto3.client("sqs", config=_CONFIG)

    def send(self, question: ShadowQuestion) -> None:
        """See Queue."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=codec.to_json(question).decode())
