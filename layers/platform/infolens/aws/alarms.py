"""The second brake of a rollout: two CloudWatch alarms on the candidate, whose action takes the alias back at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from infolens.aws.clients import client
from infolens.aws.metrics import version_dimensions
from infolens.contracts.prediction import METRIC_FAULTS, METRIC_LATENCY, METRIC_NAMESPACE
from infolens.settings import MissingSettingError

if TYPE_CHECKING:
    from infolens.contracts.rollout import AlarmLimits, RolloutRecord

_PREFIX = "infolens-rollout"
"""Policies in template.yaml allow alarms named infolens-*."""
_FAULTS = "faults"
_LATENCY = "latency"


class Alarms(Protocol):
    """What use cases need of a rollout's alarms; fakes keep a set."""

    def create(self, record: RolloutRecord, limits: AlarmLimits) -> None:
        """Watch the candidate; the same alarms again change nothing."""

    def firing(self, record: RolloutRecord) -> tuple[str, ...]:
        """Names of the rollout's alarms in state ALARM."""

    def delete(self, record: RolloutRecord) -> None:
        """Stop watching; alarms that are gone already are fine."""


@dataclass(frozen=True)
class AlarmName:
    """Which rollout an alarm belongs to. Neither task names nor the last part have dots, so the name reads back."""

    task: str
    rollout_id: str
    kind: str

    def __str__(self) -> str:
        return f"{_PREFIX}.{self.task}.{self.rollout_id}.{self.kind}"


def parse_alarm_name(name: str) -> AlarmName | None:
    """Find the rollout in an alarm's name; None when the alarm is none of ours."""
    prefix, _, rest = name.partition(".")
    task, _, rest = rest.partition(".")
    rollout_id, _, kind = rest.rpartition(".")
    if prefix != _PREFIX or not task or not rollout_id or kind not in {_FAULTS, _LATENCY}:
        return None
    return AlarmName(task, rollout_id, kind)


def alarm_names(record: RolloutRecord) -> tuple[str, str]:
    """Names of the two alarms of a rollout."""
    return (
        str(AlarmName(record.task, record.rollout_id, _FAULTS)),
        str(AlarmName(record.task, record.rollout_id, _LATENCY)),
    )


def build_alarms(record: RolloutRecord, limits: AlarmLimits, action_arn: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build both PutMetricAlarm requests.

    Missing data is no breach: silence is the state machine's business, which never promotes on it.
    """
    faults, latency = alarm_names(record)
    shared = {
        "Namespace": METRIC_NAMESPACE,
        "Dimensions": version_dimensions(record.task, record.candidate),
        "Period": limits.period_seconds,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [action_arn],
    }
    about = f"version {record.candidate} of {record.task} during rollout {record.rollout_id}"
    return (
        {
            **shared,
            "AlarmName": faults,
            "AlarmDescription": f"handled 5xx of {about}",
            "MetricName": METRIC_FAULTS,
            "Statistic": "Sum",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": float(limits.faults_per_period),
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
        },
        {
            **shared,
            "AlarmName": latency,
            "AlarmDescription": f"mean warm latency of {about}",
            "MetricName": METRIC_LATENCY,
            "Statistic": "Average",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": limits.latency_ms,
            "EvaluationPeriods": limits.min_latency_periods,
            "DatapointsToAlarm": limits.min_latency_periods,
        },
    )


class CloudWatchAlarms:
    """`Alarms` on CloudWatch."""

    def __init__(self, action_arn: str, cloudwatch: Any = None) -> None:  # noqa: ANN401 - a boto3 client
        """Take the function that alarms call, and a boto3 CloudWatch client or this process's own one."""
        self._action_arn = action_arn
        self._cloudwatch = cloudwatch or client("cloudwatch")

    def create(self, record: RolloutRecord, limits: AlarmLimits) -> None:
        """See Alarms."""
        if not self._action_arn:
            raise MissingSettingError("environment variable TAKE_BACK_FUNCTION_ARN is not set: alarms have no action")
        for request in build_alarms(record, limits, self._action_arn):
            self._cloudwatch.put_metric_alarm(**request)

    def firing(self, record: RolloutRecord) -> tuple[str, ...]:
        """See Alarms."""
        return tuple(alarm["AlarmName"] for alarm in self._present(record) if alarm["StateValue"] == "ALARM")

    def delete(self, record: RolloutRecord) -> None:
        """See Alarms. DeleteAlarms deletes nothing when one of its names is unknown, so it is given those there are."""
        names = [alarm["AlarmName"] for alarm in self._present(record)]
        if not names:
            return
        try:
            self._cloudwatch.delete_alarms(AlarmNames=names)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceNotFound", "ResourceNotFoundException"}:
                raise

    def _present(self, record: RolloutRecord) -> list[dict[str, Any]]:
        answer = self._cloudwatch.describe_alarms(AlarmNames=list(alarm_names(record)), AlarmTypes=["MetricAlarm"])
        return list(answer["MetricAlarms"])
