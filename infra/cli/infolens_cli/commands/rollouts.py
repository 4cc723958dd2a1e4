"""`infolens rollout start`, `status`, `weight`, `abort` and `history`: who serves a task, and who decides that."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from infolens.aws.alias import StaleAliasError
from infolens.aws.rollouts import RolloutInProgressError
from infolens.usecases import rollout
from infolens_cli import executions, rollouts, views
from infolens_cli.commands.rows import Task
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace, check_task


@friendly
def start(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    task: Task,
    version: Annotated[
        str, typer.Argument(help="Registered version; `infolens status` lists them.", show_default=False)
    ],
    *,
    plan: Annotated[
        Path | None, typer.Option(help="JSON file of a plan; the deployment's or task's own when not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Although its gates refused it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the rollout to its end.")] = False,
) -> None:
    """Start the rollout of a registered version. With --wait, exit code 1 when it does not end at 100 %.

    Runs that pass their gates start their rollout by themselves; this is for a version registered by hand, or one that
    was taken back and deserves another try.

    [dim]Examples:[/]
      infolens rollout start news_category 7 --wait
      infolens rollout start news_category 7 --plan careful.json --force
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    given = rollouts.read_plan(plan) if plan else None
    arn = rollouts.start(workplace, task, version, plan=given, forced=force)
    rollout_id = arn.rpartition(":")[2]
    workplace.screen.say(f"rollout [bold]{rollout_id}[/] brings in version {version}")
    if not wait:
        workplace.screen.say(f"Follow it: [bold]infolens rollout status {task}[/]")
        return
    states = workplace.client("stepfunctions")
    with workplace.screen.step(f"Rolling out version {version}") as step:
        ended = executions.follow(
            states, arn, seen=lambda _: step.note(_standing_line(workplace, task)), seconds=14 * 24 * 3600.0, every=2.0
        )
    workplace.screen.print(views.history(rollouts.standing(workplace, task).history))
    if ended.status != "SUCCEEDED":
        raise Trouble(f"the rollout ended as {ended.status}: {ended.error} {ended.cause}".rstrip())


def _standing_line(workplace: Workplace, task: str) -> str:
    return views.alias(workplace.aliases.read(workplace.stack.predict_function(task)))


@friendly
def status(ctx: typer.Context, task: Task) -> None:
    """Tell who serves a task, who owns the alias, what was seen in the present step, and when the next look is."""
    workplace: Workplace = ctx.obj
    found = rollout.status(workplace.rollout_ports, check_task(task), workplace.now())
    screen = workplace.screen
    screen.say(f"alias      {views.alias(found.alias)}")
    if found.record is None:
        screen.say("rollout    there was none yet")
        return
    record = found.record
    running = record.status == rollouts.RUNNING
    owns = "owns the alias" if running else f"ended as {record.status}"
    screen.say(f"rollout    {record.rollout_id} {owns}" + (" (forced past its gates)" if record.forced else ""))
    if not running:
        return
    screen.say(f"step       {record.step + 1} of {len(record.plan.weights)}: {record.plan.weights[record.step]} %")
    next_look = rollouts.next_look(record, workplace.now())
    screen.say(f"next look  in about {max(0.0, (next_look - workplace.now()).total_seconds()):.0f} s")
    if found.champion and found.candidate:
        screen.print(views.arms(found.champion, found.candidate, record.plan))


@friendly
def weight(
    ctx: typer.Context,
    task: Task,
    percent: Annotated[int, typer.Argument(help="Share of the traffic: 0 to 100.", show_default=False)],
    *,
    version: Annotated[str, typer.Option(help="Who gets it; the present or last candidate when not given.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Although a rollout owns the alias, or gates refused it.")
    ] = False,
) -> None:
    """Move the alias by hand. Refused while a rollout owns it, unless forced; the rollout then ends as aborted.

    [dim]Examples:[/]
      infolens rollout weight news_category 10 --version 7
      infolens rollout weight news_category 0
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    try:
        alias = rollout.set_weight_by_hand(
            workplace.rollout_ports, task, percent, workplace.operator, workplace.now(), version=version, force=force
        )
    except RolloutInProgressError as error:
        raise Trouble(
            str(error),
            f"wait for it, end it with `infolens rollout abort {task}`, or say --force to move the alias anyway",
        ) from error
    except (rollout.NoAliasError, StaleAliasError) as error:
        raise Trouble(str(error)) from error
    except rollout.RolloutRefusedError as error:
        raise Trouble("; ".join(error.reasons)) from error
    workplace.screen.say(escape(views.alias(alias)))


@friendly
def abort(
    ctx: typer.Context,
    task: Task,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
) -> None:
    """End the running rollout: the champion has all the traffic at once, the state machine ends at its next look."""
    workplace: Workplace = ctx.obj
    check_task(task)
    try:
        outcome = rollout.abort(workplace.rollout_ports, task, workplace.operator, workplace.now(), reason)
    except rollout.NoRolloutError as error:
        raise Trouble(str(error)) from error
    workplace.screen.say(f"rollout {outcome.rollout_id} ended as {outcome.status}: {_standing_line(workplace, task)}")


@friendly
def history(
    ctx: typer.Context, task: Task, *, limit: Annotated[int, typer.Option(min=1, help="Newest lines to show.")] = 50
) -> None:
    """Print everything that happened to a task's alias: who, when, which weight, and why."""
    workplace: Workplace = ctx.obj
    events = rollout.history(workplace.rollout_ports, check_task(task), limit)
    if not events:
        workplace.screen.say(f"nothing has happened to the alias of {task} yet")
        return
    workplace.screen.print(views.history(events))
