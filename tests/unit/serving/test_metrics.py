"""A fault that a version could not count itself is counted under the version's own two dimensions."""

import json

from infolens.serving.metrics import count_fault


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
