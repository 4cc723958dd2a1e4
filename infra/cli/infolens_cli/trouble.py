"""What the command line tells a person when something cannot be done: what is wrong, and what to do next."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


class Trouble(Exception):  # noqa: N818 - a word for the reader of the terminal, who sees no class names
    """Something a person has to know: one sentence of what is wrong, one of what to do."""

    def __init__(self, what: str, advice: str = "") -> None:
        """Keep both sentences."""
        super().__init__(what)
        self.what = what
        self.advice = advice


def _of_aws(error: BotoCoreError | ClientError) -> Trouble:
    if isinstance(error, NoCredentialsError):
        return Trouble(
            "there is no cloud to talk to: no embedded cloud runs, and no AWS credentials were found",
            "`infolens up` starts the embedded cloud; for AWS itself set AWS_PROFILE",
        )
    if isinstance(error, EndpointConnectionError):
        return Trouble(f"nothing answers: {error}", "`infolens status` tells what runs")
    if isinstance(error, ClientError):
        found = error.response.get("Error", {})
        advice = ""
        if found.get("Code") in {
            "AccessDenied",
            "AccessDeniedException",
            "UnrecognizedClientException",
            "ExpiredToken",
        }:
            advice = "check which credentials are chosen: AWS_PROFILE, AWS_ACCESS_KEY_ID"
        return Trouble(f"{error.operation_name} was refused: {found.get('Code')}: {found.get('Message')}", advice)
    return Trouble(str(error))


def tell(trouble: Trouble) -> None:
    """Print the trouble to the error output."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]✗[/] {escape(trouble.what)}")
    if trouble.advice:
        console.print(f"  [bold]→[/] {escape(trouble.advice)}")


def friendly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors a person can act on into two sentences and exit code 1; others keep their traceback."""

    @functools.wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Trouble as trouble:
            tell(trouble)
        except (BotoCoreError, ClientError) as error:
            tell(_of_aws(error))
        except KeyboardInterrupt:
            tell(Trouble("interrupted"))
            raise typer.Exit(130) from None
        raise typer.Exit(1)

    return told
