"""CloudWatch metrics in the embedded cloud: what functions embed in their logs, and the statistics over it."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from cloud_parts import invoke, make_function, unique, until

pytestmark = pytest.mark.cloud

EMBED = """
import json, time
def handler(event, context):
    print(json.dumps({
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [{
                "Namespace": event["namespace"],
                "Dimensions": [["task"], ["task", "model_version"]],
                "Metrics": [
                    {"Name": "Latency", "Unit": "Milliseconds", "StorageResolution": 1},
                    {"Name": "Faults", "Unit": "Count", "StorageResolution": 1},
                ],
            }],
        },
        "task": "news", "model_version": event["version"], "Latency": event["latency"], "Faults": event["faults"],
    }))
"""


def dims(**values):
    """Return dimensions as the API takes them."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def put(cloud, namespace, name, values, *, resolution=1, timestamp=None, **dimensions):
    """Put values of a metric."""
    datum = {"MetricName": name, "Dimensions": dims(**dimensions), "Values": values, "StorageResolution": resolution}
    if timestamp is not None:
        datum["Timestamp"] = timestamp
    cloud.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def ask(cloud, namespace, name, stat, *, period=60, minutes=3, **dimensions):
    """Return a statistic's values over the last minutes, newest first."""
    query = {
        "Id": "q",
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": dims(**dimensions)},
            "Period": period,
            "Stat": stat,
        },
    }
    now = datetime.now(UTC) + timedelta(seconds=1)
    answer = cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - timedelta(minutes=minutes), EndTime=now
    )
    return answer["MetricDataResults"][0]["Values"]


def total(cloud, namespace, name, stat="Sum", **dimensions):
    """Return a statistic over one long period: no minute's border can cut the test's data in two."""
    return (ask(cloud, namespace, name, stat, period=3600, minutes=30, **dimensions) or [None])[0]


def test_embedded_metrics_arrive_with_dimensions_units_and_arrays(cloud):
    """A log line in the embedded metric format is a metric under each of its dimension sets."""
    name, namespace = make_function(cloud, EMBED), unique("Emf")
    invoke(cloud, name, {"namespace": namespace, "version": "7", "latency": [10, 20, 60], "faults": 1})
    # Each by itself: CloudWatch promises no order among metrics of one line.
    until(lambda: total(cloud, namespace, "Faults", task="news", model_version="7"))
    until(lambda: total(cloud, namespace, "Latency", "SampleCount", task="news") == 3.0)
    until(lambda: total(cloud, namespace, "Latency", "Average", task="news", model_version="7") == 30.0)
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="Latency",
        Dimensions=dims(task="news"),
        StartTime=datetime.now(UTC) - timedelta(minutes=10),
        EndTime=datetime.now(UTC) + timedelta(seconds=1),
        Period=3600,
        Statistics=["Maximum", "Minimum"],
        ExtendedStatistics=["p50"],
    )["Datapoints"]
    assert [(p["Unit"], p["Maximum"], p["Minimum"], p["ExtendedStatistics"]) for p in points] == [
        ("Milliseconds", 60.0, 10.0, {"p50": 20.0})
    ]


def test_a_line_that_only_looks_like_a_metric_is_just_a_line(cloud):
    """Broken JSON and a document without values do not disturb the function or the metrics beside them."""
    source = """
def handler(event, context):
    print('{"_aws": broken')
    print('{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "X", "Metrics": [{"Name": "absent"}]}]}}')
    return 1
"""
    assert invoke(cloud, make_function(cloud, source)) == (None, 1)


def test_metrics_of_other_dimension_sets_are_other_metrics(cloud):
    """Version 1 is not version 10, and a metric by task alone does not count what has a version too."""
    namespace = unique("Dims")
    put(cloud, namespace, "Faults", [1.0, 1.0], task="news", version="1")
    put(cloud, namespace, "Faults", [1.0] * 5, task="news", version="10")
    put(cloud, namespace, "Faults", [0.0], task="news")
    assert total(cloud, namespace, "Faults", task="news", version="1") == 2.0
    assert total(cloud, namespace, "Faults", task="news", version="10") == 5.0
    assert total(cloud, namespace, "Faults", task="news") == 0.0
    assert total(cloud, namespace, "Faults") is None


@pytest.mark.parametrize(
    ("stat", "expected"),
    [("SampleCount", 100.0), ("Sum", 5050.0), ("Average", 50.5), ("p90", 90.0), ("p95", 95.0), ("p99.9", 100.0)],
)
def test_statistics_over_a_hundred_values(cloud, stat, expected):
    """Each statistic of the values 1 to 100 is what it should be."""
    namespace = unique("Stat")
    put(cloud, namespace, "Latency", [float(value) for value in range(100, 0, -1)], version="1")
    assert total(cloud, namespace, "Latency", stat, version="1") == expected


def test_a_period_without_data_has_no_value(cloud):
    """A metric that is missing is not zero: no point is returned for it."""
    assert ask(cloud, unique("Nothing"), "Faults", "Sum") == []


def test_ten_second_periods_see_only_high_resolution_data_by_the_second(cloud):
    """A metric of standard resolution is kept by the minute, so that a period of 10 s sees it at second 0."""
    namespace = unique("Res")
    moment = datetime.now(UTC).replace(second=47, microsecond=0) - timedelta(minutes=2)
    put(cloud, namespace, "M", [1.0], resolution=1, timestamp=moment, kind="high")
    put(cloud, namespace, "M", [1.0], resolution=60, timestamp=moment, kind="standard")
    seen = {}
    for kind in ("high", "standard"):
        answer = cloud.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName="M",
            Dimensions=dims(kind=kind),
            StartTime=moment.replace(second=0),
            EndTime=moment.replace(second=0) + timedelta(minutes=1),
            Period=10,
            Statistics=["Sum"],
        )
        seen[kind] = [point["Timestamp"].second for point in answer["Datapoints"]]
    assert seen == {"high": [40], "standard": [0]}


def test_lambda_measures_invocations_errors_and_duration_by_function_alias_and_version(cloud):
    """AWS/Lambda has its three metrics by function, by the alias that was called, and by the version behind it."""
    function = cloud.client("lambda")
    name = make_function(cloud, "def handler(e, c):\n    assert not e.get('fail')\n")
    version = function.publish_version(FunctionName=name)["Version"]
    function.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    invoke(cloud, name, Qualifier="live")
    invoke(cloud, name, {"fail": True}, Qualifier="live")
    invoke(cloud, name)
    until(lambda: total(cloud, "AWS/Lambda", "Invocations", FunctionName=name) == 3.0)
    alias = {"FunctionName": name, "Resource": f"{name}:live"}
    until(lambda: total(cloud, "AWS/Lambda", "Errors", FunctionName=name) == 1.0)
    until(lambda: total(cloud, "AWS/Lambda", "Invocations", **alias) == 2.0)
    until(lambda: total(cloud, "AWS/Lambda", "Errors", **alias, ExecutedVersion=version) == 1.0)
    until(lambda: total(cloud, "AWS/Lambda", "Duration", "SampleCount", **alias) == 2.0)
    assert total(cloud, "AWS/Lambda", "Duration", "Maximum", **alias) > 0.0


def test_list_metrics_filters_by_name_and_dimension(cloud):
    """ListMetrics finds a metric by namespace, name and one of its dimensions."""
    namespace = unique("List")
    put(cloud, namespace, "Faults", [1.0], task="a", version="1")
    put(cloud, namespace, "Faults", [1.0], task="b", version="1")
    found = cloud.client("cloudwatch").list_metrics(
        Namespace=namespace, MetricName="Faults", Dimensions=[{"Name": "task", "Value": "a"}]
    )["Metrics"]
    assert [metric["Dimensions"] for metric in found] == [dims(task="a", version="1")]


def test_metrics_of_an_invocation_can_be_asked_for_within_a_second(cloud):
    """Evidence is fresh: what a function measured is there within a second of its answer."""
    name, namespace = make_function(cloud, EMBED), unique("Fresh")
    event = {"namespace": namespace, "version": "1", "latency": 5, "faults": 0}
    invoke(cloud, name, event)
    until(lambda: total(cloud, namespace, "Latency", "SampleCount", task="news"))

    def waited(count):
        invoke(cloud, name, event)
        began = time.monotonic()
        until(lambda: total(cloud, namespace, "Latency", "SampleCount", task="news") == count, every=0.02)
        return time.monotonic() - began

    # Where seconds pass before metrics can be read, no try of many is that quick; a busy machine spoils only some.
    assert any(waited(count) < 1.0 for count in range(2, 32))
