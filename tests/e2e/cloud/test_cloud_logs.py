"""Log subscriptions of the embedded cloud: lines reach a function as on AWS, and nobody waits for it."""

import json
import time

import pytest

from cloud_parts import invoke, log_lines, make_function, until

pytestmark = pytest.mark.cloud

TALK = """
import json
def handler(event, context):
    print(json.dumps({"observed": True, "n": event["n"]}))
    print(json.dumps({"observed": False, "n": -1}))
    print("no JSON")
"""

LISTEN = """
import base64, gzip, json, time
def handler(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for line in data["logEvents"]:
        number = json.loads(line["message"])["n"]
        print("heard", data["logGroup"], number, line["timestamp"] > 1_700_000_000_000)
        time.sleep(5 * (number == 3))
        print("done", number)
"""


def test_a_subscribed_function_gets_the_lines_of_the_filter_and_nobody_waits(cloud):
    """Each line that the filter names arrives, no other one; a write is over before the function is done with it."""
    talker, listener = make_function(cloud, TALK), make_function(cloud, LISTEN)
    logs, group = cloud.client("logs"), f"/aws/lambda/{talker}"
    logs.create_log_group(logGroupName=group)
    arn = cloud.client("lambda").get_function(FunctionName=listener)["Configuration"]["FunctionArn"]
    logs.put_subscription_filter(
        logGroupName=group, filterName=group, filterPattern="{ $.observed IS TRUE }", destinationArn=arn
    )
    for n in range(3):
        assert invoke(cloud, talker, {"n": n})[0] is None

    def told(word, *numbers):
        lines = [line.split() for line in log_lines(cloud, f"/aws/lambda/{listener}") if line.startswith(word)]
        return lines if {str(n) for n in numbers} <= {word for line in lines for word in line[1:]} else None

    heard = until(lambda: told("heard", 0, 1, 2))
    assert sorted(heard) == [["heard", group, str(n), "True"] for n in range(3)]

    logs.create_log_stream(logGroupName=group, logStreamName="by-hand")
    line = {"timestamp": int(time.time() * 1000), "message": json.dumps({"observed": True, "n": 3})}
    logs.put_log_events(logGroupName=group, logStreamName="by-hand", logEvents=[line])
    assert told("done", 3) is None
    assert until(lambda: told("done", 3))
