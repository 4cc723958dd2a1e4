"""Step Functions' `sagemaker:…` tasks, request-response and `.sync`, put into LocalStack's engine."""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError
from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
from localstack.services.stepfunctions.asl.component.common.error_name.custom_error_name import CustomErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import state_task_factory
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
    state_task_service,
    state_task_service_callback,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.resource import (
    ResourceCondition,
    ResourceRuntimePart,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
from localstack.services.stepfunctions.asl.jsonata import jsonata
from localstack.services.stepfunctions.asl.utils.boto_client import boto_client_for


@dataclass(frozen=True)
class SyncJob:
    """How to wait for what a Create… call starts."""

    name_field: str
    describe: str
    stop: str
    status_field: str
    success: str = "Completed"
    ended: frozenset[str] = frozenset({"Completed", "Failed", "Stopped"})


# One entry per integration; its operations are in jobs/provider.py.
_SYNC_JOBS: Final = {
    "createTrainingJob": SyncJob("TrainingJobName", "describe_training_job", "stop_training_job", "TrainingJobStatus"),
    "createProcessingJob": SyncJob(
        "ProcessingJobName", "describe_processing_job", "stop_processing_job", "ProcessingJobStatus"
    ),
    "createHyperParameterTuningJob": SyncJob(
        "HyperParameterTuningJobName",
        "describe_hyper_parameter_tuning_job",
        "stop_hyper_parameter_tuning_job",
        "HyperParameterTuningJobStatus",
    ),
}


_LOOK_SECONDS: Final = 0.25
_MODELED_ERRORS: Final = frozenset({"ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound", "ConflictException"})


def install() -> None:
    """Let the engine's factory build our task for ``arn:aws:states:::sagemaker:…``."""
    built_in: Callable[..., state_task_service.StateTaskService] = state_task_factory.state_task_service_for

    def state_task_service_for(service_name: str) -> state_task_service.StateTaskService:
        return SageMakerTask() if service_name == "sagemaker" else built_in(service_name=service_name)

    state_task_factory.state_task_service_for = state_task_service_for
    jsonata._JSONataJVMBridge.get = staticmethod(_refuse_jsonata)  # noqa: SLF001


def _refuse_jsonata() -> None:
    raise RuntimeError("The embedded cloud has no JSONata, which would download Java; write this state in JSONPath")


class SageMakerTask(state_task_service_callback.StateTaskServiceCallback):
    """A Task state on a SageMaker operation."""

    def __init__(self) -> None:
        # WaitForTaskToken is not meant for use: without it the engine ends a .sync task on a missing callback endpoint.
        super().__init__(supported_integration_patterns={ResourceCondition.Sync, ResourceCondition.WaitForTaskToken})

    def _get_supported_parameters(self) -> set[str] | None:
        try:
            model = self._get_boto_operation_model("sagemaker", self.resource.api_action)
        except RuntimeError:
            return None
        if self.resource.condition == ResourceCondition.Sync and self.resource.api_action not in _SYNC_JOBS:
            return None
        return set(model.input_shape.members)

    def _eval_service_task(
        self,
        env: Environment,
        resource_runtime_part: ResourceRuntimePart,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,  # noqa: ANN401
    ) -> None:
        client = boto_client_for("sagemaker", resource_runtime_part.region, state_credentials)
        response = getattr(client, self._get_boto_service_action())(**normalised_parameters)
        response.pop("ResponseMetadata", None)
        env.stack.append(response)

    def _build_sync_resolver(
        self,
        env: Environment,
        resource_runtime_part: ResourceRuntimePart,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,  # noqa: ANN401
    ) -> Callable[[], dict[str, Any] | None]:
        env.stack.pop()
        job = _SYNC_JOBS[self.resource.api_action]
        client = boto_client_for("sagemaker", resource_runtime_part.region, state_credentials)
        name = {job.name_field: normalised_parameters[job.name_field]}

        def resolve() -> dict[str, Any] | None:
            described: dict[str, Any] = getattr(client, job.describe)(**name)
            described.pop("ResponseMetadata", None)
            status = described[job.status_field]
            if status not in job.ended:
                return None
            plain: dict[str, Any] = _plain(described)
            if status == job.success:
                return plain
            raise FailureEventException(
                self._failure(env, StatesErrorName(StatesErrorNameType.StatesTaskFailed), json.dumps(plain))
            )

        self._stop_job = lambda: getattr(client, job.stop)(**name)
        return resolve

    def _eval_sync(self, env: Environment, sync_resolver: Callable[[], Any], **_: object) -> Any:  # noqa: ANN401
        """Wait for the job; when the execution was stopped or the task timed out, stop it.

        Not the engine's own wait: that one listens to the task token too, which the first attempt of a retried task
        uses up, so that every further attempt would end at once as a timeout.
        """
        while env.is_running():
            result = sync_resolver()
            if result is not None:
                return result
            time.sleep(_LOOK_SECONDS)
        with contextlib.suppress(ClientError):  # it may have ended by itself meanwhile
            self._stop_job()
        return None

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError):
            error, metadata = ex.response["Error"], ex.response["ResponseMetadata"]
            cause = (
                f"{error['Message']} (Service: AmazonSageMaker; Status Code: {metadata['HTTPStatusCode']}; "
                f"Error Code: {error['Code']}; Request ID: {metadata['RequestId']}; Proxy: null)"
            )
            # What the API's model names keeps its name; everything else is the Java client's base exception.
            # https://docs.aws.amazon.com/step-functions/latest/dg/sample-train-model.html
            name = f"{error['Code']}Exception" if error["Code"] in _MODELED_ERRORS else "AmazonSageMakerException"
            return self._failure(env, CustomErrorName(f"SageMaker.{name}"), cause)
        return super()._from_error(env=env, ex=ex)

    def _failure(self, env: Environment, error: Any, cause: str) -> FailureEvent:  # noqa: ANN401
        return FailureEvent(
            env=env,
            error_name=error,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(
                taskFailedEventDetails=TaskFailedEventDetails(
                    resourceType=self._get_sfn_resource_type(),
                    resource=self._get_sfn_resource(),
                    error=error.error_name,
                    cause=cause,
                )
            ),
        )


def _plain(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """Return a Describe answer as execution data: times are milliseconds since 1970, as Step Functions gives them."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case datetime():
            return round(value.timestamp() * 1000)
        case _:
            return value
