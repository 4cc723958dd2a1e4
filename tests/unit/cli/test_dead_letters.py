"""Messages that could not be dealt with."""

import io
import json
from types import SimpleNamespace

import pytest

from dataset_records import TASK
from infolens.contracts.dataset import UploadRef
from infolens.ingest.identity import upload_id_of
from infolens_cli import dead_letters
from infolens_cli.dead_letters import BATCH, LABELLED, TAKE_BACKS
from infolens_cli.trouble import Trouble

UPLOAD = json.dumps(
    {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventTime": "2026-03-01T12:00:00.000Z",
                "s3": {
                    "bucket": {"name": "uploads"},
                    "object": {"key": f"labelled/{TASK}/a+b%2Bc.csv", "size": 12, "eTag": "e", "versionId": "v1"},
                },
            }
        ]
    }
)
UPLOAD_ID = upload_id_of(UploadRef("uploads", f"labelled/{TASK}/a b+c.csv", "v1"))
ALARM = json.dumps({"alarmData": {"alarmName": f"infolens-rollout.{TASK}.r-7.faults", "state": {"value": "ALARM"}}})


class Sqs:
    """A queue as SQS has it: a message that was received is hidden until it is given back, deleted or time is up."""

    def __init__(self, *bodies, per_call=10):
        self.messages = {f"m{number}": body for number, body in enumerate(bodies)}
        self.hidden, self.sent, self.events, self.per_call = {}, [], [], per_call
        self.attributes = {}

    def receive_message(self, QueueUrl, MaxNumberOfMessages, VisibilityTimeout, **_):  # noqa: N803 - boto3's names
        """Give and hide."""
        there = [name for name in self.messages if name not in self.hidden][: min(self.per_call, MaxNumberOfMessages)]
        self.hidden |= dict.fromkeys(there, VisibilityTimeout)
        return {
            "Messages": [
                {
                    "MessageId": name,
                    "ReceiptHandle": f"receipt-{name}",
                    "Body": self.messages[name],
                    "Attributes": {"SentTimestamp": str(1772366400000 + int(name[1:])), "ApproximateReceiveCount": "4"},
                    "MessageAttributes": self.attributes,
                }
                for name in there
            ]
        }

    def change_message_visibility_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's names
        """Give back."""
        for entry in Entries:
            assert entry["VisibilityTimeout"] == 0
            self.hidden.pop(entry["ReceiptHandle"].removeprefix("receipt-"), None)

    def send_message(self, QueueUrl, MessageBody, **more):  # noqa: N803 - boto3's names
        """Take a message."""
        self.events.append("sent")
        self.sent.append((QueueUrl, MessageBody, more))

    def delete_message(self, QueueUrl, ReceiptHandle):  # noqa: N803 - boto3's names
        """Forget a message."""
        self.events.append("deleted")
        del self.messages[ReceiptHandle.removeprefix("receipt-")]

    def list_dead_letter_source_queues(self, QueueUrl):  # noqa: N803 - boto3's names
        """SQS spells this key small."""
        return {"queueUrls": ["http://sqs/labelled"]}


@pytest.mark.parametrize("count", [0, 1, 10, 11, 25])
def test_looking_sees_every_message_once_and_gives_all_back(count):
    """However many receives it takes."""
    sqs = Sqs(*[UPLOAD] * count)
    with dead_letters.held(sqs, LABELLED, "url") as letters:
        assert len({letter.message_id for letter in letters}) == len(letters) == count
        assert len(sqs.hidden) == count
    assert sqs.hidden == {}
    assert len(sqs.messages) == count


def test_a_slow_queue_is_asked_until_nothing_comes():
    """SQS gives what it likes, up to ten."""
    with dead_letters.held(Sqs(*[UPLOAD] * 7, per_call=3), LABELLED, "url") as letters:
        assert len(letters) == 7


def test_messages_come_back_when_the_command_fails():
    """And soon by themselves when it is killed: they are hidden for a minute, and not for hours."""
    sqs = Sqs(UPLOAD)

    def fail():
        with dead_letters.held(sqs, LABELLED, "url"):
            assert sqs.hidden == {"m0": 60}
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        fail()
    assert sqs.hidden == {}


def test_a_message_whose_time_is_up_is_still_one_message():
    """Looking at a long queue may take longer than the minute; the newer receipt is the one that counts."""

    class Forgetful(Sqs):
        def receive_message(self, **query):
            self.hidden.clear()
            return super().receive_message(**query)

    with dead_letters.held(Forgetful(UPLOAD, UPLOAD), LABELLED, "url") as letters:
        assert [letter.message_id for letter in letters] == ["m0", "m1"]


def letter(queue, body, **attributes):
    """The one message of a queue."""
    sqs = Sqs(body)
    sqs.attributes = attributes
    with dead_letters.held(sqs, queue, "url") as letters:
        return letters[0]


def test_an_upload_is_told_by_its_file():
    """The key as the editor knows it, the id as the report has it, the time as S3 sent it."""
    found = letter(LABELLED, UPLOAD)
    assert found.about == f"labelled/{TASK}/a b+c.csv, 12 bytes"
    assert found.subjects == (UPLOAD_ID,)
    assert (found.received, found.sent_at.isoformat()) == (4, "2026-03-01T12:00:00+00:00")


@pytest.mark.parametrize("body", ["poison", "[]", '{"a": 1}', '{"Records": [{"s3": {}}]}'])
def test_poison_is_shown_as_it_is(body):
    """Whatever it is, nobody's command breaks on it."""
    found = letter(BATCH, body)
    assert body in found.about
    assert "no S3 notification" in found.about
    assert found.subjects == ()


def test_a_failed_take_back_is_told_by_its_rollout():
    """The dead-letter queue of a function holds the alarm's event, and beside it the error."""
    found = letter(TAKE_BACKS, ALARM, ErrorMessage={"StringValue": "no alias", "DataType": "String"})
    assert found.about == f"{TASK}, rollout r-7, faults"
    assert found.subjects == ("r-7",)
    assert found.given_error == "no alias"
    assert dead_letters.alarm_event(found.body) == ALARM


def test_a_destination_wraps_the_alarm():
    """Were the queue an on-failure destination, its record would have the event and the error inside."""
    record = {"requestPayload": json.loads(ALARM), "responsePayload": {"errorMessage": "no alias"}}
    found = letter(TAKE_BACKS, json.dumps(record))
    assert found.about == f"{TASK}, rollout r-7, faults"
    assert found.given_error == "no alias"
    assert json.loads(dead_letters.alarm_event(found.body)) == json.loads(ALARM)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ('KeyError: {"errorMessage": "no such key", "errorType": "KeyError"}', "KeyError: no such key"),
        ("States.Timeout: ", "States.Timeout: "),
        ("DataLimitExceeded: {not JSON", "DataLimitExceeded: {not JSON"),
    ],
)
def test_a_large_file_comes_with_the_reason_of_its_state_machine(reason, said):
    """Of a function's failure only the message is shown."""
    assert letter(LABELLED, UPLOAD, reason={"StringValue": reason, "DataType": "String"}).given_error == said


def test_an_old_reason_does_not_travel_on():
    """It would be read as why the message failed the next time."""
    sqs = Sqs(UPLOAD)
    sqs.attributes = {"reason": {"StringValue": "KeyError: x", "DataType": "String"}}
    with dead_letters.held(sqs, LABELLED, "url") as letters:
        dead_letters.send_again(sqs, letters[0], "url", "source")
    assert sqs.sent == [("source", UPLOAD, {})]


def test_a_message_is_sent_before_it_is_deleted():
    """Cut off between the two it is there twice, and never nowhere; its attributes go with it."""
    sqs = Sqs(UPLOAD)
    sqs.attributes = {"who": {"StringValue": "ann", "DataType": "String"}}
    with dead_letters.held(sqs, LABELLED, "url") as letters:
        dead_letters.send_again(sqs, letters[0], "url", dead_letters.source_url(sqs, "url"))
    assert sqs.events == ["sent", "deleted"]
    assert sqs.sent == [("http://sqs/labelled", UPLOAD, {"MessageAttributes": sqs.attributes})]
    assert sqs.messages == {}


def test_a_message_that_cannot_be_sent_stays():
    """It is given back like any other."""

    class Full(Sqs):
        def send_message(self, **_):
            raise ConnectionError("no queue")

    sqs = Full(UPLOAD)
    with dead_letters.held(sqs, LABELLED, "url") as letters, pytest.raises(ConnectionError):
        dead_letters.send_again(sqs, letters[0], "url", "source")
    assert (list(sqs.messages), sqs.hidden) == (["m0"], {})


@pytest.mark.parametrize("urls", [[], ["a", "b"]])
def test_a_queue_without_one_source_is_not_guessed_at(urls):
    """A message must not go to somebody else's queue."""
    sqs = SimpleNamespace(list_dead_letter_source_queues=lambda **_: {"queueUrls": urls})
    with pytest.raises(Trouble, match=f"{len(urls)} queues give up their messages"):
        dead_letters.source_url(sqs, "url")


class Functions:
    """Lambda that answers or fails."""

    def __init__(self, answer, error=""):
        self.answer, self.error, self.asked = answer, error, []

    def invoke(self, FunctionName, InvocationType, Payload):  # noqa: N803 - boto3's names
        """Answer."""
        self.asked.append((FunctionName, InvocationType, json.loads(Payload)))
        failed = {"FunctionError": self.error} if self.error else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **failed}


def again(functions):
    """Call take_back once more; gives the queue and what was said."""
    sqs = Sqs(ALARM)
    with dead_letters.held(sqs, TAKE_BACKS, "url") as letters:
        try:
            said = dead_letters.take_back_again(sqs, functions, letters[0], "url", "arn:take-back")
        except Trouble as trouble:
            said = trouble.what
    return sqs, said


def test_a_take_back_is_called_once_more():
    """With the very event of the alarm; a success takes the message away."""
    functions = Functions({"status": "rolled_back"})
    sqs, said = again(functions)
    assert functions.asked == [("arn:take-back", "RequestResponse", json.loads(ALARM))]
    assert (said, sqs.messages) == ("rolled_back", {})


def test_a_take_back_that_fails_again_stays():
    """Lambda calls a failure a success with a word in the answer."""
    sqs, said = again(Functions({"errorMessage": "still no alias"}, error="Unhandled"))
    assert said == "take_back failed again: still no alias"
    assert (list(sqs.messages), sqs.hidden) == (["m0"], {})


def test_the_last_error_is_the_last_line_of_its_trace():
    """Other lines, of other levels or no JSON at all, are passed over."""
    error = {"level": "ERROR", "message": "again", "exception": "Traceback …\n  File …\nValueError: no list Records"}
    lines = [json.dumps(error | {"exception": "KeyError: old"}), json.dumps(error), '{"level": "INFO"}', "REPORT x"]
    assert dead_letters.last_error(lines) == "ValueError: no list Records"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ""),
        (['{"level": "INFO", "message": "fine"}'], ""),
        (['{"level": "ERROR", "message": "it broke"}'], "it broke"),
        (['{"level": "CRITICAL", "message": "x", "exception_name": "KeyError"}'], "KeyError"),
    ],
)
def test_an_error_without_a_trace_has_its_message(lines, said):
    """And no error is none."""
    assert dead_letters.last_error(lines) == said
