"""`infolens logs`: one id through everything that touched it."""

import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from infolens_cli import logs as finding
from infolens_cli.trouble import Trouble, friendly

if TYPE_CHECKING:
    from infolens_cli.workplace import Workplace

_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """Parse `30s`, `15m`, `2h` or `7d`.

    Raises:
        Trouble: it is something else.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise Trouble(f"--since {text} is no span of time", "say 30s, 15m, 2h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@friendly
def logs(
    ctx: typer.Context,
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A prediction id, upload id, run id, rollout id or dataset id.", show_default=False
        ),
    ],
    since: Annotated[str, typer.Option(help="How far to look back: 30s, 15m, 2h, 7d.")] = "24h",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on and print what comes.")] = False,
) -> None:
    """Follow one id through the logs of all functions and jobs, in the order in which things happened.

    [dim]Examples:[/]
      infolens logs 4711
      infolens logs news_category-1f0c… --since 2h
    """
    workplace: Workplace = ctx.obj
    client = workplace.client("logs")
    stack = workplace.target.stack
    start = int((workplace.now() - span(since)).timestamp() * 1000)
    printed: set[finding.Line] = set()
    while True:
        for line in finding.find(client, stack, wanted, start):
            if line not in printed:
                printed.add(line)
                workplace.screen.say(finding.render(line, wanted))
        if not follow:
            break
        time.sleep(2)
    if not printed:
        raise Trouble(f"no line of the last {since} holds {wanted}", "look further back with --since 7d")
