"""`infolens quality`: what came in, what was kept and why the rest was not, per file and per day."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from infolens.tasks import task_names
from infolens_cli import data_views, quality_page, reports
from infolens_cli.quality import Page, page
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.uploading import UNKNOWN_TASK
from infolens_cli.workplace import Workplace, check_task


@friendly
def quality(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Name of the task; all of them when not given.")] = "",
    *,
    days: Annotated[int, typer.Option(min=1, help="How far to look back.")] = 30,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the figures as one HTML page.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Lines of each table on the terminal.")] = 20,
) -> None:
    """Show the quality of the rows that came in: rates, rejects by reason, duplicates, label mix, times.

    Everything comes from the upload reports, so the figures are those that the editors saw. The page is one file: it
    needs no network, and can be mailed.

    [dim]Examples:[/]
      infolens quality
      infolens quality news_category --days 7 --html quality.html
    """
    workplace: Workplace = ctx.obj
    found = gather(workplace, task, days)
    screen = workplace.screen
    if found.unreadable:
        screen.say(
            f"[yellow]{found.unreadable} reports were written by another version of the code, and are left out[/]"
        )
    if found.files:
        screen.print(*data_views.quality(found, limit))
    else:
        of = f" of {task}" if task else ""
        screen.say(f"no file{of} was dealt with in the last {days} days")
    if html:
        try:
            html.write_text(quality_page.render(found), "utf-8")
        except OSError as error:
            raise Trouble(f"{html} cannot be written: {error.strerror}") from error
        screen.say(f"The page lies at {escape(str(html))}")


def gather(workplace: Workplace, task: str, days: int) -> Page:
    """Read the reports of the last days and add them up."""
    tasks = (check_task(task),) if task else (*task_names(), UNKNOWN_TASK)
    since = workplace.now() - timedelta(days=days)
    client, bucket = workplace.client("s3"), workplace.stack.data_bucket
    with workplace.screen.step("Reading the reports") as step:
        read = reports.read(client, bucket, tasks, since, lambda done, of: step.note(f"{done} of {of}"))
    return page(read.files, tasks=tasks, since=since, made_at=workplace.now(), unreadable=read.unreadable)
