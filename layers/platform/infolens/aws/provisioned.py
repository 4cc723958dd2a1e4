"""Provisioned concurrency that follows the alias: each version with traffic keeps its environments, and no other does.

It is set on versions, not on the alias: Lambda has it for an alias of one version only, and a rollout's has two. So the
champion keeps its own through a canary, the candidate has its own before its first request, and who loses the traffic
loses them. Whatever goes wrong here is logged and no more: it costs money or cold starts, and must never keep traffic
where it should not be.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infolens.aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.aws.alias import Aliases
    from infolens.contracts.rollout import AliasState

_LOOKS = 10
_LOOK_SECONDS = 2.0
"""A candidate's environments are waited for so long, within the 30 s of a rollout's step; then it gets its traffic
anyway, and its first requests start cold as they would without."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProvisionedAliases:
    """`Aliases` that brings provisioned concurrency along."""

    aliases: Aliases
    environments: int | None
    """Environments of each version with traffic; 0 for none; None (an operator's terminal) for as many as there are."""
    wait: Callable[[float], None]
    """Wait some seconds."""
    functions: Any = None
    """A boto3 Lambda client; None for this process's own one."""

    def read(self, function: str) -> AliasState | None:
        """See Aliases."""
        return self.aliases.read(function)

    def create(self, function: str, version: str) -> AliasState:
        """See Aliases."""
        created = self.aliases.create(function, version)
        self._follow(function, {version})
        return created

    def write(self, function: str, champion: str, candidate: str, weight: int, revision_id: str) -> AliasState:
        """See Aliases; a version that gains traffic is made ready first, and one that lost it is released after."""
        if self.environments != 0 and (candidate or champion != self._champion(function)):
            self._keep(function, {champion, candidate} - {""})
        written = self.aliases.write(function, champion, candidate, weight, revision_id)
        self._follow(function, {written.champion, written.candidate} - {""})
        return written

    def pinned_digest(self, function: str, version: str) -> str:
        """See Aliases."""
        return self.aliases.pinned_digest(function, version)

    def _champion(self, function: str) -> str:
        found = self.aliases.read(function)
        return found.champion if found else ""

    def _follow(self, function: str, versions: set[str]) -> None:
        """Bring the environments to where the traffic is now."""
        try:
            present = self._present(function)
            wanted = self._wanted(present)
            for version in sorted(versions):
                if wanted and present.get(version) != wanted:
                    self._put(function, version, wanted)
            for version in sorted(present):
                if version not in versions or not wanted:
                    self._client.delete_provisioned_concurrency_config(FunctionName=function, Qualifier=version)
        except (ClientError, BotoCoreError) as error:
            _log.warning("provisioned concurrency of %s does not follow its alias: %s", function, error)

    def _keep(self, function: str, versions: set[str]) -> None:
        """Ask for the environments of versions that are about to get traffic, and wait for them for some time."""
        try:
            present = self._present(function)
            wanted = self._wanted(present)
            missing = sorted(version for version in versions if wanted and present.get(version) != wanted)
            for version in missing:
                self._put(function, version, wanted)
            for version in missing:
                self._await(function, version)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s is not provisioned before it gets traffic: %s", function, error)

    def _await(self, function: str, version: str) -> None:
        for _ in range(_LOOKS):
            found = self._client.get_provisioned_concurrency_config(FunctionName=function, Qualifier=version)
            if found["Status"] != "IN_PROGRESS":
                break
            self.wait(_LOOK_SECONDS)

    def _wanted(self, present: dict[str, int]) -> int:
        return max(present.values(), default=0) if self.environments is None else self.environments

    def _present(self, function: str) -> dict[str, int]:
        """Version -> environments asked for."""
        pages = self._client.get_paginator("list_provisioned_concurrency_configs").paginate(FunctionName=function)
        return {
            str(found["FunctionArn"]).rpartition(":")[2]: int(found["RequestedProvisionedConcurrentExecutions"])
            for page in pages
            for found in page["ProvisionedConcurrencyConfigs"]
        }

    def _put(self, function: str, version: str, environments: int) -> None:
        self._client.put_provisioned_concurrency_config(
            FunctionName=function, Qualifier=version, ProvisionedConcurrentExecutions=environments
        )

    @property
    def _client(self) -> Any:  # noqa: ANN401 - a boto3 client
        return self.functions or client("lambda")
