"""Published versions of a predict function: pins a bundle in the configuration, waits, publishes, and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import ClientError, WaiterError

from infolens.aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Mapping

_WAIT = {"Delay": 1, "MaxAttempts": 50}  # the waiters' own delay is 5 s; an update takes one or two

_SNAPSHOT_WAIT = {"Delay": 1, "MaxAttempts": 200}
"""With SnapStart a version is active once its init phase has run and its snapshot is taken: some minutes. All waits end
within the 300 s that registering may take."""


class PublishError(RuntimeError):
    """A version could not be published as asked; nothing points to it."""


class NoPredictFunctionError(PublishError):
    """The task has no predict function: its stanza in template.yaml is missing or not deployed."""


class StaleFunctionError(PublishError):
    """Somebody else changed the function meanwhile; trying again is safe."""


class WrongVersionError(PublishError):
    """The published configuration does not pin what was asked for."""


class Versions(Protocol):
    """What use cases need of published versions; fakes keep a dict."""

    def publish(self, function: str, pins: Mapping[str, str], description: str) -> str:
        """Publish a version whose environment holds `pins`, and return its number. Raises PublishError."""


class LambdaVersions:
    """`Versions` on Lambda."""

    def __init__(self, functions: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take a boto3 Lambda client, or this process's own one."""
        self._lambda = functions or client("lambda")

    def publish(self, function: str, pins: Mapping[str, str], description: str) -> str:
        """See Versions.

        The order must not change: a version that is published before the update has ended has the old configuration
        (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html).
        """
        try:
            present = self._settled(function)
            if not _holds(present, pins):
                self._pin(function, present, pins)
                present = self._settled(function)
            if not _holds(present, pins):
                raise StaleFunctionError(f"{function} was given another bundle while {dict(pins)} was being pinned")
            published = self._lambda.publish_version(
                FunctionName=function, RevisionId=present["RevisionId"], Description=description[:256]
            )
            return self._check(function, str(published["Version"]), pins)
        except ClientError as error:
            raise _translated(error, function) from error
        except WaiterError as error:
            last = error.last_response
            if "Error" in last:  # a waiter swallows the client's error and keeps its answer
                raise _translated(ClientError(last, "GetFunctionConfiguration"), function) from error
            reason = last.get("LastUpdateStatusReason") or last.get("StateReason") or error
            raise PublishError(f"{function} did not become ready: {reason}") from error

    def _settled(self, function: str) -> dict[str, Any]:
        """Wait until no update is under way, and return the configuration."""
        self._lambda.get_waiter("function_updated").wait(FunctionName=function, WaiterConfig=_WAIT)
        return dict(self._lambda.get_function_configuration(FunctionName=function))

    def _pin(self, function: str, present: dict[str, Any], pins: Mapping[str, str]) -> None:
        merged = {**_variables(present), **pins}
        self._lambda.update_function_configuration(
            FunctionName=function, Environment={"Variables": merged}, RevisionId=present["RevisionId"]
        )

    def _check(self, function: str, version: str, pins: Mapping[str, str]) -> str:
        """Wait until the version can be invoked, and read back what it pins: what was asked is not what counts."""
        self._lambda.get_waiter("function_active").wait(
            FunctionName=function, Qualifier=version, WaiterConfig=_SNAPSHOT_WAIT
        )
        published = self._lambda.get_function_configuration(FunctionName=function, Qualifier=version)
        if not _holds(published, pins):
            wrong = {name: _variables(published).get(name, "") for name in pins}
            raise WrongVersionError(f"version {version} of {function} pins {wrong}, asked for {dict(pins)}")
        return version


def _variables(configuration: Mapping[str, Any]) -> dict[str, str]:
    return dict(configuration.get("Environment", {}).get("Variables", {}))


def _holds(configuration: Mapping[str, Any], pins: Mapping[str, str]) -> bool:
    variables = _variables(configuration)
    return all(variables.get(name) == value for name, value in pins.items())


def _translated(error: ClientError, function: str) -> Exception:
    code = error.response["Error"]["Code"]
    if code == "ResourceNotFoundException":
        return NoPredictFunctionError(f"there is no function {function}; its stanza in template.yaml is not deployed")
    if code in {"PreconditionFailedException", "ResourceConflictException"}:
        return StaleFunctionError(f"{function} is being changed by somebody else")
    return cast("Exception", error)
