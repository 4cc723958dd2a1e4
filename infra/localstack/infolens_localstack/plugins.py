"""Where LocalStack finds us: each function here is an entry point of pyproject.toml.

Imports stay inside the functions: LocalStack resolves every entry point at start, and loads a service on first use.
"""

import importlib.metadata
from typing import TYPE_CHECKING

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import Service, aws_provider

if TYPE_CHECKING:
    from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

VERSION = importlib.metadata.version("infolens-localstack")


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """``LAMBDA_RUNTIME_EXECUTOR=process``: Lambda functions as processes of this machine."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> "type[RuntimeExecutor]":
        """Return the executor class."""
        from infolens_localstack.functions.executor import ProcessExecutor  # noqa: PLC0415

        return ProcessExecutor


@aws_provider(api="lambda", name="infolens")
def lambda_() -> Service:
    """Lambda with an UpdateAlias that works."""
    from infolens_localstack.functions.provider import AliasRepairedLambdaProvider  # noqa: PLC0415

    return Service.for_provider(AliasRepairedLambdaProvider())


@aws_provider(api="cloudwatch", name="infolens")
def cloudwatch() -> Service:
    """CloudWatch with percentiles, exact dimensions and alarms evaluated every period."""
    from infolens_localstack.metrics.provider import AlarmingCloudwatchProvider  # noqa: PLC0415

    return Service.for_provider(AlarmingCloudwatchProvider())


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """DynamoDB from moto: LocalStack's own downloads a Java program.

    One operation at a time: a transaction of moto's that fails puts back all tables as they were, and with them
    whatever others have written meanwhile.
    """
    from infolens_localstack.moto_service import service_from_moto  # noqa: PLC0415

    return service_from_moto("dynamodb", {}, one_at_a_time=True)


@aws_provider(api="sagemaker")
def sagemaker() -> Service:
    """SageMaker: jobs as processes, everything else from moto."""
    from infolens_localstack.jobs.provider import job_operations  # noqa: PLC0415
    from infolens_localstack.moto_service import service_from_moto  # noqa: PLC0415

    return service_from_moto("sagemaker", job_operations())


@hooks.on_infra_start()
def install_integrations() -> None:
    """Mend what is no service of its own: Step Functions' sagemaker tasks, the API's refusals, stacks, events, logs."""
    from infolens_localstack import (  # noqa: PLC0415
        dynamodb_queries,
        gateway_responses,
        log_subscriptions,
        s3_events,
        s3_storage,
        stack_pace,
        stack_updates,
        step_functions,
    )

    s3_storage.install()
    dynamodb_queries.install()
    gateway_responses.install()
    log_subscriptions.install()
    s3_events.install()
    stack_pace.install()
    stack_updates.install()
    step_functions.install()


@hooks.on_infra_shutdown()
def end_processes() -> None:
    """Leave no function and no job behind when the cloud stops in good order."""
    from infolens_localstack.processes import end_all  # noqa: PLC0415

    end_all()
