"""`infolens dlq list` and `replay`: events that could not be dealt with, why, and once more."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

import typer
from rich.markup import escape

from infolens_cli import data_views, dead_letters
from infolens_cli import logs as finding
from infolens_cli.dead_letters import DeadLetter
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace

_LOOKED_UP = 50
"""Messages whose error is looked for in the logs; each one is a search."""

Queue = Annotated[str, typer.Option("--queue", help="Only this one: labelled, batch or takebacks.")]


@friendly
def list_(ctx: typer.Context, queue: Queue = "") -> None:
    """List the messages that could not be dealt with: about which file or rollout, since when, and the last error.

    Looking takes nothing away: messages are held for some seconds and then given back, as long as they are kept (14
    days). How often one was received counts such looks too.

    [dim]Example:[/]
      infolens dlq list --queue labelled
    """
    workplace: Workplace = ctx.obj
    with _letters(workplace, queue) as letters:
        errors = _errors(workplace, letters)
    if letters:
        workplace.screen.say(data_views.dead_letters(letters, errors, workplace.now()))
        workplace.screen.say("After a fix: [bold]infolens dlq replay ID...[/], or [bold]--all[/]")
    else:
        workplace.screen.say("there are no dead letters")
    for name in _chosen(queue):
        others = dead_letters.elsewhere(workplace.client("sqs"), dead_letters.queue_url(workplace.stack, name))
        if others:
            workplace.screen.say(f"[yellow]{others} more of {name} are held by somebody else right now; look again[/]")


@friendly
def replay(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Message ids.", show_default=False)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All messages.")] = False,
    queue: Queue = "",
) -> None:
    """Put messages in again: uploads and batches go back to their queue, take-backs are called once more.

    A message is sent first and deleted then, so it cannot be lost; dealing with the same event twice changes nothing.
    Exit code 1 when one is not found, or its take-back fails again.

    [dim]Examples:[/]
      infolens dlq replay 5f0c2b1e-…
      infolens dlq replay --all --queue batch
    """
    workplace: Workplace = ctx.obj
    wanted = set(ids or ())
    if bool(wanted) == everything:
        raise Trouble("say which messages", "give their ids, as `infolens dlq list` shows them, or --all")
    failed = []
    with _letters(workplace, queue) as letters:
        chosen = [letter for letter in letters if everything or letter.message_id in wanted]
        for letter in chosen:
            try:
                said = _again(workplace, letter)
            except Trouble as trouble:
                failed.append(f"{letter.message_id}: {trouble.what}")
            else:
                workplace.screen.say(f"[green]✓[/] {letter.message_id}  {escape(letter.about)}: {escape(said)}")
    missing = wanted - {letter.message_id for letter in chosen}
    failed += [f"{one}: there is no such message" for one in sorted(missing)]
    if failed:
        raise Trouble("; ".join(failed), "`infolens dlq list` shows those that are left")
    if not chosen:
        workplace.screen.say("there are no dead letters")


def _again(workplace: Workplace, letter: DeadLetter) -> str:
    sqs, stack = workplace.client("sqs"), workplace.stack
    url = dead_letters.queue_url(stack, letter.queue)
    if letter.queue == dead_letters.TAKE_BACKS:
        functions = workplace.client("lambda")
        return dead_letters.take_back_again(sqs, functions, letter, url, stack.take_back_function_arn)
    dead_letters.send_again(sqs, letter, url, dead_letters.source_url(sqs, url))
    follow = f"; follow it: infolens logs {letter.subjects[0]}" if letter.subjects else ""
    return f"is in its queue again{follow}"


def _chosen(queue: str) -> tuple[str, ...]:
    if queue and queue not in dead_letters.QUEUES:
        raise Trouble(f"there is no queue {queue}", f"known: {', '.join(dead_letters.QUEUES)}")
    return (queue,) if queue else dead_letters.QUEUES


@contextmanager
def _letters(workplace: Workplace, queue: str) -> Iterator[list[DeadLetter]]:
    """Hold the messages of the chosen queues while something is done with them."""
    sqs = workplace.client("sqs")
    with ExitStack() as stack:
        yield [
            letter
            for name in _chosen(queue)
            for letter in stack.enter_context(
                dead_letters.held(sqs, name, dead_letters.queue_url(workplace.stack, name))
            )
        ]


def _errors(workplace: Workplace, letters: Sequence[DeadLetter]) -> dict[str, str]:
    """Look for what the functions said about the messages."""
    wanted = [letter for letter in letters if not letter.given_error][:_LOOKED_UP]
    if not wanted:
        return {}
    client: Any = workplace.client("logs")

    def look(letter: DeadLetter) -> tuple[str, str]:
        group = dead_letters.log_group(workplace.target.stack, letter.queue)
        since = int(letter.sent_at.timestamp() * 1000) if letter.sent_at else 0
        return letter.message_id, dead_letters.last_error(finding.messages(client, group, letter.message_id, since))

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(look, wanted))
