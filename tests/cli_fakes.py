"""Stand-ins for the AWS clients and the screen that the command line works with."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from botocore.exceptions import ClientError
from rich.console import Console

from infolens.aws.objects import Found, ObjectMissingError, WriteRefusedError
from infolens_cli.screen import Screen

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def refusal(code, operation="Operation", message="refused"):
    """What boto3 raises."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        """Tell the time."""
        return self.now

    def pause(self, seconds):
        """Let time pass."""
        self.now += seconds


def screen(clock=None):
    """A screen on plain text, and what was written to it."""
    text = io.StringIO()
    console = Console(file=text, width=200, highlight=False, force_terminal=False)
    return Screen(console, clock or Clock()), text


def drawn(thing):
    """A rich drawing as plain text."""
    text = io.StringIO()
    Console(file=text, width=200, highlight=False, force_terminal=False).print(thing)
    return text.getvalue()


class Pages:
    """A boto3 paginator that gives one page per query."""

    def __init__(self, answer):
        self._answer = answer

    def paginate(self, **query):
        """Give the one page."""
        return [self._answer(**query)]


class Objects:
    """Buckets as a dict of (bucket, key) -> bytes."""

    def __init__(self, content=None):
        self.content = dict(content or {})

    def read(self, bucket, key, version=""):
        """See ObjectStore."""
        if (bucket, key) not in self.content:
            raise ObjectMissingError(f"s3://{bucket}/{key}")
        return Found(self.content[bucket, key], "etag")

    def open(self, bucket, key, version=""):
        """See ObjectStore."""
        return io.BytesIO(self.read(bucket, key, version).data)

    def keys(self, bucket, prefix):
        """See ObjectStore."""
        return iter(sorted(key for place, key in self.content if place == bucket and key.startswith(prefix)))

    def create(self, bucket, key, data, content_type=""):
        """See ObjectStore."""
        return self.content.setdefault((bucket, key), data) is data

    def replace(self, bucket, key, data, etag):
        """See ObjectStore; every object's etag is "etag"."""
        if etag != "etag":
            raise WriteRefusedError(key)
        self.content[bucket, key] = data
        return etag
