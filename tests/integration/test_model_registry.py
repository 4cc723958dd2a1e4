"""The registry keeps what it is given, newest first, and rewrites nothing, against moto's DynamoDB."""

from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from infolens.aws.registry import DynamoRegistry, VersionTakenError
from training_fakes import CHAMPION


@pytest.fixture
def registry(monkeypatch):
    """An empty table with the key that the template gives it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        dynamodb.create_table(
            TableName="models",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "task", "AttributeType": "S"},
                {"AttributeName": "version", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "version", "KeyType": "RANGE"}],
        )
        yield DynamoRegistry("models", dynamodb)


def test_gives_back_what_it_got(registry):
    """A record comes back equal, to the last digit of its metrics."""
    record = replace(CHAMPION, metrics={"accuracy": 0.1 + 0.2, "n": 1e-17}, verdict_reasons=("a", "ü"))
    registry.put(record)
    assert registry.get("news_category", "4") == record


def test_nothing_there(registry):
    """A version, a digest or a task that is not there is None or empty."""
    assert registry.get("news_category", "4") is None
    assert registry.find_digest("news_category", "d" * 64) is None
    assert registry.list("news_category") == ()


def test_newest_first_by_number(registry):
    """Version 10 is newer than version 9."""
    for version in ("9", "10", "2"):
        registry.put(replace(CHAMPION, version=version, bundle_digest=version))
    registry.put(replace(CHAMPION, task="toxicity", version="99"))
    assert [record.version for record in registry.list("news_category")] == ["10", "9", "2"]


def test_finds_a_digest(registry):
    """The newest version that pins a bundle is found, in its own task only."""
    registry.put(replace(CHAMPION, version="1", bundle_digest="a"))
    registry.put(replace(CHAMPION, version="2", bundle_digest="b"))
    registry.put(replace(CHAMPION, version="3", bundle_digest="a"))
    assert registry.find_digest("news_category", "a").version == "3"
    assert registry.find_digest("toxicity", "a") is None


def test_same_record_again(registry):
    """Writing a record again, after a crash, is harmless."""
    registry.put(CHAMPION)
    registry.put(CHAMPION)
    assert registry.list("news_category") == (CHAMPION,)


def test_version_is_never_rewritten(registry):
    """Another bundle under a version that is taken is refused."""
    registry.put(CHAMPION)
    with pytest.raises(VersionTakenError, match="version 4 of news_category pins another bundle"):
        registry.put(replace(CHAMPION, bundle_digest="e" * 64))
    assert registry.get("news_category", "4") == CHAMPION


def test_more_than_a_page(registry):
    """A history of more than one page of a query (1 MB) is read to its end."""
    long = ("x" * 100_000,)
    for version in range(1, 16):
        record = replace(CHAMPION, version=str(version), bundle_digest=str(version), verdict_reasons=long)
        registry.put(record)
    assert len(registry.list("news_category")) == 15
    assert registry.find_digest("news_category", "1").version == "1"
