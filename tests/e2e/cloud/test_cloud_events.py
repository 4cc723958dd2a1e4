"""Events and tables in the embedded cloud: S3 to SQS to Lambda, S3 to Lambda, DynamoDB's conditions and queries."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloud_parts import invoke, log_lines, make_bucket, make_function, unique, until

pytestmark = pytest.mark.cloud


def test_upload_reaches_a_function_through_a_queue_and_only_failures_return(cloud):
    """S3 tells SQS (with a test event first), Lambda takes the batch, and only the message it names comes back."""
    s3, sqs, function = (cloud.client(name) for name in ("s3", "sqs", "lambda"))
    dead = sqs.create_queue(QueueName=unique("dead"))["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = sqs.create_queue(
        QueueName=unique("uploads"),
        Attributes={
            # Short, for what returns; but longer than a busy machine needs to start the function and answer.
            "VisibilityTimeout": "6",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}),
        },
    )["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = """
import json
def handler(event, context):
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body.get("Event") == "s3:TestEvent":
            print("test event")
            continue
        key = body["Records"][0]["s3"]["object"]["key"]
        print("got", key)
        if key.startswith("bad"): failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""
    name = make_function(cloud, source)
    assert invoke(cloud, name, {"Records": []})[0] is None  # started before the first message is taken
    function.create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"], BatchSize=10
    )
    bucket = make_bucket(cloud)
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    s3.put_object(Bucket=bucket, Key="a b+c.csv", Body=b"x")
    s3.put_object(Bucket=bucket, Key="bad.csv", Body=b"x")

    def dead_letters():
        return sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages")

    letter = until(dead_letters)[0]
    assert json.loads(letter["Body"])["Records"][0]["s3"]["object"]["key"] == "bad.csv"
    lines = until(lambda: (x := log_lines(cloud, f"/aws/lambda/{name}")).count("got bad.csv") >= 2 and x)
    assert "test event" in lines
    assert lines.count("got a+b%2Bc.csv") == 1
    mapping = function.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]["UUID"]
    function.delete_event_source_mapping(UUID=mapping)


def test_upload_reaches_a_function_directly(cloud):
    """A bucket notification invokes a function, filtered by prefix and suffix; its sequencers tell the order."""
    s3, function = cloud.client("s3"), cloud.client("lambda")
    source = """
def handler(event, context):
    written = event["Records"][0]["s3"]["object"]
    print("got", written["key"], written["sequencer"])
"""
    name = make_function(cloud, source)
    bucket = make_bucket(cloud)
    function.add_permission(
        FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    arn = function.get_function_configuration(FunctionName=name)["FunctionArn"]
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".csv"}]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
            ]
        },
    )
    for key in ("out/x.csv", "in/x.txt", "in/1.csv", "in/2.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    def told():
        lines = [line.split()[1:] for line in log_lines(cloud, f"/aws/lambda/{name}") if line.startswith("got")]
        return sorted(lines) if len(lines) >= 2 else None

    (first, first_order), (second, second_order) = until(told)
    assert (first, second) == ("in/1.csv", "in/2.csv")
    assert first_order < second_order


def test_conditional_puts_of_s3(cloud):
    """If-None-Match keeps the first object, If-Match refuses a stale etag."""
    s3, bucket = cloud.client("s3"), make_bucket(cloud)
    etag = s3.put_object(Bucket=bucket, Key="head.json", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(s3.exceptions.ClientError) as first:
        s3.put_object(Bucket=bucket, Key="head.json", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="head.json", Body=b"3", IfMatch=etag)
    with pytest.raises(s3.exceptions.ClientError) as stale:
        s3.put_object(Bucket=bucket, Key="head.json", Body=b"4", IfMatch=etag)
    assert [e.value.response["Error"]["Code"] for e in (first, stale)] == ["PreconditionFailed", "PreconditionFailed"]


@pytest.fixture(scope="module")
def table(cloud):
    """A table with a partition and a sort key and a time to live."""
    dynamodb = cloud.client("dynamodb")
    name = unique("models")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "task", "KeyType": "HASH"}, {"AttributeName": "version", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "task", "AttributeType": "S"},
            {"AttributeName": "version", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    return name


def test_dynamodb_conditions(cloud, table):
    """A conditional write is refused when its condition fails, and transactions fail as one."""
    dynamodb = cloud.client("dynamodb")
    item = {"task": {"S": "news"}, "version": {"N": "1"}, "owner": {"S": "a"}}
    dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(task)")
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(task)")
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(
            TableName=table,
            Key={"task": {"S": "news"}, "version": {"N": "1"}},
            UpdateExpression="SET #o = :b",
            ConditionExpression="#o = :b",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":b": {"S": "b"}},
        )
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": {"task": {"S": "other"}, "version": {"N": "9"}}}},
                {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(task)"}},
            ]
        )
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"task": {"S": "other"}, "version": {"N": "9"}})


def test_dynamodb_queries_in_order_and_by_page(cloud, table):
    """A query returns a partition in key order, newest first if asked, a page at a time."""
    dynamodb = cloud.client("dynamodb")
    for version in range(1, 13):
        dynamodb.put_item(TableName=table, Item={"task": {"S": "pages"}, "version": {"N": str(version)}})
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="task = :t AND version > :v",
        ExpressionAttributeValues={":t": {"S": "pages"}, ":v": {"N": "2"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 4},
    )
    found = [[int(item["version"]["N"]) for item in page["Items"]] for page in pages]
    assert [number for page in found for number in page] == list(range(12, 2, -1))
    assert max(len(page) for page in found) == 4


def test_dynamodb_keeps_its_time_to_live_setting(cloud, table):
    """The attribute that says when an item expires is accepted and told."""
    described = cloud.client("dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_a_transaction_that_fails_takes_nobody_elses_writes_along(cloud):
    """Writers beside transactions whose condition does not hold: every item is there, and no call fails otherwise."""
    table = unique("table")
    cloud.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )

    for first in range(0, 500, 25):  # so that putting tables back takes a while
        puts = [{"PutRequest": {"Item": {"id": {"S": f"old {first + number}"}}}} for number in range(25)]
        cloud.client("dynamodb").batch_write_item(RequestItems={table: puts})

    def fail(writer):
        put = {"TableName": table, "Item": {"id": {"S": f"t{writer}"}}, "ConditionExpression": "attribute_exists(id)"}
        client = cloud.client("dynamodb")
        for _ in range(20):
            with pytest.raises(client.exceptions.TransactionCanceledException):
                client.transact_write_items(TransactItems=[{"Put": put}])

    def write(writer):
        client = cloud.client("dynamodb")
        for number in range(20):
            client.put_item(TableName=table, Item={"id": {"S": f"w{writer} {number}"}})

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(deed, writer) for writer in range(2) for deed in (fail, write)]:
            done.result()
    assert cloud.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"] == 540
