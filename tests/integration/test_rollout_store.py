"""The table of rollouts against moto, which enforces conditions and transactions."""

from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from infolens.aws.rollouts import DynamoRollouts, RolloutInProgressError, StaleRecordError
from infolens.contracts.rollout import HistoryEvent
from rollout_fakes import START, TASK, record

TABLE = "rollouts"


@pytest.fixture
def store(monkeypatch):
    """An empty table with the template's key."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "task", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        )
        yield DynamoRollouts(TABLE, dynamodb)


def event(at=START, name="weight", task=TASK):
    """One line of history."""
    return HistoryEvent(task, "r1", at, "state-machine", name, "1", "2", 20, ("first step",), {"requests": 12})


def test_a_task_without_rollouts_has_none(store):
    """Nothing is found, nothing is made up."""
    assert store.current(TASK) is None
    assert store.history(TASK) == ()


def test_the_owner_is_read_back_as_it_was_written(store):
    """The record survives the table, its plan included."""
    store.claim(record(), event())

    assert store.current(TASK) == record()


def test_a_second_owner_is_refused_and_told_the_first(store):
    """The conditional write lets one in; the history has one line."""
    store.claim(record(), event())
    with pytest.raises(RolloutInProgressError) as caught:
        store.claim(record(rollout_id="r2"), event(name="started"))

    assert caught.value.owner == record()
    assert len(store.history(TASK)) == 1


def test_an_ended_rollout_makes_room(store):
    """Whatever its end was."""
    store.claim(record(), event())
    store.replace(record(), record(status="expired"))
    store.claim(record(rollout_id="r2"), event(name="started"))

    assert store.current(TASK).rollout_id == "r2"


def test_another_task_has_its_own_owner(store):
    """Tasks do not wait for each other."""
    store.claim(record(), event())
    store.claim(record(task="fake_news"), event(task="fake_news"))

    assert store.current("fake_news").task == "fake_news"


def test_a_write_over_what_was_not_read_is_refused_with_its_history(store):
    """Compare-and-swap: neither the record nor its line is written."""
    store.claim(record(), event())
    store.replace(record(), record(step=1))
    with pytest.raises(StaleRecordError):
        store.replace(record(), record(step=2), event(name="lost"))

    assert store.current(TASK).step == 1
    assert [line.event for line in store.history(TASK)] == ["weight"]


def test_history_is_listed_newest_last_and_cut_at_the_old_end(store):
    """Times sort as text; a limit keeps the newest."""
    for minute in (2, 0, 1):
        store.append(event(at=f"2026-03-01T12:0{minute}:00.000000+00:00"))

    assert [line.at[14:16] for line in store.history(TASK)] == ["00", "01", "02"]
    assert [line.at[14:16] for line in store.history(TASK, 2)] == ["01", "02"]


def test_history_is_never_overwritten(store):
    """The same line twice is one line; another line at the same moment is a second one."""
    store.append(event())
    store.append(event())
    store.append(replace(event(), who="operator:ann"))

    assert sorted(line.who for line in store.history(TASK)) == ["operator:ann", "state-machine"]


def test_a_line_of_history_survives_the_table(store):
    """Reasons and evidence included."""
    store.append(event())

    assert store.history(TASK) == (event(),)
