"""The `infolens` command: puts the commands together, in the order in which a newcomer meets them."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from infolens_cli.commands import (
    clouds,
    costing,
    dead_letters,
    models,
    quality,
    rows,
    seeing,
    showing,
    telling,
    watching,
)
from infolens_cli.commands import datasets as sets
from infolens_cli.commands import rollouts as rolling
from infolens_cli.context import DEFAULT_STACK
from infolens_cli.workplace import Workplace

_CLOUD = "The cloud"
_ROWS = "Rows in, answers out"
_DATA = "Datasets and their quality"
_MODELS = "Models and their rollout"
_SEEING = "Seeing inside"

app = typer.Typer(
    name="infolens",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals of a failed command hold the API key
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def prose(document: str) -> str:
    """Join the lines of each paragraph, so that a terminal of any width wraps them; examples keep theirs."""
    paragraphs = inspect.cleandoc(document).split("\n\n")
    return "\n\n".join(text if text.startswith("[dim]Example") else " ".join(text.split()) for text in paragraphs)


def _command(to: typer.Typer, panel: str | None, command: Callable[..., Any]) -> None:
    name = command.__name__.rstrip("_")  # `list_` is the command `list`
    to.command(name, rich_help_panel=panel, help=prose(command.__doc__ or ""))(command)


_EVERYWHERE = """Train, judge, serve, roll out and take back news models, on AWS or on this machine.

Commands talk to the cloud that AWS_PROFILE, AWS_ACCESS_KEY_ID or AWS_ENDPOINT_URL chooses; when none does and this
checkout's embedded cloud runs, they talk to that one, and say so."""


@app.callback(
    help=prose(_EVERYWHERE),
    epilog="First steps: [bold]infolens demo[/], or one by one: [bold]infolens up[/], [bold]infolens deploy[/], "
    "[bold]infolens upload news_category FILE[/].",
)
def everywhere(
    ctx: typer.Context,
    stack: Annotated[
        str, typer.Option(envvar="INFOLENS_STACK", help="Name of the CloudFormation stack.")
    ] = DEFAULT_STACK,
) -> None:
    """Keep what all commands share."""
    ctx.obj = ctx.obj or Workplace(stack)  # a test brings its own


_PANELS: dict[str, tuple[Callable[..., Any], ...]] = {
    _CLOUD: (clouds.up, clouds.deploy, clouds.status, clouds.down, showing.demo),
    _ROWS: (rows.upload, rows.report, rows.replay, rows.predict, telling.feedback),
    _DATA: (quality.quality,),
    _MODELS: (models.train, models.register),
    _SEEING: (seeing.logs, costing.cost),
}
_GROUPS: tuple[tuple[str, str, str, tuple[Callable[..., Any], ...]], ...] = (
    (
        "dataset",
        _DATA,
        "List, show and compare datasets, and bring any of them back, with the model that came of it.",
        (sets.list_, sets.show, sets.diff, sets.checkout),
    ),
    (
        "dlq",
        _DATA,
        "Look at events that could not be dealt with, and put them in again.",
        (dead_letters.list_, dead_letters.replay),
    ),
    (
        "rollout",
        _MODELS,
        "Bring versions in step by step, look at how they stand, and take them back.",
        (
            rolling.start,
            rolling.status,
            watching.watch,
            watching.explain,
            rolling.weight,
            rolling.hold,
            rolling.resume,
            rolling.abort,
            rolling.history,
        ),
    ),
)

for _panel, _commands in _PANELS.items():
    for _one in _commands:
        _command(app, _panel, _one)

for _name, _panel, _about, _commands in _GROUPS:
    _group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    for _one in _commands:
        _command(_group, None, _one)
    app.add_typer(_group, name=_name, rich_help_panel=_panel, help=_about)
