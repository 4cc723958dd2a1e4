"""What a command works with: the chosen cloud, its clients and the stack's outputs, looked up when first needed."""

from __future__ import annotations

import functools
import getpass
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from infolens.aws.alias import LambdaAliases
from infolens.aws.clients import client
from infolens.aws.objects import S3Objects
from infolens.aws.registry import DynamoRegistry
from infolens.aws.rollout_ports import rollout_ports
from infolens.aws.rollouts import DynamoRollouts
from infolens.settings import Settings
from infolens.tasks import task_names
from infolens_cli import cloud, context
from infolens_cli.screen import Screen
from infolens_cli.stack import Stack, from_outputs, read_api_key, read_outputs
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from infolens.usecases.rollout import Ports


def check_task(task: str) -> str:
    """Give the task back when there is such a folder.

    Raises:
        Trouble: there is none; it lists those there are.
    """
    if task not in task_names():
        raise Trouble(f"unknown task {task}", f"known tasks: {', '.join(task_names())}")
    return task


class Workplace:
    """One command's hold on the cloud."""

    def __init__(
        self, stack: str = "", screen: Screen | None = None, env: MutableMapping[str, str] = os.environ
    ) -> None:
        """Remember which stack was asked for; nothing is looked up yet."""
        self._stack_name = stack
        self.env = env
        self.screen = screen or Screen()

    @property
    def state_dir(self) -> Path:
        """Folder of this checkout's embedded cloud."""
        return context.state_dir(self.env)

    @property
    def running(self) -> cloud.Running | None:
        """This checkout's embedded cloud, if it runs."""
        return cloud.status(self.state_dir)

    @functools.cached_property
    def target(self) -> context.Target:
        """The cloud this command talks to; said once on the error output, so that nobody deploys to the wrong place."""
        running = self.running
        target = context.choose(self.env, running.endpoint_url if running else "", self._stack_name)
        context.enter(target, self.env)
        Console(stderr=True, highlight=False).print(f"[dim]{target.words}[/]")
        return target

    def client(self, service: str) -> Any:  # noqa: ANN401 - a boto3 client
        """Client of one AWS service at the target."""
        self.target  # noqa: B018 - entering the target sets the variables that the client is made from
        return client(service)

    @functools.cached_property
    def stack(self) -> Stack:
        """Outputs of the deployed stack."""
        return from_outputs(read_outputs(self.client("cloudformation"), self.target), self.target)

    @functools.cached_property
    def api_key(self) -> str:
        """Value of the API key."""
        return read_api_key(self.client("apigateway"), self.stack)

    @functools.cached_property
    def objects(self) -> S3Objects:
        """The buckets."""
        return S3Objects(self.client("s3"))

    @functools.cached_property
    def registry(self) -> DynamoRegistry:
        """The registered models."""
        return DynamoRegistry(self.stack.models_table, self.client("dynamodb"))

    @functools.cached_property
    def rollouts(self) -> DynamoRollouts:
        """Who owns each alias, and its history."""
        return DynamoRollouts(self.stack.rollouts_table, self.client("dynamodb"))

    @functools.cached_property
    def aliases(self) -> LambdaAliases:
        """Who serves."""
        return LambdaAliases(self.client("lambda"))

    @functools.cached_property
    def rollout_ports(self) -> Ports:
        """What an operator's deeds about rollouts need; a terminal has no alarm of its own to create."""
        self.target  # noqa: B018 - as in `client`
        return rollout_ports(
            Settings(
                models_table=self.stack.models_table,
                rollouts_table=self.stack.rollouts_table,
                observations_table=self.stack.observations_table,
                predict_function_prefix=self.stack.predict_function_prefix,
            )
        )

    @property
    def operator(self) -> str:
        """Who sits at this terminal, as the histories will name them."""
        return getpass.getuser()

    @staticmethod
    def now() -> datetime:
        """Time of an operator's deed."""
        return datetime.now(UTC)
