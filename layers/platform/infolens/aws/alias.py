"""The alias `live` of a predict function: who serves, who gets the rest, and writes that refuse a stale reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import ClientError

from infolens.aws.clients import client
from infolens.contracts.rollout import AliasState

if TYPE_CHECKING:
    from collections.abc import Mapping

LIVE = "live"
"""Name of the alias that users reach; the rollout owns it, no stack update ever moves it."""


class StaleAliasError(RuntimeError):
    """Somebody moved the alias since it was read; nothing was written."""


class AliasExistsError(RuntimeError):
    """The alias was created by somebody else meanwhile; nothing was written."""


class VersionMissingError(LookupError):
    """The function has no such published version."""


class Aliases(Protocol):
    """What use cases need of the alias; fakes keep a dict."""

    def read(self, function: str) -> AliasState | None:
        """Read the alias; None when there is none."""

    def create(self, function: str, version: str) -> AliasState:
        """Give a version all the traffic for the first time; raises AliasExistsError, VersionMissingError."""

    def write(self, function: str, champion: str, candidate: str, weight: int, revision_id: str) -> AliasState:
        """Move the alias, only if it still has `revision_id`; raises StaleAliasError, VersionMissingError.

        Args:
            function: name of the predict function.
            champion: version with the rest of the traffic.
            candidate: version with `weight` percent; "" for none.
            weight: 0 without a candidate, else 1 to 99.
            revision_id: revision of the alias as last read.
        """

    def pinned_digest(self, function: str, version: str) -> str:
        """Digest of the bundle in the configuration of a published version; raises VersionMissingError."""


def build_update(function: str, champion: str, candidate: str, weight: int, revision_id: str) -> dict[str, Any]:
    """Build the UpdateAlias request; an empty map takes the second version away, leaving it out would keep it."""
    return {
        "FunctionName": function,
        "Name": LIVE,
        "FunctionVersion": champion,
        "RoutingConfig": {"AdditionalVersionWeights": {candidate: weight / 100} if candidate else {}},
        "RevisionId": revision_id,
    }


def alias_state(answer: Mapping[str, Any]) -> AliasState:
    """Read an alias from the answer of GetAlias, CreateAlias or UpdateAlias."""
    weights = (answer.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    candidate, share = next(iter(weights.items()), ("", 0.0))  # AWS allows one additional version at most
    return AliasState(str(answer["FunctionVersion"]), str(candidate), round(100 * share), str(answer["RevisionId"]))


class LambdaAliases:
    """`Aliases` on Lambda."""

    def __init__(self, functions: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take a boto3 Lambda client, or this process's own one."""
        self._lambda = functions or client("lambda")

    def read(self, function: str) -> AliasState | None:
        """See Aliases."""
        try:
            return alias_state(self._lambda.get_alias(FunctionName=function, Name=LIVE))
        except ClientError as error:
            if _code(error) == "ResourceNotFoundException":
                return None
            raise

    def create(self, function: str, version: str) -> AliasState:
        """See Aliases."""
        try:
            return alias_state(self._lambda.create_alias(FunctionName=function, Name=LIVE, FunctionVersion=version))
        except ClientError as error:
            if _code(error) == "ResourceConflictException":
                raise AliasExistsError(f"{function} has an alias {LIVE} already") from error
            raise _translated(error, function, version) from error

    def write(self, function: str, champion: str, candidate: str, weight: int, revision_id: str) -> AliasState:
        """See Aliases."""
        request = build_update(function, champion, candidate, weight, revision_id)
        try:
            return alias_state(self._lambda.update_alias(**request))
        except ClientError as error:
            raise _translated(error, function, f"{champion} or {candidate}" if candidate else champion) from error

    def pinned_digest(self, function: str, version: str) -> str:
        """See Aliases."""
        try:
            found = self._lambda.get_function_configuration(FunctionName=function, Qualifier=version)
        except ClientError as error:
            raise _translated(error, function, version) from error
        return str(found.get("Environment", {}).get("Variables", {}).get("BUNDLE_DIGEST", ""))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _translated(error: ClientError, function: str, version: str) -> Exception:
    if _code(error) == "PreconditionFailedException":
        return StaleAliasError(f"the alias {LIVE} of {function} was moved since it was read")
    if _code(error) == "ResourceNotFoundException":
        return VersionMissingError(f"{function} has no version {version}")
    return cast("Exception", error)
