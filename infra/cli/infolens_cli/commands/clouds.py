"""`infolens up`, `down`, `deploy` and `status`: where everything runs."""

import os
from typing import Annotated

import typer
from rich.markup import escape

from infolens.tasks import task_names
from infolens_cli import cloud, deployment, views
from infolens_cli.stack import Stack
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace


def start_cloud(workplace: Workplace, port: int | None) -> cloud.Running:
    """Start the embedded cloud on the screen.

    Raises:
        AlreadyRunningError: it runs.
        Trouble: it cannot be started.
    """
    if workplace.running is not None:  # said before a step begins that could only fail
        raise cloud.AlreadyRunningError(workplace.running)
    try:
        with workplace.screen.step("Starting the embedded cloud"):
            return cloud.start(workplace.state_dir, port)
    except cloud.AlreadyRunningError:
        raise
    except cloud.CloudError as error:
        raise Trouble(str(error)) from error


def stop_cloud(workplace: Workplace) -> bool:
    """Stop the embedded cloud; False when there was none.

    Raises:
        Trouble: something does not end.
    """
    try:
        return cloud.stop(workplace.state_dir)
    except cloud.CloudError as error:
        raise Trouble(str(error)) from error


def deploy_stack(workplace: Workplace, parameters: dict[str, str]) -> Stack:
    """Build and deploy on the screen; gives the outputs."""
    with workplace.screen.step("Building functions and layers (sam build)") as step:
        deployment.build(workplace.target, step.note)
    with workplace.screen.step(f"Deploying stack {workplace.target.stack} (sam deploy)") as step:
        deployment.deploy(workplace.target, parameters, step.note)
    return workplace.stack


@friendly
def up(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="Where it listens; INFOLENS_CLOUD_PORT or 4566 when not given.")
    ] = None,
) -> None:
    """Start the embedded cloud: LocalStack as one process on this machine, no Docker, no account.

    Other commands find it by themselves. It keeps everything in memory: [bold]infolens down[/] leaves nothing behind.
    """
    workplace: Workplace = ctx.obj
    try:
        running = start_cloud(workplace, port)
    except cloud.AlreadyRunningError as error:
        workplace.screen.say(escape(str(error)))
        return
    workplace.screen.say(f"It answers at [bold]{running.endpoint_url}[/] and logs to {escape(str(running.log_file))}.")
    workplace.screen.say("Next: [bold]infolens deploy[/]")


@friendly
def down(ctx: typer.Context) -> None:
    """Stop the embedded cloud, its functions and its jobs, also after it was killed; nothing is left behind."""
    workplace: Workplace = ctx.obj
    stopped = stop_cloud(workplace)
    workplace.screen.say("The embedded cloud has stopped." if stopped else "No embedded cloud was running.")


@friendly
def deploy(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    *,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="Template parameter NAME=VALUE; may be repeated.")
    ] = None,
    instance: Annotated[str, typer.Option(help="Instance type of training jobs.")] = "ml.g5.xlarge",
    training_image: Annotated[str, typer.Option(help="Image of training jobs; looked up when not given.")] = "",
    processing_image: Annotated[
        str, typer.Option(help="Image of export and evaluation; looked up when not given.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deploying to an AWS account.")] = False,
) -> None:
    """Build template.yaml with SAM and deploy it: to the embedded cloud, or to AWS with credentials chosen.

    [dim]Examples:[/]
      infolens deploy
      infolens deploy -p TrainingProfile=cpu -p PredictMemory=3008
      AWS_PROFILE=newsroom AWS_REGION=eu-central-1 infolens deploy --yes
    """
    workplace: Workplace = ctx.obj
    target = workplace.target
    given = _parameters(parameter or [])
    if target.embedded:
        parameters = {**deployment.EMBEDDED_PARAMETERS, **given}
    else:
        _confirm(workplace, yes=yes)
        parameters = {"TrainingInstanceType": instance}
        if training_image:
            parameters |= {"TrainingImageUri": training_image, "ProcessingImageUri": processing_image or training_image}
        elif "TrainingImageUri" not in given:
            parameters |= deployment.resolve_images(target.region, instance, "ml.m5.xlarge")
        parameters |= given
    stack = deploy_stack(workplace, parameters)
    workplace.screen.say(f"The API is at [bold]{stack.api_url}[/]")
    workplace.screen.say("Next: [bold]infolens upload TASK FILE[/]")


def _parameters(given: list[str]) -> dict[str, str]:
    parsed = {}
    for item in given:
        name, found, value = item.partition("=")
        if not found or not name:
            raise Trouble(f"--parameter {item} is not of the form NAME=VALUE")
        parsed[name] = value
    return parsed


def _confirm(workplace: Workplace, *, yes: bool) -> None:
    """Ask before resources that cost money come into being."""
    account = workplace.client("sts").get_caller_identity()["Account"]
    target = workplace.target
    said = f"This deploys stack {target.stack} to AWS account {account}, region {target.region}, and costs money."
    if yes:
        workplace.screen.say(said)
    elif not typer.confirm(f"{said} Go on?"):
        raise Trouble("nothing was deployed")


@friendly
def status(ctx: typer.Context) -> None:
    """Tell what runs: the cloud, the stack, and who serves each task."""
    workplace: Workplace = ctx.obj
    screen = workplace.screen
    running = workplace.running
    if running is not None:
        answers = "answers" if cloud.answers(running) else "[red]does not answer[/]"
        screen.say(f"embedded cloud  {running.endpoint_url}, pid {running.pid}, {answers}")
    elif not os.environ.get("AWS_ENDPOINT_URL"):
        screen.say("embedded cloud  not running")
    stack = workplace.stack
    screen.say(f"stack           {workplace.target.stack}, API at {stack.api_url}")
    for task in task_names():
        state = workplace.aliases.read(stack.predict_function(task))
        screen.say(f"\n[bold]{task}[/]  {views.alias(state)}")
        records = workplace.registry.list(task)
        if records:
            screen.print(views.models(records[:10], state))
