"""CloudWatch alarms in the embedded cloud: when they change, and that they reach their function."""

import json

import pytest

from cloud_parts import log_lines, make_function, unique, until

pytestmark = pytest.mark.cloud

TELL = "import json\ndef handler(event, context): print('ALARMED ' + json.dumps(event))\n"


@pytest.fixture(scope="module")
def listener(cloud):
    """A function that logs the alarms it is called with; its name and the ARN of its alias."""
    function = cloud.client("lambda")
    name = make_function(cloud, TELL)
    version = function.publish_version(FunctionName=name)["Version"]
    alias = function.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return name, alias["AliasArn"]


def put_alarm(cloud, namespace, **changes):
    """Create an alarm on the high-resolution metric Faults of version 2 and return its name."""
    name = unique("alarm")
    rule = {
        "Namespace": namespace,
        "MetricName": "Faults",
        "Dimensions": [{"Name": "task", "Value": "news"}, {"Name": "version", "Value": "2"}],
        "Statistic": "Average",
        "Period": 10,
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }
    if "ExtendedStatistic" in changes:
        del rule["Statistic"]
    cloud.client("cloudwatch").put_metric_alarm(AlarmName=name, **rule)
    return name


def put(cloud, namespace, values, metric="Faults", version="2"):
    """Put high-resolution values now."""
    dimensions = [{"Name": "task", "Value": "news"}, {"Name": "version", "Value": version}]
    datum = {"MetricName": metric, "Dimensions": dimensions, "Values": values, "StorageResolution": 1}
    cloud.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def state(cloud, name):
    """Return an alarm's state."""
    return cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def told(cloud, listener, name):
    """Return the events that the listener got from one alarm."""
    lines = log_lines(cloud, f"/aws/lambda/{listener[0]}")
    events = [json.loads(line.removeprefix("ALARMED ")) for line in lines if line.startswith("ALARMED")]
    return [event for event in events if event["alarmData"]["alarmName"] == name]


@pytest.fixture(scope="module", autouse=True)
def quiet(cloud):
    """Two alarms without data, made before the first test so that its waiting serves them too."""
    namespace = unique("Quiet")
    return [put_alarm(cloud, namespace, TreatMissingData=treatment) for treatment in ("notBreaching", "missing")]


def test_bad_values_alarm_within_two_periods_and_the_function_is_told(cloud, listener):
    """One bad period of ten seconds sets off the alarm and its function; a healthy version's alarm is silent."""
    namespace = unique("Alarm")
    bad = put_alarm(cloud, namespace, AlarmActions=[listener[1]])
    latency = put_alarm(
        cloud,
        namespace,
        MetricName="Latency",
        ExtendedStatistic="p90",
        Threshold=250.0,
        AlarmActions=[listener[1]],
    )
    patient = put_alarm(cloud, namespace, EvaluationPeriods=3, DatapointsToAlarm=2, AlarmActions=[listener[1]])
    healthy = put_alarm(
        cloud,
        namespace,
        Dimensions=[{"Name": "task", "Value": "news"}, {"Name": "version", "Value": "1"}],
        AlarmActions=[listener[1]],
    )
    put(cloud, namespace, [0.0, 1.0, 1.0])
    put(cloud, namespace, [0.0] * 9, version="1")
    put(cloud, namespace, [100.0] * 8 + [900.0] * 2, metric="Latency")
    until(lambda: told(cloud, listener, bad))
    until(lambda: told(cloud, listener, latency))
    event = told(cloud, listener, bad)[0]
    assert event["source"] == "aws.cloudwatch"
    assert event["alarmArn"] == f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{bad}"
    assert event["alarmData"]["state"]["value"] == "ALARM"
    # OK where a period without data ended between the alarm's making and the first value.
    assert event["alarmData"]["previousState"]["value"] in {"INSUFFICIENT_DATA", "OK"}
    assert "1 out of the last 1 datapoints [0.66" in event["alarmData"]["state"]["reason"]
    stat = event["alarmData"]["configuration"]["metrics"][0]["metricStat"]
    assert stat["metric"] == {"namespace": namespace, "name": "Faults", "dimensions": {"task": "news", "version": "2"}}
    assert (stat["period"], stat["stat"]) == (10, "Average")
    assert told(cloud, listener, latency)[0]["alarmData"]["configuration"]["metrics"][0]["metricStat"]["stat"] == "p90"
    # One bad period of the two that it asks for, and a version without faults: no alarm.
    until(lambda: state(cloud, patient) == "OK")
    until(lambda: state(cloud, healthy) == "OK")
    assert not told(cloud, listener, patient)
    assert not told(cloud, listener, healthy)


def test_alarm_without_data_is_ok_or_insufficient_as_it_was_asked(cloud, quiet):
    """Missing data leave one alarm OK and the other without a state."""
    fine, unsure = quiet
    until(lambda: state(cloud, fine) == "OK")
    assert state(cloud, unsure) == "INSUFFICIENT_DATA"


def test_state_set_by_hand_calls_the_action_once(cloud, listener):
    """SetAlarmState acts like an evaluation: the action is called when the state changes, and only then."""
    name = put_alarm(cloud, unique("Hand"), AlarmActions=[listener[1]], Period=60, TreatMissingData="ignore")
    for _ in range(2):
        cloud.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    # The listener is told in order: a second call, were there one, would come before this one.
    after = put_alarm(cloud, unique("After"), AlarmActions=[listener[1]], Period=60, TreatMissingData="ignore")
    cloud.client("cloudwatch").set_alarm_state(AlarmName=after, StateValue="ALARM", StateReason="by hand")
    until(lambda: told(cloud, listener, after))
    assert len(told(cloud, listener, name)) == 1


def test_disabled_actions_are_not_called(cloud, listener):
    """An alarm with ActionsEnabled false changes its state and calls nobody."""
    name = put_alarm(
        cloud, unique("Off"), AlarmActions=[listener[1]], ActionsEnabled=False, Period=60, TreatMissingData="ignore"
    )
    other = put_alarm(cloud, unique("On"), AlarmActions=[listener[1]], Period=60, TreatMissingData="ignore")
    for each in (name, other):
        cloud.client("cloudwatch").set_alarm_state(AlarmName=each, StateValue="ALARM", StateReason="by hand")
    until(lambda: told(cloud, listener, other))
    assert state(cloud, name) == "ALARM"
    assert not told(cloud, listener, name)


def test_update_of_an_alarm_keeps_its_state(cloud):
    """PutMetricAlarm over an existing alarm changes its rule and leaves its state unchanged."""
    cloudwatch = cloud.client("cloudwatch")
    name = put_alarm(cloud, unique("Keep"), Period=60, TreatMissingData="ignore")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    before = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    kept = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator")
    rule = {field: before[field] for field in kept}
    cloudwatch.put_metric_alarm(AlarmName=name, Threshold=0.9, TreatMissingData="ignore", **rule)
    after = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    assert (after["StateValue"], after["Threshold"]) == ("ALARM", 0.9)


def test_deleted_alarm_is_gone(cloud):
    """DeleteAlarms removes an alarm; its history stays."""
    cloudwatch = cloud.client("cloudwatch")
    name = put_alarm(cloud, unique("Gone"), Period=60, TreatMissingData="ignore")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
    history = cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]


@pytest.mark.parametrize(
    "changes",
    [{"Period": 15}, {"DatapointsToAlarm": 2}, {"ExtendedStatistic": "tm90"}],
)
def test_alarm_that_aws_would_refuse_is_refused(cloud, changes):
    """A wrong period, more datapoints than periods, an unknown statistic: refused, not silently never evaluated."""
    with pytest.raises(cloud.client("cloudwatch").exceptions.ClientError):
        put_alarm(cloud, unique("Bad"), **changes)
