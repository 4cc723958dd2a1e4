"""Log lines in the embedded metric format, and lines that only look like it."""

import json

import pytest

from infolens_localstack.metric_format import MetricDatum, metrics_in


def line(**changes):
    """Return a document with one metric under one dimension, as a log line."""
    directive = {
        "Namespace": "InfoLens",
        "Dimensions": [["task"]],
        "Metrics": [{"Name": "Latency", "Unit": "Milliseconds", "StorageResolution": 1}],
        **changes.pop("directive", {}),
    }
    document = {"_aws": {"Timestamp": 1000, "CloudWatchMetrics": [directive]}, "task": "news", "Latency": 12, **changes}
    return json.dumps(document)


def test_metric_has_all_that_the_document_says():
    """Namespace, name, dimensions, values, unit, resolution and time come from the document."""
    assert list(metrics_in(line())) == [
        MetricDatum("InfoLens", "Latency", (("task", "news"),), (12.0,), "Milliseconds", 1, 1000)
    ]


def test_each_dimension_set_is_a_metric_of_its_own():
    """Two sets make two metrics; without any set the metric has no dimensions."""
    both = list(metrics_in(line(directive={"Dimensions": [[], ["task", "version"]]}, version=3)))
    assert [datum.dimensions for datum in both] == [(), (("task", "news"), ("version", "3"))]
    assert [datum.dimensions for datum in metrics_in(line(directive={"Dimensions": []}))] == [()]


def test_set_that_names_a_missing_member_is_left_out():
    """A dimension that the document does not have drops its set and no other."""
    sets = [["task"], ["task", "absent"]]
    assert [d.dimensions for d in metrics_in(line(directive={"Dimensions": sets}))] == [(("task", "news"),)]


def test_arrays_are_several_values_and_defaults_hold():
    """An array is one value each; unit and resolution have AWS's defaults."""
    datum = next(metrics_in(line(directive={"Metrics": [{"Name": "Latency"}]}, Latency=[1, 2.5])))
    assert (datum.values, datum.unit, datum.resolution) == ((1.0, 2.5), "None", 60)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "{",
        '{"_aws": broken',
        '{"_aws": 1}',
        '["_aws"]',
        '{"message": "about _aws"}',
        line(Latency="twelve"),
        line(Latency=True),
        line(Latency=[]),
        line(directive={"Metrics": [{"Name": "Absent"}]}),
    ],
)
def test_other_lines_have_no_metrics(text):
    """What is no document, or has no number where it names one, is a line and nothing more."""
    assert list(metrics_in(text)) == []
