"""Makes a second deployment of the same stack change what LocalStack leaves as it was: alarms, the API, buckets.

LocalStack answers "updated" for resource types whose update it does not have. GAPS.md lists those that remain.
"""

import contextlib
import json
from types import SimpleNamespace
from typing import Any, Final

from localstack.services.apigateway.resource_providers.aws_apigateway_deployment import ApiGatewayDeploymentProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_restapi import ApiGatewayRestApiProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_stage import ApiGatewayStageProvider
from localstack.services.cloudformation.engine.v2.change_set_model import (
    ChangeSetEntity,
    ChangeSetModel,
    ChangeType,
    NodeIntrinsicFunction,
    NodeProperties,
    TerminalValue,
)
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceRequest
from localstack.services.cloudwatch.resource_providers.aws_cloudwatch_alarm import CloudWatchAlarmProvider
from localstack.services.s3.resource_providers.aws_s3_bucket import S3BucketProvider

_WHOLE_NUMBERS: Final = ("Period", "EvaluationPeriods", "DatapointsToAlarm")


def install() -> None:
    """Put our versions into LocalStack's resource providers."""
    create_alarm = CloudWatchAlarmProvider.create

    def create_alarm_with_numbers(
        self: CloudWatchAlarmProvider, request: ResourceRequest[dict[str, Any]]
    ) -> ProgressEvent[dict[str, Any]]:
        # A parameter of Type: Number arrives as text; CloudFormation itself makes a number of it.
        model = request.desired_state
        model.update({name: int(model[name]) for name in _WHOLE_NUMBERS if name in model})
        if "Threshold" in model:
            model["Threshold"] = float(model["Threshold"])
        return create_alarm(self, request)

    def update_alarm(
        self: CloudWatchAlarmProvider, request: ResourceRequest[dict[str, Any]]
    ) -> ProgressEvent[dict[str, Any]]:
        request.desired_state["AlarmName"] = (request.previous_state or {})["AlarmName"]
        return create_alarm_with_numbers(self, request)

    needs_replacement = ChangeSetModel._resolve_requires_replacement  # noqa: SLF001

    def needs_replacement_itself(
        self: ChangeSetModel, node_properties: NodeProperties, resource_type: TerminalValue
    ) -> bool:
        # A !Ref of a resource that is updated in place still names the same thing. LocalStack takes it for a change and
        # replaces what refers to it: a stage when its API changes, which then fails as "Stage already exists".
        own = [node for node in node_properties.properties if not _changed_by_another(node.value)]
        return needs_replacement(self, SimpleNamespace(properties=own), resource_type)

    ChangeSetModel._resolve_requires_replacement = needs_replacement_itself  # noqa: SLF001
    CloudWatchAlarmProvider.create = create_alarm_with_numbers
    CloudWatchAlarmProvider.update = update_alarm
    ApiGatewayDeploymentProvider.delete = _delete_deployment
    ApiGatewayRestApiProvider.update = _update_api
    ApiGatewayStageProvider.update = _update_stage
    S3BucketProvider.update = _update_bucket


def _changed_by_another(value: ChangeSetEntity) -> bool:
    """Return whether a property's text is as it was, and only a resource that it refers to has changed."""
    return isinstance(value, NodeIntrinsicFunction) and value.arguments.change_type == ChangeType.UNCHANGED


def _done(request: ResourceRequest[dict[str, Any]], *kept: str) -> ProgressEvent[dict[str, Any]]:
    """Return success with the new model and what the old one knew of the real resource."""
    before = request.previous_state or {}
    model = {**request.desired_state, **{name: before[name] for name in kept if name in before}}
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model, custom_context=request.custom_context)


def _update_api(_self: object, request: ResourceRequest[dict[str, Any]]) -> ProgressEvent[dict[str, Any]]:
    """Write the API's definition over the old one; the next deployment serves it."""
    body = request.desired_state.get("Body")
    if body:
        request.aws_client_factory.apigateway.put_rest_api(
            restApiId=(request.previous_state or {})["RestApiId"],
            mode="overwrite",
            body=(json.dumps(body) if isinstance(body, dict) else body).encode(),
            parameters={"basepath": "ignore"},
        )
    return _done(request, "Name", "RestApiId", "RootResourceId")


def _delete_deployment(_self: object, request: ResourceRequest[dict[str, Any]]) -> ProgressEvent[dict[str, Any]]:
    """Delete a deployment with the stages that serve it; LocalStack deletes those that serve another one, too."""
    api, model = request.aws_client_factory.apigateway, request.desired_state
    with contextlib.suppress(api.exceptions.NotFoundException):
        for stage in api.get_stages(restApiId=model["RestApiId"])["item"]:
            if stage["deploymentId"] == model["DeploymentId"]:
                api.delete_stage(restApiId=model["RestApiId"], stageName=stage["stageName"])
        api.delete_deployment(restApiId=model["RestApiId"], deploymentId=model["DeploymentId"])
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model, custom_context=request.custom_context)


def _update_stage(_self: object, request: ResourceRequest[dict[str, Any]]) -> ProgressEvent[dict[str, Any]]:
    """Let the stage serve the new deployment."""
    model, before = request.desired_state, request.previous_state or {}
    request.aws_client_factory.apigateway.update_stage(
        restApiId=model["RestApiId"],
        stageName=before["StageName"],
        patchOperations=[{"op": "replace", "path": "/deploymentId", "value": model["DeploymentId"]}],
    )
    return _done(request, "StageName")


def _update_bucket(self: S3BucketProvider, request: ResourceRequest[dict[str, Any]]) -> ProgressEvent[dict[str, Any]]:
    """Renew the bucket's notifications and versioning."""
    s3, model, before = request.aws_client_factory.s3, request.desired_state, request.previous_state or {}
    model["BucketName"] = before["BucketName"]
    notifications = self._get_s3_bucket_notification_config(model)
    s3.put_bucket_notification_configuration(
        **(notifications or {"Bucket": model["BucketName"], "NotificationConfiguration": {}})
    )
    if versioning := model.get("VersioningConfiguration"):
        s3.put_bucket_versioning(
            Bucket=model["BucketName"], VersioningConfiguration={"Status": versioning.get("Status", "Suspended")}
        )
    return _done(request, "BucketName", "Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL")
