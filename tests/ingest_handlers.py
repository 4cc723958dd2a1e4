"""Loads the handlers of ingest and batch as Lambda does, and makes the events that S3 and SQS send them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UPLOADS = "infolens-uploads-000000000000-us-east-1"


class Context:
    """What Lambda hands to a handler."""

    function_name = "function"
    function_version = "$LATEST"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self):
        """Give plenty."""
        return 900_000


def load(function: str):
    """Import functions/<function>/handler.py."""
    path = ROOT / "functions" / function / "handler.py"
    spec = importlib.util.spec_from_file_location(f"{function}_handler", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(module, event: dict) -> dict:
    """Invoke a loaded handler."""
    module.logger.handlers[0].stream = sys.stdout  # powertools keeps the stream of the first test
    return module.handler(event, Context())


def sqs(name: str) -> dict:
    """Read a golden SQS event."""
    return json.loads((ROOT / "tests" / "events" / name).read_text())


def put(s3, name: str, key: str, data: bytes) -> dict:
    """Upload a file and give the golden event `name` with its key (as S3 encodes it), version and size."""
    version = s3.put_object(Bucket=UPLOADS, Key=key, Body=data)["VersionId"]
    event = sqs(name)
    body = json.loads(event["Records"][0]["body"])
    body["Records"][0]["s3"]["object"] |= {
        "key": key.replace("+", "%2B").replace(" ", "+"),
        "versionId": version,
        "size": len(data),
    }
    event["Records"][0]["body"] = json.dumps(body)
    return event


def logged(capsys) -> list[dict]:
    """Read the JSON lines that a function has written."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
