"""`infolens demo`: the main job before the reader's eyes."""

from typing import TYPE_CHECKING, Annotated

import typer

from infolens_cli.trouble import friendly

if TYPE_CHECKING:
    from infolens_cli.workplace import Workplace


@friendly
def demo(
    ctx: typer.Context,
    *,
    task: Annotated[str, typer.Option(help="Task to show; any whose folder can make sample rows.")] = "news_category",
    port: Annotated[int | None, typer.Option(help="Where the embedded cloud listens.")] = None,
    down: Annotated[
        bool, typer.Option("--down", help="Stop the cloud at the end instead of leaving it for you.")
    ] = False,
) -> None:
    """Show the main job on a fresh embedded cloud: CSV in, answers out, a bad successor taken back.

    Starts the cloud, deploys, uploads labelled rows with planted dirt, trains and judges a model, answers a batch and
    the API, brings in a better model step by step under traffic, and has two bad ones taken back by their alarms.

    Takes some five minutes. Exit code 1, with what was expected and what was seen, when a step does not come out.
    """
    from infolens_cli.demo.story import Story  # noqa: PLC0415 - onnx alone takes a third of a second

    workplace: Workplace = ctx.obj
    Story(workplace, task, port).tell(stop_at_end=down)
