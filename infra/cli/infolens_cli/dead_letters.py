"""Looks at messages that could not be dealt with, and puts them in again; looking loses and hides none of them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infolens.aws.alarms import parse_alarm_name
from infolens.ingest.arrivals import NotAnS3EventError, arrivals
from infolens.ingest.identity import upload_id_of
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infolens_cli.stack import Stack

LABELLED, BATCH, TAKE_BACKS = "labelled", "batch", "takebacks"
QUEUES = (LABELLED, BATCH, TAKE_BACKS)

HELD_SECONDS = 60
"""Nobody else sees a message while it is looked at; when the command is killed, it is there again after so long."""

_REASON = "reason"
"""Attribute by which state_machines/ingest.asl.json says why it gave an upload up."""

_BATCH_SIZE = 10
"""What one receive gives at most (SQS's own limit)."""

_FUNCTIONS = {LABELLED: "ingest-upload", BATCH: "start-batch", TAKE_BACKS: "take-back"}


@dataclass(frozen=True)
class DeadLetter:
    """One message that could not be dealt with."""

    queue: str
    message_id: str
    receipt: str
    body: str
    sent_at: datetime | None
    """When the event happened, not when it was given up."""
    received: int
    """How often somebody has taken it from its queue, looks like ours included."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the sender put beside the body; Lambda puts the error of a failed take-back there."""

    @property
    def about(self) -> str:
        """Which file or rollout it speaks of, in words."""
        return about(self.queue, self.body)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Upload ids or rollout ids, for `infolens logs`."""
        return subjects(self.queue, self.body)

    @property
    def given_error(self) -> str:
        """The error that came with the message, from Lambda or our state machine for large files; "" when none did."""
        for name in ("ErrorMessage", _REASON):
            if text := self.attributes.get(name, {}).get("StringValue"):
                return _of_lambda(str(text))
        return str(_destination(self.body).get("responsePayload", {}).get("errorMessage", ""))


def about(queue: str, body: str) -> str:
    """Say in words which file or rollout a message speaks of."""
    if queue == TAKE_BACKS:
        alarm = _alarm(body)
        name = parse_alarm_name(alarm)
        return f"{name.task}, rollout {name.rollout_id}, {name.kind}" if name else f"alarm {alarm or 'unknown'}"
    try:
        found = arrivals(_json(body))
    except NotAnS3EventError as error:
        return f"{error}: {body[:80]}"
    return ", ".join(f"{one.source.key}, {one.size} bytes" for one in found) or "a notification's test event"


def subjects(queue: str, body: str) -> tuple[str, ...]:
    """Give the upload ids, or the rollout id, that a message is about."""
    if queue == TAKE_BACKS:
        name = parse_alarm_name(_alarm(body))
        return (name.rollout_id,) if name else ()
    try:
        return tuple(upload_id_of(one.source) for one in arrivals(_json(body)))
    except NotAnS3EventError:
        return ()


def alarm_event(body: str) -> str:
    """Give the event that take_back was called with: the message itself, or the part of a destination's record."""
    event = _destination(body).get("requestPayload")
    return json.dumps(event) if event else body


def queue_url(stack: Stack, queue: str) -> str:
    """URL of a queue of dead letters."""
    return {
        LABELLED: stack.labelled_dead_letters,
        BATCH: stack.batch_dead_letters,
        TAKE_BACKS: stack.failed_take_backs,
    }[queue]


def log_group(stack_name: str, queue: str) -> str:
    """Where the function that gave up a queue's messages says why."""
    return f"/aws/lambda/{stack_name}-{_FUNCTIONS[queue]}"


@contextmanager
def held(sqs: Any, queue: str, url: str, most: int = 1000) -> Iterator[list[DeadLetter]]:  # noqa: ANN401 - a boto3 client
    """Hold all messages of a queue, at most `most`, while the block runs; then those that were not deleted are back.

    A queue cannot be read without taking from it. Messages are taken until none comes, and given back in any case.
    """
    found: dict[str, DeadLetter] = {}
    try:
        while len(found) < most:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=_BATCH_SIZE,
                VisibilityTimeout=HELD_SECONDS,
                WaitTimeSeconds=1,  # a short poll asks only some of SQS's servers
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            letters = [_letter(queue, message) for message in answer.get("Messages", ())]
            new = [letter for letter in letters if letter.message_id not in found]
            found |= {letter.message_id: letter for letter in letters}  # a second delivery has the receipt that counts
            if not new:
                break
        yield sorted(found.values(), key=lambda letter: (letter.sent_at or _NEVER, letter.message_id))
    finally:
        _give_back(sqs, url, list(found.values()))


def elsewhere(sqs: Any, url: str) -> int:  # noqa: ANN401 - a boto3 client
    """How many messages somebody else holds right now."""
    name = "ApproximateNumberOfMessagesNotVisible"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"].get(name, 0))


def source_url(sqs: Any, url: str) -> str:  # noqa: ANN401 - a boto3 client
    """URL of the queue whose messages end in the one at `url`.

    Raises:
        Trouble: not exactly one queue gives its messages up to it.
    """
    found = sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"]
    if len(found) != 1:
        raise Trouble(
            f"{len(found)} queues give up their messages to {url}, not one", "`infolens deploy` brings it up to date"
        )
    return str(found[0])


def send_again(sqs: Any, letter: DeadLetter, url: str, source: str) -> None:  # noqa: ANN401 - a boto3 client
    """Move a message back to its source: first it is there, then it is gone here.

    Cut off between the two, it is in both: dealing with the same event again changes nothing.
    """
    attributes = {name: value for name, value in letter.attributes.items() if name != _REASON}  # of the last time
    extra = {"MessageAttributes": attributes} if attributes else {}
    sqs.send_message(QueueUrl=source, MessageBody=letter.body, **extra)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)


def take_back_again(sqs: Any, functions: Any, letter: DeadLetter, url: str, function: str) -> str:  # noqa: ANN401
    """Call take_back with the alarm's event once more; the message goes when it succeeds.

    Returns:
        What take_back answered.

    Raises:
        Trouble: it failed again; the message stays.
    """
    answer = functions.invoke(
        FunctionName=function, InvocationType="RequestResponse", Payload=alarm_event(letter.body).encode()
    )
    said = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise Trouble(f"take_back failed again: {_json(said).get('errorMessage', said)}")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
    return str(_json(said).get("status", said))


def last_error(messages: Sequence[str]) -> str:
    """Give the last error in a function's log lines about one message; "" when there is none."""
    for text in reversed(messages):
        record = _json(text)
        if record.get("level") in {"ERROR", "CRITICAL"}:
            trace = str(record.get("exception", "")).strip().splitlines()
            return trace[-1] if trace else str(record.get("exception_name") or record.get("message", ""))
    return ""


_NEVER = datetime.fromtimestamp(0, UTC)


def _letter(queue: str, message: Mapping[str, Any]) -> DeadLetter:
    system = message.get("Attributes", {})
    sent = system.get("SentTimestamp")
    return DeadLetter(
        queue=queue,
        message_id=str(message["MessageId"]),
        receipt=str(message["ReceiptHandle"]),
        body=str(message["Body"]),
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
        received=int(system.get("ApproximateReceiveCount", 0)),
        attributes=message.get("MessageAttributes", {}),
    )


def _give_back(sqs: Any, url: str, letters: Sequence[DeadLetter]) -> None:  # noqa: ANN401 - a boto3 client
    """Let messages be seen again at once; for one that was deleted SQS answers with a failed entry, which is right."""
    for start in range(0, len(letters), _BATCH_SIZE):
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for number, letter in enumerate(letters[start : start + _BATCH_SIZE])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_lambda(text: str) -> str:
    """Step Functions says of a failed function `<error>: <JSON>`; the message inside is what matters."""
    kind, _, cause = text.partition(": ")
    message = _json(cause).get("errorMessage")
    return f"{kind}: {message}" if message else text


def _destination(body: str) -> dict[str, Any]:
    """The record of an on-failure destination, which wraps the event; a dead-letter queue gets the bare event."""
    found = _json(body)
    return found if "requestPayload" in found else {}


def _alarm(body: str) -> str:
    event = _json(alarm_event(body))
    return str(event.get("alarmData", {}).get("alarmName", ""))
