"""The table of observations and the function that fills it, against moto, which enforces conditions and indexes."""

import base64
import gzip
import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from infolens import settings as settings_module
from infolens.aws import clients
from infolens.aws.observations import DynamoObservations
from infolens.aws.rollouts import DynamoRollouts
from infolens.contracts.rollout import HistoryEvent
from infolens.joining import join
from infolens.serving.answer_lines import line_of
from infolens.serving.billing import Bill
from infolens.serving.model import Answered
from observation_fakes import FEEDBACK, candidate, champion, label, make_observations_table
from rollout_fakes import START, TASK, record
from serving_fakes import answered_by

HANDLER = Path(__file__).parents[2] / "functions" / "record_answers" / "handler.py"
SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def aws(monkeypatch):
    """Empty tables with the template's keys."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "OBSERVATIONS_TABLE": "observations",
        "ROLLOUTS_TABLE": "rollouts",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        clients.client.cache_clear()
        settings_module.settings.cache_clear()
        dynamodb = boto3.client("dynamodb")
        make_observations_table(dynamodb, "observations")
        dynamodb.create_table(
            TableName="rollouts",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("task", "item")],
            KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        )
        yield dynamodb
    settings_module.settings.cache_clear()
    clients.client.cache_clear()


@pytest.fixture
def table(aws):
    """The adapter."""
    return DynamoObservations("observations", aws)


BILL = Bill(gb=1.0, gb_seconds=0.02, init_milliseconds=0.0, restored=False)


def joined_of(*answers, labels=()):
    """The record of these parts."""
    (joined,) = join(answers, labels, FEEDBACK)
    return joined


def test_parts_are_read_back_each_once(table):
    """Of the same version the first line stands; each label that was told is kept."""
    table.add_answer(champion())
    table.add_answer(champion(milliseconds=99.0))
    table.add_answer(candidate())
    for told in (label(), label(), label("Sports"), label(at="2026-03-01T14:00:00.000000+00:00")):
        table.add_label(told)
    table.put_joined(joined_of(champion()))
    answers, labels = table.of(TASK, "7")
    assert {answer.version for answer in answers} == {"1", "2"}
    assert answers[0] == champion()
    assert len(labels) == 3
    assert table.of("toxicity", "7") == ((), ())


def test_what_knows_less_does_not_overwrite(table):
    """A writer that comes late with half of it changes nothing."""
    whole = joined_of(champion(), candidate())
    table.put_joined(whole)
    table.put_joined(joined_of(champion()))
    assert table.of_rollout("r1", SINCE, 10) == (whole,)


def test_the_newest_of_a_rollout_come_first(table):
    """Those of other rollouts, and those before the time, are left out, and there are no more than asked for."""
    for number in range(5):
        at = f"2026-03-01T12:00:0{number}.000000+00:00"
        table.put_joined(joined_of(champion(prediction_id=str(number), at=at)))
    table.put_joined(joined_of(champion(prediction_id="9", rollout_id="r2")))
    since = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)
    assert [x.prediction_id for x in table.of_rollout("r1", since, 10)] == ["4", "3", "2", "1"]
    assert [x.prediction_id for x in table.of_rollout("r1", since, 2)] == ["4", "3"]


def test_items_expire(table, aws):
    """Every item carries the time at which DynamoDB may drop it: thirty days after it was seen."""
    table.add_answer(champion())
    (item,) = aws.scan(TableName="observations")["Items"]
    assert item["expires"]["N"] == str(int(datetime(2026, 3, 31, 12, 0, 10, tzinfo=UTC).timestamp()))


def delivery(*lines):
    """Log lines as CloudWatch delivers them to a subscription."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/infolens-predict-news_category",
        "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [
            {"id": str(at), "timestamp": 1_772_366_400_000 + at, "message": message} for at, message in enumerate(lines)
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()}}


def line(version, purpose=""):
    """The line of a predict function's version."""
    asked = {"request_id": "7", "inputs": [{}], "purpose": purpose}
    return json.dumps(line_of(TASK, asked, Answered(answered_by(version), 20.0, cold=False), FEEDBACK, BILL))


class Context:
    """What the Lambda runtime hands over beside the event."""

    function_name = "infolens-record-answers"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:infolens-record-answers"
    aws_request_id = "11111111-2222-3333-4444-555555555555"


def test_delivered_lines_become_one_joined_record(aws, table):
    """Two versions' lines in two deliveries, one of them twice, among lines that are none: one pair."""
    started = HistoryEvent(TASK, "r1", START, "state-machine", "started", "1", "2", 0, (), {})
    DynamoRollouts("rollouts", aws).claim(record(), started)
    spec = importlib.util.spec_from_file_location("record_answers_handler", HANDLER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.handler(delivery("START", line("2", "shadow")), Context()) == {"answers": 1}
    assert module.handler(delivery(line("1"), '{"_aws": {}}'), Context()) == {"answers": 1}
    assert module.handler(delivery(line("1")), Context()) == {"answers": 1}
    (joined,) = table.of_rollout("r1", SINCE, 10)
    assert joined.paired
    assert (joined.agree, joined.candidate.purpose) == (True, "shadow")
