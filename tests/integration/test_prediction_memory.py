"""Answers are kept under their id in a real table (moto's): once, for their text alone, and only when complete."""

import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from infolens.aws.prediction_memory import (
    KEEP_DAYS,
    DynamoPredictionMemory,
    IdTakenError,
    Made,
    MemoryUnavailableError,
    Recalled,
    UnderWayError,
)

ANSWER = {"answer": {"prediction_id": 7, "bart": "Ä short text.", "xln": 0, "bert": 9}, "problems": [], "models": {}}
TABLE = "predictions"


@pytest.fixture
def dynamodb(monkeypatch):
    """A client with the table of the template."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}))
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        yield client


@pytest.fixture
def memory(dynamodb):
    """The memory on that table."""
    return DynamoPredictionMemory(TABLE, dynamodb)


def never():
    """Fail when a model would be asked."""
    raise AssertionError("nobody is to be asked")


def test_made_once(memory):
    """The first request makes the answer, every other one gets the very same."""
    assert memory.once(7, "a text", lambda: Made(ANSWER, keep=True)) == Recalled(ANSWER, repeated=False)
    assert memory.once(7, "a text", never) == Recalled(ANSWER, repeated=True)


def test_another_process(memory, dynamodb):
    """Another environment of the function remembers the same."""
    memory.once(7, "a text", lambda: Made(ANSWER, keep=True))
    assert DynamoPredictionMemory(TABLE, dynamodb).once(7, "a text", never) == Recalled(ANSWER, repeated=True)


def test_another_text(memory):
    """The id belongs to its text; the other id does not."""
    memory.once(7, "a text", lambda: Made(ANSWER, keep=True))
    with pytest.raises(IdTakenError, match="prediction_id 7 belongs to another text"):
        memory.once(7, "another text", never)
    assert not memory.once(8, "another text", lambda: Made(ANSWER, keep=True)).repeated


def test_incomplete_answers(memory, dynamodb):
    """An incomplete answer is given and forgotten, its id free for any text."""
    assert memory.once(7, "a text", lambda: Made({"x": 1}, keep=False)) == Recalled({"x": 1}, repeated=False)
    assert dynamodb.scan(TableName=TABLE)["Items"] == []
    assert memory.once(7, "another text", lambda: Made(ANSWER, keep=True)) == Recalled(ANSWER, repeated=False)


def test_error_frees_the_id(memory, dynamodb):
    """What the answering raises reaches the caller as it is, and the id is free."""

    def fails():
        raise LookupError("nothing")

    with pytest.raises(LookupError, match="nothing"):
        memory.once(7, "a text", fails)
    assert dynamodb.scan(TableName=TABLE)["Items"] == []


def test_two_at_a_time(memory):
    """While the first request is being answered a second one is turned away, with another text for good."""
    inside, go_on = threading.Event(), threading.Event()
    seen = []

    def slow():
        inside.set()
        assert go_on.wait(20)
        return Made(ANSWER, keep=True)

    first = threading.Thread(target=lambda: seen.append(memory.once(7, "a text", slow)))
    first.start()
    assert inside.wait(20)
    try:
        with pytest.raises(UnderWayError, match="prediction_id 7 is being answered"):
            memory.once(7, "a text", never)
        with pytest.raises(IdTakenError):
            memory.once(7, "another text", never)
    finally:
        go_on.set()
        first.join(20)
    assert seen == [Recalled(ANSWER, repeated=False)]
    assert memory.once(7, "a text", never) == Recalled(ANSWER, repeated=True)


def test_holder_that_died(memory, dynamodb):
    """An id whose request never ended is free again after its time."""
    memory.once(7, "a text", lambda: Made(ANSWER, keep=True))
    (kept,) = dynamodb.scan(TableName=TABLE)["Items"]
    del kept["data"]
    held = {"status": {"S": "INPROGRESS"}, "in_progress_expiration": {"N": "1"}}
    dynamodb.put_item(TableName=TABLE, Item=kept | held)
    assert memory.once(7, "a text", lambda: Made(ANSWER, keep=True)) == Recalled(ANSWER, repeated=False)


def test_record(memory, dynamodb):
    """The record has an end, and of the text no more than a hash."""
    memory.once(7, "a text", lambda: Made(ANSWER, keep=True))
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert set(item) == {"id", "status", "expiration", "in_progress_expiration", "data", "validation"}
    assert "a text" not in str(item)
    held = int(item["expiration"]["N"]) - int(item["in_progress_expiration"]["N"]) / 1000
    assert held == pytest.approx(KEEP_DAYS * 24 * 3600 - 30, abs=5)


class Failing:
    """A DynamoDB client whose calls of one name fail."""

    def __init__(self, dynamodb, name):
        self._dynamodb, self._name = dynamodb, name

    def __getattr__(self, name):
        if name != self._name:
            return getattr(self._dynamodb, name)

        def fail(**request):
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "x"}}, name)

        return fail


@pytest.mark.parametrize("call", ["put_item", "update_item"])
def test_table_fails(dynamodb, call):
    """Where the id cannot be taken, or the answer not be kept, none is given."""
    memory = DynamoPredictionMemory(TABLE, Failing(dynamodb, call))
    with pytest.raises(MemoryUnavailableError):
        memory.once(7, "a text", lambda: Made(ANSWER, keep=True))
