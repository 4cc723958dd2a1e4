"""Reads the stack's outputs: the names of buckets, tables, functions and state machines, and where the API is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens_cli.context import Target


@dataclass(frozen=True)
class Stack:
    """The outputs of template.yaml that operators need; field `data_bucket` is output DataBucket."""

    uploads_bucket: str
    data_bucket: str
    models_bucket: str
    models_table: str
    rollouts_table: str
    observations_table: str
    predict_function_prefix: str
    training_state_machine_arn: str
    rollout_state_machine_arn: str
    api_url: str
    api_key_id: str
    # Without these a test stands in for a stack just as well; a deployed one lacks none of them (`from_outputs`).
    labelled_dead_letters: str = ""
    batch_dead_letters: str = ""
    failed_take_backs: str = ""
    take_back_function_arn: str = ""

    def predict_function(self, task: str) -> str:
        """Name of a task's predict function."""
        return f"{self.predict_function_prefix}{task}"


def output_name(field: str) -> str:
    """Name of the output that fills a field."""
    return "".join(word.capitalize() for word in field.split("_"))


def from_outputs(outputs: Mapping[str, str], target: Target) -> Stack:
    """Build the record.

    Raises:
        Trouble: the stack lacks an output, so it comes from another template.
    """
    missing = [output_name(field.name) for field in fields(Stack) if output_name(field.name) not in outputs]
    if missing:
        raise Trouble(
            f"stack {target.stack} has no output {', '.join(missing)}",
            "it was deployed from another template; `infolens deploy` brings it up to date",
        )
    values = {field.name: outputs[output_name(field.name)] for field in fields(Stack)}
    return Stack(**{**values, "api_url": reachable_api(values["api_url"], target)})


def reachable_api(url: str, target: Target) -> str:
    """Turn the API's address on AWS into the one that the target answers at, without a trailing slash.

    An embedded cloud has no DNS of its own: the host's first label, the id of the API, goes into the path.
    """
    parts = urlsplit(url)
    if not target.embedded or ".execute-api." not in (parts.hostname or ""):
        return url.rstrip("/")
    api_id = (parts.hostname or "").partition(".")[0]
    return f"{target.endpoint.rstrip('/')}/_aws/execute-api/{api_id}{parts.path}".rstrip("/")


def read_outputs(cloudformation: Any, target: Target) -> dict[str, str]:  # noqa: ANN401 - a boto3 client
    """Read the outputs of the deployed stack.

    Raises:
        Trouble: there is no such stack, or it is not in a state that serves.
    """
    try:
        found = cloudformation.describe_stacks(StackName=target.stack)["Stacks"][0]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ValidationError":  # CloudFormation's "does not exist"
            raise
        raise Trouble(
            f"stack {target.stack} is not deployed to the {target.words.partition(',')[0]}",
            "`infolens deploy` deploys it; `infolens --stack NAME …` chooses another one",
        ) from error
    if found["StackStatus"] in {"ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_COMPLETE", "ROLLBACK_FAILED"}:
        raise Trouble(f"stack {target.stack} is in state {found['StackStatus']}", "deploy it again: `infolens deploy`")
    return {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", ())}


def read_api_key(apigateway: Any, stack: Stack) -> str:  # noqa: ANN401 - a boto3 client
    """Read the value of the API key that callers send as `x-api-key`."""
    return str(apigateway.get_api_key(apiKey=stack.api_key_id, includeValue=True)["value"])
