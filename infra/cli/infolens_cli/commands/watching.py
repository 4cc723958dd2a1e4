"""`infolens rollout watch` and `explain`: a rollout as it runs, and everything that it saw and did."""

import json
from typing import Annotated

import typer
from rich.markup import escape

from infolens.rollout.decision import decide
from infolens.usecases import rollout
from infolens_cli import rollout_views, rollouts, views
from infolens_cli.commands.rows import Task
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.waiting import wait_for
from infolens_cli.workplace import Workplace, check_task

_LONGEST_ROLLOUT = 14 * 24 * 3600.0
_ALL_LINES = 10_000
"""Lines of history that are read: some eight rollouts of the longest kind."""


@friendly
def watch(
    ctx: typer.Context,
    task: Task,
    *,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Watch the running rollout to its end: weights, counts and intervals, drawn anew at each look.

    Looking changes nothing: the state machine decides at its own looks. Exit code 1 when it does not end at 100 %.

    [dim]Examples:[/]
      infolens rollout watch news_category
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    owner = rollouts.standing(workplace, task).owner
    if owner is None or owner.status != rollouts.RUNNING:
        raise Trouble(f"no rollout of {task} is running", f"`infolens rollout history {task}` tells of those before")
    with workplace.screen.step(f"Rollout {owner.rollout_id}") as step:

        def ended() -> str | None:
            found = rollout.status(workplace.rollout_ports, task, workplace.now())
            if found.record is None or found.record.rollout_id != owner.rollout_id:
                return "followed by another one"
            if found.record.status != rollouts.RUNNING:
                return found.record.status
            if found.look is not None:
                decision = decide(found.look)
                step.note(rollout_views.standing(found.look, decision))
                step.show(rollout_views.live(found.look, decision))
            return None

        status = wait_for(ended, what=f"the end of {owner.rollout_id}", seconds=_LONGEST_ROLLOUT, every=every)
    workplace.screen.print(views.history(rollout.history(workplace.rollout_ports, task, 1)))
    if status != "promoted":
        raise Trouble(f"the rollout ended as {status}")


@friendly
def explain(
    ctx: typer.Context,
    task: Task,
    rollout_id: Annotated[str, typer.Argument(help="The latest one when not given.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Print one page about a rollout: its plan, every look, every number, and why it went as it went.

    [dim]Examples:[/]
      infolens rollout explain news_category
      infolens rollout explain news_category news_category-v7-1a2b3c4d --json
    """
    workplace: Workplace = ctx.obj
    lines = rollout.history(workplace.rollout_ports, check_task(task), _ALL_LINES)
    events = rollout.of_rollout(lines, rollout_id)
    if not events:
        known = dict.fromkeys(event.rollout_id for event in lines if event.rollout_id)
        raise Trouble(
            f"the history of {task} has no rollout {rollout_id}".rstrip(),
            f"it has {', '.join(known)}" if known else "there was none yet",
        )
    if as_json:
        print(json.dumps(rollout_views.document(events), ensure_ascii=False, indent=2))
    else:
        workplace.screen.say(rollout_views.page(events))
        workplace.screen.say(escape(f"\n{len(events)} lines; --json has every number"))
