"""`infolens rollout start`, `status`, `weight`, `hold`, `resume`, `abort`, `history`: who serves, who decides that."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from infolens.aws.alias import StaleAliasError
from infolens.aws.rollouts import RolloutInProgressError, StaleRecordError
from infolens.contracts.rollout import RolloutRecord
from infolens.usecases import rollout
from infolens_cli import executions, rollout_views, rollouts, views
from infolens_cli.commands.rows import Task
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace, check_task

_ALL_LINES = 10_000
"""Lines of history that are searched for a time."""


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
    screen.say(escape(f"step       {rollout_views.stage(record)}"))
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
def hold(
    ctx: typer.Context,
    task: Task,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
) -> None:
    """Keep the weight of the running rollout where it is. Its brakes go on working: bad news still takes it back.

    [dim]Examples:[/]
      infolens rollout hold news_category --reason "election night"
      infolens rollout resume news_category
    """
    workplace: Workplace = ctx.obj
    record = _by_hand(rollout.hold, workplace, check_task(task), reason)
    workplace.screen.say(escape(f"rollout {record.rollout_id} is held at step {rollout_views.stage(record)}"))


@friendly
def resume(
    ctx: typer.Context,
    task: Task,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
) -> None:
    """Let a rollout that is held go on; its step begins anew, with its time and evidence of its own."""
    workplace: Workplace = ctx.obj
    record = _by_hand(rollout.resume, workplace, check_task(task), reason)
    workplace.screen.say(escape(f"rollout {record.rollout_id} goes on at step {rollout_views.stage(record)}"))


def _by_hand(deed: Callable[..., RolloutRecord], workplace: Workplace, task: str, reason: str) -> RolloutRecord:
    try:
        return deed(workplace.rollout_ports, task, workplace.operator, workplace.now(), reason)
    except (rollout.NoRolloutError, rollout.RolloutRefusedError, StaleRecordError) as error:
        raise Trouble(str(error)) from error


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
    ctx: typer.Context,
    task: Task,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Newest lines to show.")] = 50,
    at: Annotated[str, typer.Option(help="Say who served at that time instead: 2026-03-01T12:00, UTC.")] = "",
) -> None:
    """Print everything that happened to a task's alias: who, when, which weight, and why; or who served at a time.

    [dim]Examples:[/]
      infolens rollout history news_category
      infolens rollout history news_category --at 2026-03-01T12:00
    """
    workplace: Workplace = ctx.obj
    if at:
        _say_who_served(workplace, check_task(task), at)
        return
    events = rollout.history(workplace.rollout_ports, check_task(task), limit)
    if not events:
        workplace.screen.say(f"nothing has happened to the alias of {task} yet")
        return
    workplace.screen.print(views.history(events))


def _say_who_served(workplace: Workplace, task: str, text: str) -> None:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise Trouble(f"--at is {text!r}; a time such as 2026-03-01T12:00 is needed (UTC)") from error
    at = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    served = rollout.who_served(rollout.history(workplace.rollout_ports, task, _ALL_LINES), at)
    if served is None:
        workplace.screen.say(f"nobody served {task} at {at:%Y-%m-%d %H:%M:%S} UTC: its history begins later")
        return
    rest = f"{100 - served.weight} %, version {served.candidate} {served.weight} %" if served.candidate else "100 %"
    doubt = "" if served.surely else "; the alias had been moved by other means, so the rest may have been another's"
    since = f"since {served.since.event} at {served.since.at[:19]} by {served.since.who}"
    workplace.screen.say(escape(f"version {served.champion or 'none'} {rest} ({since}){doubt}"))
