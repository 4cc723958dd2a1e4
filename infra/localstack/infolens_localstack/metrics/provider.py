"""CloudWatch's metrics and alarms as AWS has them; dashboards, tags, history and composite alarms are LocalStack's."""

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.cloudwatch import ResourceNotFound
from localstack.aws.connect import connect_to
from localstack.services.cloudwatch import provider_v2
from localstack.services.cloudwatch.models import LocalStackMetricAlarm, cloudwatch_stores
from localstack.utils.aws import arns

from infolens_localstack.metrics.evaluation import COMPARISONS, AlarmRule, judge
from infolens_localstack.metrics.scheduler import AlarmClock
from infolens_localstack.metrics.store import (
    STORE,
    MetricKey,
    Point,
    UnknownStatisticError,
    is_statistic,
    ordered,
    samples_of,
)

LOG = logging.getLogger(__name__)
_MINUTE: Final = 60
_MOST_POINTS: Final = 1440
_PERIODS_UNDER_A_MINUTE: Final = frozenset({10, 30})


class AlarmingCloudwatchProvider(provider_v2.CloudwatchProvider):
    """CloudWatch with exact dimensions, percentiles, and alarms that are evaluated every period."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics = STORE

    def on_before_state_reset(self) -> None:
        """Forget all metrics."""
        self.metrics.clear()
        super().on_before_state_reset()

    def start_alarm_scheduler(self) -> None:
        """Start the clock."""
        if not self.alarm_scheduler:
            self.alarm_scheduler = AlarmClock(self.evaluate_alarms)

    # Metrics.

    def put_metric_data(  # noqa: D102 (the API documents its operations)
        self, context: RequestContext, namespace: str, metric_data: list[dict[str, Any]] | None = None, **_: object
    ) -> None:
        provider_v2._validate_parameters_for_put_metric_data(metric_data or [])  # noqa: SLF001
        now = time.time()
        for datum in metric_data or []:
            dimensions = ordered(datum.get("Dimensions"))
            key = MetricKey(context.account_id, context.region, namespace, datum["MetricName"], dimensions)
            self.metrics.add(key, samples_of(datum, now))

    def get_metric_data(  # noqa: D102
        self,
        context: RequestContext,
        metric_data_queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str | None = None,
        **_: object,
    ) -> dict[str, Any]:
        results = []
        for query in metric_data_queries:
            if "MetricStat" not in query:
                raise _invalid(f"Query {query['Id']}: the embedded cloud has no metric math (Expression)")
            wanted = query["MetricStat"]
            metric = wanted["Metric"]
            key = _key(context, metric.get("Namespace"), metric.get("MetricName"), metric.get("Dimensions"))
            points = self._points(key, wanted["Stat"], wanted["Period"], start_time, end_time, wanted.get("Unit"))
            if scan_by != "TimestampAscending":
                points.reverse()
            if query.get("ReturnData", True):
                results.append(
                    {
                        "Id": query["Id"],
                        "Label": query.get("Label") or metric["MetricName"],
                        "StatusCode": "Complete",
                        "Timestamps": [datetime.fromtimestamp(point.timestamp, UTC) for point in points],
                        "Values": [point.value for point in points],
                    }
                )
        return {"MetricDataResults": results, "Messages": []}

    def get_metric_statistics(  # noqa: D102, PLR0913, PLR0917 (the API's own parameters)
        self,
        context: RequestContext,
        namespace: str,
        metric_name: str,
        start_time: datetime,
        end_time: datetime,
        period: int,
        dimensions: list[dict[str, str]] | None = None,
        statistics: list[str] | None = None,
        extended_statistics: list[str] | None = None,
        unit: str | None = None,
        **_: object,
    ) -> dict[str, Any]:
        if start_time >= end_time:
            raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
        asked = (end_time - start_time).total_seconds() / period
        if asked > _MOST_POINTS:
            raise CommonServiceException(
                "InvalidParameterCombination",
                f"You have requested up to {int(asked)} datapoints, which exceeds the limit of {_MOST_POINTS}. You may "
                "reduce the datapoints requested by increasing Period, or decreasing the time range.",
                400,
            )
        if not statistics and not extended_statistics:
            raise CommonServiceException(
                "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics", 400
            )
        key = _key(context, namespace, metric_name, dimensions)
        rows: dict[tuple[int, str], dict[str, Any]] = {}
        units = {unit} if unit else self.metrics.units(key, start_time.timestamp() - period, end_time.timestamp())
        for each in units:
            for statistic in (*(statistics or ()), *(extended_statistics or ())):
                for point in self._points(key, statistic, period, start_time, end_time, each):
                    when = datetime.fromtimestamp(point.timestamp, UTC)
                    row = rows.setdefault((point.timestamp, each), {"Timestamp": when, "Unit": each})
                    if statistic in (statistics or ()):
                        row[statistic] = point.value
                    else:
                        row.setdefault("ExtendedStatistics", {})[statistic] = point.value
        return {"Label": metric_name, "Datapoints": list(rows.values())}

    def list_metrics(  # noqa: D102
        self,
        context: RequestContext,
        namespace: str | None = None,
        metric_name: str | None = None,
        dimensions: list[dict[str, str]] | None = None,
        next_token: str | None = None,
        **_: object,
    ) -> dict[str, Any]:
        first, page = int(next_token or 0), provider_v2.LIST_METRICS_MAX_RESULTS
        found = [
            key
            for key in self.metrics.keys(context.account_id, context.region)
            if namespace in {None, key.namespace} and metric_name in {None, key.name} and _has(key, dimensions or [])
        ]
        listed = [
            {
                "Namespace": key.namespace,
                "MetricName": key.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in key.dimensions],
            }
            for key in found[first : first + page]
        ]
        more = {"NextToken": str(first + page)} if len(found) > first + page else {}
        return {"Metrics": listed, **more}

    def get_raw_metrics(self, _request: object) -> dict[str, Any]:
        """Return nothing: LocalStack's own window on its database."""
        return {"metrics": []}

    # Alarms.

    def put_metric_alarm(self, context: RequestContext, request: dict[str, Any]) -> None:  # noqa: D102
        _refuse_unknown_alarm(request)
        before = cloudwatch_stores[context.account_id][context.region].alarms.get(
            arns.cloudwatch_alarm_arn(request["AlarmName"], context.account_id, context.region)
        )
        kept = {
            name: before.alarm[name]
            for name in (
                "StateValue",
                "StateReason",
                "StateReasonData",
                "StateUpdatedTimestamp",
                "StateTransitionedTimestamp",
            )
            if before is not None and name in before.alarm
        }
        super().put_metric_alarm(context, request)
        # "When you update an existing alarm, its state is left unchanged"; LocalStack starts it anew.
        self._alarm(context.account_id, context.region, request["AlarmName"]).alarm.update(kept)

    def evaluate_alarms(self, now: int) -> None:
        """Bring every metric alarm that is due at ``now`` (a full ten seconds) to the state its data ask for."""
        for account, regions in list(cloudwatch_stores.items()):
            for region, store in list(regions.items()):
                for alarm in list(store.alarms.values()):
                    if isinstance(alarm, LocalStackMetricAlarm):
                        try:
                            self._evaluate(account, region, alarm.alarm, now)
                        except Exception:
                            LOG.exception("Alarm %s was not evaluated", alarm.alarm["AlarmName"])

    def set_alarm_state(  # noqa: D102
        self,
        context: RequestContext,
        alarm_name: str,
        state_value: str,
        state_reason: str,
        state_reason_data: str | None = None,
        **_: object,
    ) -> None:
        if state_value not in _ACTIONS:
            raise _invalid(f"StateValue must be one of {', '.join(_ACTIONS)}")
        with provider_v2._STORE_LOCK:  # noqa: SLF001
            store = cloudwatch_stores[context.account_id][context.region]
            found = store.alarms.get(arns.cloudwatch_alarm_arn(alarm_name, context.account_id, context.region))
            if found is None:
                raise ResourceNotFound
            before = dict(found.alarm)
            if before["StateValue"] == state_value:
                return
            found.alarm["StateTransitionedTimestamp"] = datetime.now(UTC)
            data = json.loads(state_reason_data) if state_reason_data else None
            self._update_state(context, found, state_value, state_reason, data)
            self._evaluate_composite_alarms(context, found)
        if before["ActionsEnabled"]:
            for action in before[_ACTIONS[state_value]]:
                _act(action, context.region, found, before)

    def _evaluate(self, account: str, region: str, alarm: dict[str, Any], now: int) -> None:
        period = alarm.get("Period")
        if period is None or (period >= _MINUTE and now % _MINUTE != 0):
            return
        count = alarm["EvaluationPeriods"]
        rule = AlarmRule(
            threshold=alarm["Threshold"],
            comparison=alarm["ComparisonOperator"],
            evaluation_periods=count,
            datapoints_to_alarm=alarm.get("DatapointsToAlarm", count),
            missing=alarm.get("TreatMissingData", "missing"),
        )
        # Under a minute, periods lie on multiples of themselves; from a minute on they end with each minute.
        end = now - now % min(period, _MINUTE)
        first = end - rule.periods_looked_at * period
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        key = MetricKey(account, region, alarm["Namespace"], alarm["MetricName"], ordered(alarm.get("Dimensions")))
        found = {p.timestamp: p for p in self.metrics.points(key, statistic, period, first, end, alarm.get("Unit"))}
        points = [found.get(first + place * period) for place in range(rule.periods_looked_at)]
        judgement = judge(rule, points)
        if judgement is None or judgement.state == alarm["StateValue"]:
            return
        data = {
            "version": "1.0",
            "queryDate": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
            "statistic": statistic,
            "period": period,
            "recentDatapoints": [point.value for point in points if point is not None],
            "threshold": rule.threshold,
        }
        connect_to(aws_access_key_id=account, region_name=region).cloudwatch.set_alarm_state(
            AlarmName=alarm["AlarmName"],
            StateValue=judgement.state,
            StateReason=judgement.reason[:1023],
            StateReasonData=json.dumps(data),
        )

    def _points(  # noqa: PLR0913, PLR0917 (a query)
        self, key: MetricKey, statistic: str, period: int, start: datetime, end: datetime, unit: str | None
    ) -> list[Point]:
        try:
            return self.metrics.points(key, statistic, period, start.timestamp(), end.timestamp(), unit)
        except UnknownStatisticError as error:
            raise _invalid(str(error)) from error

    @staticmethod
    def _alarm(account: str, region: str, name: str) -> LocalStackMetricAlarm:
        return cloudwatch_stores[account][region].alarms[arns.cloudwatch_alarm_arn(name, account, region)]


_ACTIONS: Final = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def _key(
    context: RequestContext, namespace: str | None, name: str | None, dimensions: list[dict[str, str]] | None
) -> MetricKey:
    return MetricKey(context.account_id, context.region, namespace or "", name or "", ordered(dimensions))


def _has(key: MetricKey, filters: list[dict[str, str]]) -> bool:
    return all(
        any(name == wanted["Name"] and wanted.get("Value") in {None, value} for name, value in key.dimensions)
        for wanted in filters
    )


def _invalid(message: str) -> CommonServiceException:
    return CommonServiceException("InvalidParameterValue", message, 400)


def _refuse_unknown_alarm(request: dict[str, Any]) -> None:
    """Refuse alarms that would never be evaluated: better an error now than silence later."""
    if "Metrics" in request:
        raise _invalid("The embedded cloud has no metric math (Metrics); name MetricName and Statistic")
    if request.get("ComparisonOperator") not in COMPARISONS:
        raise _invalid(f"The embedded cloud has no comparison {request.get('ComparisonOperator')}")
    if not is_statistic(request.get("Statistic") or request.get("ExtendedStatistic") or ""):
        raise _invalid("Statistic must be a basic one, or ExtendedStatistic a percentile such as p95")
    period = request.get("Period", 0)
    if period not in _PERIODS_UNDER_A_MINUTE and (period <= 0 or period % _MINUTE):
        raise CommonServiceException("ValidationError", "Metric period must be 10, 30 or a multiple of 60", 400)
    least = request.get("DatapointsToAlarm", 1)
    if least > request["EvaluationPeriods"]:
        raise CommonServiceException(
            "ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods", 400
        )


def _act(action: str, region: str, alarm: LocalStackMetricAlarm, before: dict[str, Any]) -> None:
    """Take one action; one that fails is logged and does not hinder the next."""
    parts = action.split(":")
    service, clients = parts[2], connect_to(region_name=parts[3], aws_access_key_id=parts[4])
    name, state = alarm.alarm["AlarmName"], alarm.alarm["StateValue"]
    try:
        if service == "lambda":
            # Asynchronously, and at the alias or version that the ARN names: LocalStack waits, and drops the qualifier.
            qualifier = {"Qualifier": parts[7]} if len(parts) > 7 else {}
            event = json.dumps(_event(alarm, before)).encode()
            clients.lambda_.invoke(FunctionName=parts[6], InvocationType="Event", Payload=event, **qualifier)
        elif service == "sns":
            message = provider_v2.create_message_response_update_state_sns(alarm, before["StateValue"])
            clients.sns.publish(TopicArn=action, Subject=f'{state}: "{name}" in {region}', Message=message)
        else:
            LOG.warning("Alarm %s: the embedded cloud takes no action of service %s", name, service)
    except Exception:
        LOG.exception("Alarm %s: action %s failed", name, action)


def _event(alarm: LocalStackMetricAlarm, before: dict[str, Any]) -> dict[str, Any]:
    """Return the event a Lambda action gets, of the shape that CloudWatch sends."""
    now = alarm.alarm
    metric_stat: dict[str, Any] = {
        "metric": {
            "namespace": now["Namespace"],
            "name": now["MetricName"],
            "dimensions": {entry["Name"]: entry["Value"] for entry in now.get("Dimensions", [])},
        },
        "period": now["Period"],
        "stat": now.get("Statistic") or now.get("ExtendedStatistic"),
    }
    if "Unit" in now:
        metric_stat["unit"] = now["Unit"]
    return {
        "source": "aws.cloudwatch",
        "alarmArn": now["AlarmArn"],
        "accountId": alarm.account_id,
        "time": _stamp(now["StateUpdatedTimestamp"]),
        "region": alarm.region,
        "alarmData": {
            "alarmName": now["AlarmName"],
            "state": _state(now),
            "previousState": _state(before),
            "configuration": {
                "description": now.get("AlarmDescription", ""),
                "metrics": [{"id": "m1", "metricStat": metric_stat, "returnData": True}],
            },
        },
    }


def _state(alarm: dict[str, Any]) -> dict[str, Any]:
    data = {"reasonData": alarm["StateReasonData"]} if "StateReasonData" in alarm else {}
    return {
        "value": alarm["StateValue"],
        "reason": alarm["StateReason"],
        **data,
        "timestamp": _stamp(alarm["StateUpdatedTimestamp"]),
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
