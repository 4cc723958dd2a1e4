"""The alarms of a rollout: names that read back, requests that CloudWatch takes, and clean removal, against moto."""

import boto3
import pytest
from moto import mock_aws

from infolens.aws.alarms import AlarmName, CloudWatchAlarms, alarm_names, build_alarms, parse_alarm_name
from infolens.settings import MissingSettingError
from rollout_fakes import ALARMS, record

ACTION = "arn:aws:lambda:us-east-1:123456789012:function:infolens-take-back"


@pytest.fixture
def cloudwatch(monkeypatch):
    """An empty CloudWatch."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="us-east-1")


@pytest.mark.parametrize("rollout_id", ["r1", "news_category-7-20260301T120000", "a.b.c", "x" * 80])
def test_a_name_reads_back(rollout_id):
    """Execution names may have dots and dashes, task names underscores."""
    for name in alarm_names(record(rollout_id=rollout_id)):
        parsed = parse_alarm_name(name)
        assert (parsed.task, parsed.rollout_id, str(parsed)) == ("news_category", rollout_id, name)


@pytest.mark.parametrize("name", ["", "cpu", "infolens-rollout.t.faults", "infolens-rollout.t.r.cpu", "x.t.r.faults"])
def test_other_names_are_none_of_ours(name):
    """Anybody may point an alarm at the function."""
    assert parse_alarm_name(name) is None


def test_the_longest_name_fits():
    """CloudWatch takes 255 characters; an execution name has 80 at most, task names here up to 20."""
    assert len(str(AlarmName("movie_recommendation", "x" * 80, "latency"))) <= 255


def test_the_faults_alarm_fires_at_its_limit():
    """Sum >= limit within one period, of the candidate's version alone, and silence is no breach."""
    faults, latency = build_alarms(record(), ALARMS, ACTION)

    assert faults == {
        "AlarmName": "infolens-rollout.news_category.r1.faults",
        "AlarmDescription": "handled 5xx of version 2 of news_category during rollout r1",
        "Namespace": "InfoLens",
        "MetricName": "Faults",
        "Dimensions": [{"Name": "model_version", "Value": "2"}, {"Name": "task", "Value": "news_category"}],
        "Statistic": "Sum",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 3.0,
        "Period": 10,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [ACTION],
    }
    assert (latency["MetricName"], latency["Statistic"], latency["Threshold"]) == ("Latency", "Average", 400.0)
    assert (latency["EvaluationPeriods"], latency["DatapointsToAlarm"]) == (2, 2)


def test_alarms_come_and_go(cloudwatch):
    """Creating twice and deleting twice are fine."""
    alarms = CloudWatchAlarms(ACTION, cloudwatch)
    alarms.create(record(), ALARMS)
    alarms.create(record(), ALARMS)
    assert {alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]} == set(alarm_names(record()))

    alarms.delete(record())
    alarms.delete(record())

    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_deleting_leaves_other_alarms_alone(cloudwatch):
    """Those of other rollouts and of other people."""
    alarms = CloudWatchAlarms(ACTION, cloudwatch)
    alarms.create(record(), ALARMS)
    alarms.create(record(rollout_id="r2"), ALARMS)
    cloudwatch.delete_alarms(AlarmNames=[alarm_names(record())[0]])

    alarms.delete(record())

    left = {alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert left == set(alarm_names(record(rollout_id="r2")))


def test_a_firing_alarm_is_named(cloudwatch):
    """The state machine reads the state itself, in case the action got lost."""
    alarms = CloudWatchAlarms(ACTION, cloudwatch)
    alarms.create(record(), ALARMS)
    assert alarms.firing(record()) == ()

    name = alarm_names(record())[0]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="planted")

    assert alarms.firing(record()) == (name,)


def test_alarms_without_an_action_are_refused(cloudwatch):
    """A brake that is tied to nothing is none."""
    with pytest.raises(MissingSettingError, match="TAKE_BACK_FUNCTION_ARN"):
        CloudWatchAlarms("", cloudwatch).create(record(), ALARMS)

    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
