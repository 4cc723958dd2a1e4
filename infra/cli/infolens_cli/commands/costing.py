"""`infolens cost`: what a month of a task's answers costs, with the arithmetic shown."""

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from infolens.aws.version_costs import version_cost
from infolens_cli import prices
from infolens_cli.commands.rows import Task
from infolens_cli.commands.seeing import span
from infolens_cli.costs import Month, Served, Traffic, month
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.views import grid
from infolens_cli.workplace import Workplace, check_task

ASSUMED = Served(milliseconds=0.0, memory_mb=1769, init_milliseconds=2000.0, cold_share=0.005)
"""Where nothing is measured or given: the template's memory, and S0's traffic, which keeps environments warm."""


@friendly
def cost(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    task: Task,
    *,
    per_hour: Annotated[float, typer.Option(min=0, help="Requests an hour (S0-14: 3000).")] = 3000,
    ms: Annotated[
        float | None, typer.Option(min=0, help="Mean of a warm request; measured where not given.", show_default=False)
    ] = None,
    init_ms: Annotated[
        float | None, typer.Option(min=0, help="Init phase of a cold start; measured.", show_default=False)
    ] = None,
    cold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of cold requests; measured.", show_default=False)
    ] = None,
    memory: Annotated[int, typer.Option(min=128, max=10_240, help="MB of the function.")] = ASSUMED.memory_mb,
    bundle_mb: Annotated[float, typer.Option(min=0, help="MB that a cold start fetches.")] = 0.0,
    arm: Annotated[bool, typer.Option("--arm64", help="On arm64 instead of x86_64.")] = False,
    snap_start: Annotated[bool, typer.Option("--snap-start", help="Cold starts are restores of a snapshot.")] = False,
    provisioned: Annotated[int, typer.Option(min=0, help="Environments kept ready.")] = 0,
    versions: Annotated[int, typer.Option(min=1, help="Published versions that serve or have a snapshot.")] = 1,
    rows: Annotated[int, typer.Option(min=1, help="Rows of one request, as in a batch.")] = 1,
    batch: Annotated[bool, typer.Option("--batch", help="Requests of a batch file: no API before them.")] = False,
    since: Annotated[str, typer.Option(help="How far back to measure the live version: 15m, 2h, 7d.")] = "24h",
    price: Annotated[
        list[str] | None, typer.Option(help="NAME=DOLLARS replaces a price of the table.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Price a month of a task at a given traffic, line by line, with the arithmetic.

    Time, init phase and share of cold starts are those of the live version's metrics; with --ms nothing is asked, and
    what is not given is assumed. Prices are AWS's public ones of us-east-1, in a table with its date.

    [dim]Examples:[/]
      infolens cost news_category
      infolens cost news_category --ms 14 --memory 1769 --arm64
      infolens cost news_summary --ms 480 --snap-start --price api-request=1.0
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    served, from_where = (
        (replace(ASSUMED, milliseconds=ms), "given") if ms is not None else measured(workplace, task, since)
    )
    served = replace(
        served,
        init_milliseconds=served.init_milliseconds if init_ms is None else init_ms,
        cold_share=served.cold_share if cold is None else cold,
        memory_mb=memory,
        bundle_mb=bundle_mb,
        architecture="arm64" if arm else "x86_64",
        snap_start=snap_start,
        provisioned=provisioned,
        versions=versions,
    )
    if served.snap_start and served.provisioned:
        raise Trouble("Lambda takes either --snap-start or --provisioned, not both")
    traffic = Traffic(per_hour, rows, through_api=not batch)
    try:
        table = prices.replaced(_given(price or []))
    except ValueError as error:
        raise Trouble(f"--price: {error}") from error
    bill = month(traffic, served, table)
    if as_json:
        print(json.dumps({**document(task, traffic, served, bill), "measured": from_where}))
        return
    show(workplace, task, served, bill, from_where)


def measured(workplace: Workplace, task: str, since: str) -> tuple[Served, str]:
    """Read from its metrics how the live version answers, and say what was seen.

    Raises:
        Trouble: none is live, or it was not asked.
    """
    advice = "give --ms instead; nothing is asked of the cloud then"
    alias = workplace.aliases.read(f"{workplace.stack.predict_function_prefix}{task}")
    if alias is None:
        raise Trouble(f"no version of {task} is live", advice)
    now, back = workplace.now(), span(since)
    seen = version_cost(
        workplace.client("cloudwatch"), task, alias.champion, now - max(back, timedelta(minutes=1)), now
    )
    if seen.warm_mean_ms is None:
        raise Trouble(f"version {alias.champion} of {task} answered no warm request in the last {since}", advice)
    init = ASSUMED.init_milliseconds if seen.init_mean_ms is None else seen.init_mean_ms
    served = replace(
        ASSUMED,
        milliseconds=seen.warm_mean_ms,
        init_milliseconds=init,
        cold_share=seen.cold_starts / seen.requests,
    )
    return served, (
        f"version {alias.champion}: {seen.requests:,} requests in the last {since}, {seen.cold_starts:,} of them cold, "
        f"{seen.gb_seconds:,.3f} GB-s"
    )


def show(workplace: Workplace, task: str, served: Served, bill: Month, from_where: str) -> None:
    """Print the bill."""
    screen = workplace.screen
    table = grid("", "dollars", "how", numbers=("dollars",), whole=("",))
    for line in bill.lines:
        table.add_row(escape(line.what), f"{line.dollars:,.2f}", escape(line.arithmetic))
    table.add_row("[bold]a month[/]", f"[bold]{bill.dollars:,.2f}[/]", f"{bill.answers:,.0f} answers of {escape(task)}")
    screen.print(table)
    screen.say(f"[dim]Time and cold starts: {escape(from_where)}[/]")
    screen.say(
        f"${bill.dollars_per_thousand:.4f} per 1,000 answers: {served.milliseconds:.1f} ms at {served.memory_mb} MB, "
        f"{served.architecture}, init {served.init_milliseconds:,.0f} ms in {100 * served.cold_share:.2f} % of requests"
    )
    screen.say(f"[dim]Prices of {prices.REGION}, {prices.AS_OF}: {prices.SOURCE.format('lambda')}[/]")


def document(task: str, traffic: Traffic, served: Served, bill: Month) -> dict[str, object]:
    """The bill as data."""
    return {
        "task": task,
        "traffic": asdict(traffic),
        "served": asdict(served),
        "lines": [asdict(line) for line in bill.lines],
        "answers": bill.answers,
        "dollars": bill.dollars,
        "dollars_per_thousand": bill.dollars_per_thousand,
        "prices": {"region": prices.REGION, "as_of": prices.AS_OF},
    }


def _given(texts: list[str]) -> dict[str, float]:
    """Read NAME=DOLLARS; raises ValueError."""
    given = {}
    for text in texts:
        name, _, dollars = text.partition("=")
        given[name] = float(dollars)
    return given
