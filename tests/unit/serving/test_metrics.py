"""A fault that a version could not count itself is counted under the version's own two dimensions."""

import json

import pytest

from infolens.serving.metrics import count_fault, metered_version


def test_counts_for_another_version(monkeypatch, capsys):
    """The metric is the one that rollouts and alarms ask for, whichever service counts it."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "api")
    count_fault("news_category", "5")
    line = json.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "InfoLens",
        "Dimensions": [["task", "model_version"]],
        "Metrics": [{"Name": "Faults", "Unit": "Count", "StorageResolution": 1}],
    }
    assert (line["task"], line["model_version"], line["Faults"]) == ("news_category", "5", [1.0])


@pytest.mark.parametrize(
    ("event", "expected"),
    [({"purpose": "load"}, "5-load"), ({"purpose": ""}, "5"), ({"purpose": "shadow"}, "5"), ({}, "5"), ([], "5")],
)
def test_load_tests_are_counted_apart(event, expected):
    """Only a load test's requests leave the dimension that alarms and evidence look at."""
    assert metered_version("5", event) == expected
