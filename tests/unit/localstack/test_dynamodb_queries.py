"""A query that looks at its own partition gives what moto gives, which sorts the whole table for it."""

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models.table import Table

from infolens_localstack.dynamodb_queries import narrowed

SORTED_BY_MOTO = Table.query

ITEMS = [
    (own, item, of, at)
    for number, (own, item) in enumerate((own, item) for own in "abc" for item in range(6))
    for of, at in [("xyz"[number % 3], "135"[number % 2]) if number % 4 else (None, None)]
]
"""Some without the index's keys, some with equal ones."""


def table(dynamodb, items):
    """Make a table with a global index, and put items into it: hash key, range key, and those of the index."""
    made = dynamodb.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("own", "item", "of", "at")],
        KeySchema=[{"AttributeName": "own", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "others",
                "KeySchema": [{"AttributeName": "of", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for own, item, of, at in items:
        more = {name: value for name, value in (("of", of), ("at", at)) if value is not None}
        made.put_item(Item={"own": own, "item": str(item)} | more)
    return made


def asked(made, name, key, **more):
    """Query the table by its own key, or its index by the other one, page by page of two."""
    found, start = [], {}
    while True:
        condition = boto3.dynamodb.conditions.Key("of" if name else "own").eq(key)
        index = {"IndexName": name} if name else {}
        page = made.query(KeyConditionExpression=condition, Limit=2, **index, **more, **start)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def test_the_same_items_in_the_same_order(monkeypatch):
    """By the table's key and by an index, forwards and backwards, page by page; also where there is none."""
    questions = [
        (name, key, forward)
        for name, keys in (("", "abcd"), ("others", "xyzd"))
        for key in keys
        for forward in (True, False)
    ]
    with mock_aws():
        made = table(boto3.resource("dynamodb", "us-east-1"), ITEMS)
        expected = [asked(made, name, key, ScanIndexForward=forward) for name, key, forward in questions]
        monkeypatch.setattr(Table, "query", narrowed(SORTED_BY_MOTO))
        assert [asked(made, name, key, ScanIndexForward=forward) for name, key, forward in questions] == expected
    assert max(map(len, expected)) > 3


def test_other_partitions_are_left_alone(monkeypatch):
    """The table is not sorted, and can be scanned as before afterwards."""
    with mock_aws():
        made = table(
            boto3.resource("dynamodb", "us-east-1"), [("a", 1, "c", "1"), ("b", 1, "c", "2"), ("b", 2, "a", "3")]
        )
        whole = Table.all_items
        monkeypatch.setattr(Table, "query", narrowed(SORTED_BY_MOTO))
        monkeypatch.setattr(Table, "all_items", lambda _: pytest.fail("the whole table was sorted"))
        assert [item["item"] for item in asked(made, "", "b")] == ["1", "2"]
        assert [item["own"] for item in asked(made, "others", "c")] == ["a", "b"]
        monkeypatch.setattr(Table, "all_items", whole)
        assert made.scan()["Count"] == 3
