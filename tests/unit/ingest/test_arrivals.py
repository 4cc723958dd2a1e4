"""Unit tests of `infolens.ingest.arrivals` on the shapes that S3 really sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infolens.contracts.dataset import UploadRef
from infolens.ingest.arrivals import Arrival, NotAnS3EventError, arrivals, notification_of

EVENTS = Path(__file__).parents[2] / "events"


def body(name: str):
    """Give the S3 notification inside a golden SQS event."""
    return json.loads(json.loads((EVENTS / name).read_text())["Records"][0]["body"])


def test_key_is_decoded():
    """S3 sends `a b+c.csv` as `a+b%2Bc.csv`; the object to read has the first name."""
    (arrival,) = arrivals(body("sqs_s3_object_created.json"))
    assert arrival == Arrival(
        UploadRef("infolens-uploads-000000000000-us-east-1", "labelled/news_category/a b+c.csv", "3sL4kqtJlcpXroDTDmJ"),
        "3sL4kqtJlcpXroDTDmJ",
        1024,
        "2026-05-01T12:00:00+00:00",
    )
    assert arrival.etag == ""
    assert (arrival.task, arrival.filename, arrival.is_folder) == ("news_category", "a b+c.csv", False)


def test_test_event_speaks_of_nothing():
    """A new notification sends `s3:TestEvent`, which must not become a failure."""
    assert arrivals(body("sqs_s3_test_event.json")) == ()


def test_several_records_in_one_message():
    """One message may speak of several objects; without a version the etag stands for it, and names are UTF-8."""
    first, second = arrivals(body("sqs_s3_two_objects_unversioned.json"))
    assert first.source == UploadRef(
        "uploads", "labelled/news_category/größe & co.csv", "d41d8cd98f00b204e9800998ecf8427e"
    )
    assert (first.version_id, first.etag) == ("", "d41d8cd98f00b204e9800998ecf8427e")
    assert second.source.key == "labelled/news_category/2026/05/rows.csv.gz"
    assert (second.task, second.filename) == ("news_category", "rows.csv.gz")


def test_suspended_versions():
    """Every object of a key is version "null" then: the etag tells the second from the first."""
    event = body("sqs_s3_object_created.json")
    event["Records"][0]["s3"]["object"]["versionId"] = "null"
    (arrival,) = arrivals(event)
    assert (arrival.version_id, arrival.source.version) == ("", "d41d8cd98f00b204e9800998ecf8427e")


@pytest.mark.parametrize("name", ["sqs_s3_object_created.json", "sqs_s3_two_objects_unversioned.json"])
def test_a_notification_is_read_back(name):
    """What goes to the dead letters can be delivered again: key, version or etag and time are kept."""
    for arrival in arrivals(body(name)):
        assert arrivals(json.loads(json.dumps(notification_of(arrival)))) == (arrival,)


def test_folder_marker():
    """The S3 console makes a folder as an empty object whose key ends with a slash."""
    (marker,) = arrivals(body("sqs_s3_folder_marker.json"))
    assert marker.is_folder


@pytest.mark.parametrize(("key", "task"), [("labelled/rows.csv", ""), ("labelled//rows.csv", ""), ("rows.csv", "")])
def test_key_without_a_task(key, task):
    """A file that lies straight under the prefix names no task."""
    assert Arrival(UploadRef("uploads", key, "v"), "v", 1).task == task


@pytest.mark.parametrize("wrong", [{}, {"Records": None}, {"Records": [{"s3": {}}]}, {"Records": ["text"]}])
def test_other_messages_fail(wrong):
    """What is no S3 notification goes back to the queue and ends in the dead letters, where a person sees it."""
    with pytest.raises(NotAnS3EventError):
        arrivals(wrong)
