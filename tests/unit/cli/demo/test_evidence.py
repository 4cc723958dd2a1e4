"""What a version did, read from its own log."""

import json

from infolens_cli.demo.evidence import Served, served


def line(version, at, faults, **measured):
    """A line in CloudWatch's embedded metric format, as powertools writes it."""
    return json.dumps({"_aws": {"Timestamp": at}, "model_version": version, "Faults": [faults], **measured})


def test_requests_of_one_version_are_picked_in_order():
    """Other versions and other lines are passed over."""
    messages = [
        line("3", 2_000, 1.0, Latency=[8.5]),
        "START RequestId: 1",
        json.dumps({"message": "answered", "model_version": "3"}),
        line("2", 1_500, 0.0, Latency=[7.0]),
        line("3", 1_000, 0.0, ColdLatency=40.0),
        'broken "_aws" {',
    ]
    assert served(messages, "3") == [Served(1.0, False, 40.0), Served(2.0, True, 8.5)]


def test_a_request_without_a_latency_is_still_a_request():
    """A model that could not be loaded has none."""
    assert served([line("3", 1_000, 1.0)], "3") == [Served(1.0, True, None)]
