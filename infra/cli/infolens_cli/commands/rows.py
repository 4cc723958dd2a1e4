"""`infolens upload` and `predict`: rows in, answers out."""

import json
from pathlib import Path
from typing import Annotated

import httpx
import typer

from infolens.contracts import keys
from infolens.contracts.dataset import BatchReport, UploadReport
from infolens_cli import predictions, uploading, views
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.waiting import wait_for
from infolens_cli.workplace import Workplace, check_task

_SHOWN = 5
"""Rows of a reject or result file that are printed."""

Task = Annotated[str, typer.Argument(help="Name of the task, for example news_category.", show_default=False)]


@friendly
def upload(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    task: Task,
    file: Annotated[Path, typer.Argument(help="CSV file, plain or .csv.gz.", show_default=False)],
    *,
    batch: Annotated[bool, typer.Option("--batch", help="The rows have no labels: answer them.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the report and print it.")] = True,
    limit: Annotated[float, typer.Option(help="Seconds to wait for the report.")] = 900.0,
) -> None:
    """Upload a CSV: labelled rows grow the dataset and start a training, unlabelled ones (--batch) are answered.

    The report counts every row: rows in = kept + duplicate + rejected. Rejected rows are kept with line and reason.

    [dim]Examples:[/]
      infolens upload news_category articles.csv
      infolens upload news_category unlabelled.csv.gz --batch
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    if not file.is_file():
        raise Trouble(f"there is no file {file}")
    put = uploading.put(workplace.client("s3"), workplace.stack, task, file, batch=batch)
    workplace.screen.say(f"uploaded to s3://{put.bucket}/{put.key} (upload id {put.upload_id})")
    if not wait:
        return
    if batch:
        answered = await_batch(workplace, task, put, limit)
        show_batch(workplace, answered)
        if answered.status != "answered":
            raise typer.Exit(1)
    else:
        report = await_report(workplace, task, put, limit)
        show_report(workplace, report)
        if report.status == "refused":
            raise typer.Exit(1)
        if report.status == "accepted" and not report.reason:
            workplace.screen.say(f"A training has started. Follow it: [bold]infolens train {task} --wait[/]")


def await_report(workplace: Workplace, task: str, put: uploading.Uploaded, limit: float) -> UploadReport:
    """Wait for the report of a labelled upload on the screen."""
    with workplace.screen.step("Ingesting the rows"):
        return wait_for(
            lambda: uploading.upload_report(workplace.objects, workplace.stack, task, put.upload_id),
            what=f"the report of upload {put.upload_id}",
            seconds=limit,
            advice=f"`infolens logs {put.upload_id}` shows how far it came",
        )


def await_batch(workplace: Workplace, task: str, put: uploading.Uploaded, limit: float) -> BatchReport:
    """Wait for the answers of a batch on the screen."""
    with workplace.screen.step("Answering the rows"):
        return wait_for(
            lambda: uploading.batch_report(workplace.objects, workplace.stack, task, put.upload_id),
            what=f"the answers of batch {put.upload_id}",
            seconds=limit,
            advice=f"`infolens logs {put.upload_id}` shows how far it came",
        )


def show_report(workplace: Workplace, report: UploadReport) -> None:
    """Print the counts, and the first rejected rows."""
    workplace.screen.print(views.upload_report(report))
    if report.rows_rejected:
        bucket, key = workplace.stack.data_bucket, keys.rejects(report.task, report.upload_id)
        rows = uploading.rows_of(workplace.objects, bucket, key, _SHOWN)
        if rows:
            workplace.screen.print(views.rejects(rows, report.rows_rejected))
            workplace.screen.say(f"[dim]all of them: s3://{bucket}/{key}[/]")


def show_batch(workplace: Workplace, report: BatchReport) -> None:
    """Print the counts, and the first answers."""
    workplace.screen.print(views.batch_report(report))
    if not report.results_key:
        return
    rows = uploading.rows_of(workplace.objects, workplace.stack.uploads_bucket, report.results_key, _SHOWN)
    if rows:
        workplace.screen.print(views.result_rows(rows, report.rows_in))


@friendly
def predict(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Name of the task; none asks the three of Info Lens together.")] = "",
    *,
    text: Annotated[str, typer.Option(help="Text to answer, for tasks that take one; - reads it from the input.")] = "",
    given: Annotated[str, typer.Option("--input", help="The whole input as JSON, for any task.")] = "",
    prediction_id: Annotated[int | None, typer.Option(min=1, help="Your own id of this prediction.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as it came.")] = False,
    curl: Annotated[bool, typer.Option("--curl", help="Print the call as a curl line instead of making it.")] = False,
) -> None:
    """Ask the API, with the stack's key, as an app would. Exit code 1 when it refuses.

    [dim]Examples:[/]
      infolens predict news_category --text "The senate voted on the bill after a long night of debate."
      infolens predict news_category --input '{"title": "Late goal", "text": "The striker scored in …"}' --json
      infolens predict --prediction-id 7 --text "The senate voted on the bill after a long night of debate."
    """
    workplace: Workplace = ctx.obj
    payload = _payload(text, given, prediction_id)
    if curl:
        print(predictions.curl(workplace.stack.api_url, workplace.api_key, task, payload))  # no wrapping, no markup
        return
    with httpx.Client(timeout=predictions.TIME_OUT) as client:
        url = predictions.address(workplace.stack.api_url, task)
        answer = predictions.ask(client, url, workplace.api_key, payload)
    if as_json:
        print(json.dumps(answer.body, ensure_ascii=False))
    elif answer.ok:
        workplace.screen.print(views.answer(answer.body))
        workplace.screen.say(f"[dim]{answer.seconds * 1000:.0f} ms[/]")
    if not answer.ok:
        raise Trouble(views.problem(answer.body))


def _payload(text: str, given: str, prediction_id: int | None) -> dict[str, object]:
    payload: dict[str, object] = {}
    if given:
        try:
            parsed = json.loads(given)
        except ValueError as error:
            raise Trouble(f"--input is no JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise Trouble("--input must be a JSON object")
        payload |= parsed
    if text:
        payload["text"] = typer.get_text_stream("stdin").read() if text == "-" else text
    if not payload:
        raise Trouble("there is nothing to predict", 'give --text "…" or --input \'{"…": …}\'')
    if prediction_id is not None:
        payload["prediction_id"] = prediction_id
    return payload
