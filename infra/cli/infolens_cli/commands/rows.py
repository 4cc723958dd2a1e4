"""`infolens upload`, `report`, `replay` and `predict`: rows in, answers out."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.dataset import BatchReport, UploadReport
from infolens.tasks import task_names
from infolens_cli import predictions, uploading, views
from infolens_cli.figures import size
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
    file: Annotated[
        Path, typer.Argument(help="CSV file: .csv, .tsv or .txt, also with .gz or .zip behind.", show_default=False)
    ],
    *,
    batch: Annotated[bool, typer.Option("--batch", help="The rows have no labels: answer them.")] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Save the rejected rows here, to mend and upload.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the report and print it.")] = True,
    limit: Annotated[float, typer.Option(help="Seconds to wait for the report.")] = 900.0,
) -> None:
    """Upload a CSV: labelled rows grow the dataset and start a training, unlabelled ones (--batch) are answered.

    The report counts every row: rows in = kept + duplicate + rejected. Rejected rows are kept with line and reason.

    [dim]Examples:[/]
      infolens upload news_category articles.csv
      infolens upload news_category articles.zip --rejects rejects.csv
      infolens upload news_category unlabelled.csv.gz --batch
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    if not file.is_file():
        raise Trouble(f"there is no file {file}")
    put = send(workplace, task, file, batch=batch)
    workplace.screen.say(f"uploaded to s3://{put.bucket}/{put.key} (upload id {put.upload_id})")
    if not wait:
        if not batch:
            workplace.screen.say(f"Its report, when it is there: [bold]infolens report {put.upload_id}[/]")
        return
    if batch:
        answered = await_batch(workplace, task, put, limit)
        show_batch(workplace, answered)
        if answered.status != "answered":
            raise typer.Exit(1)
    else:
        _settle(workplace, await_report(workplace, task, put, limit), rejects)


@friendly
def report(
    ctx: typer.Context,
    upload_id: Annotated[str, typer.Argument(help="Id of the upload, or a beginning of it.", show_default=False)],
    rejects: Annotated[
        Path | None, typer.Option(help="Save the rejected rows here, to mend and upload.", show_default=False)
    ] = None,
) -> None:
    """Print the report of an upload again, and fetch its rejected rows.

    [dim]Examples:[/]
      infolens report 1f0c9a
      infolens report 1f0c9a --rejects rejects.csv
    """
    workplace: Workplace = ctx.obj
    places = (*task_names(), uploading.UNKNOWN_TASK)
    found = uploading.find_report(workplace.objects, workplace.stack, places, upload_id)
    show_report(workplace, found)
    if rejects:
        save_rejects(workplace, found, rejects)
    if found.rows_rejected or found.status == "refused":
        workplace.screen.say(next_step(found, rejects))


@friendly
def replay(
    ctx: typer.Context,
    upload_id: Annotated[
        str, typer.Argument(help="Id of the refused upload, or a beginning of it.", show_default=False)
    ],
    *,
    task: Annotated[str, typer.Option(help="Task whose rows these are, when the file was put where no task is.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the report and print it.")] = True,
    limit: Annotated[float, typer.Option(help="Seconds to wait for the report.")] = 900.0,
) -> None:
    """Put a quarantined file in again, byte for byte, after a fix of the code, the budget or the task's name.

    It is a new upload with a report of its own, which names the old one; a mended file is simply uploaded.

    [dim]Examples:[/]
      infolens replay 1f0c9a
      infolens replay 1f0c9a --task news_category
    """
    workplace: Workplace = ctx.obj
    if task:
        check_task(task)
    places = (*task_names(), uploading.UNKNOWN_TASK)
    refused = uploading.quarantined(workplace.objects, workplace.stack, places, upload_id)
    target = task or refused.task
    if target == uploading.UNKNOWN_TASK:
        raise Trouble(
            f"{refused.filename} was put where no task is",
            f"say whose rows these are: infolens replay {refused.upload_id} --task TASK",
        )
    put = uploading.put_again(workplace.client("s3"), workplace.stack, refused, target)
    workplace.screen.say(f"put again as s3://{put.bucket}/{put.key} (upload id {put.upload_id})")
    if wait:
        _settle(workplace, await_report(workplace, target, put, limit), None)
    else:
        workplace.screen.say(f"Its report, when it is there: [bold]infolens report {put.upload_id}[/]")


def send(workplace: Workplace, task: str, file: Path, *, batch: bool) -> uploading.Uploaded:
    """Upload a file; with a bar when it is so large that one has to wait."""
    client, whole = workplace.client("s3"), file.stat().st_size
    if whole < uploading.PIECE_BYTES:
        return uploading.put(client, workplace.stack, task, file, batch=batch)
    uploading.content_type(file.name)  # said before a step begins that could only fail
    bar = Progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    sent = bar.add_task("", total=whole)
    with workplace.screen.step(f"Uploading {file.name}") as step:
        step.show(bar)

        def seen(more: int) -> None:
            bar.update(sent, advance=more)
            if not workplace.screen.console.is_terminal:
                step.note(f"{size(int(bar.tasks[0].completed))} of {size(whole)}")

        return uploading.put(client, workplace.stack, task, file, batch=batch, seen=seen)


def _settle(workplace: Workplace, report: UploadReport, rejects: Path | None) -> None:
    """Print a report and what to do next; exit code 1 when the file was refused."""
    show_report(workplace, report)
    if rejects:
        save_rejects(workplace, report, rejects)
    workplace.screen.say(next_step(report, rejects))
    if report.status == "refused":
        raise typer.Exit(1)


def next_step(report: UploadReport, rejects: Path | None) -> str:
    """Say in one line what to do after a report."""
    if report.status == "refused":
        return (
            "Next: mend the file and upload it again; if not the file was wrong: "
            f"[bold]infolens replay {report.upload_id}[/]"
        )
    if report.rows_rejected and rejects:
        return f"Next: mend {rejects} and [bold]infolens upload {report.task} {rejects}[/]"
    if report.rows_rejected:
        return (
            f"Next: [bold]infolens report {report.upload_id} --rejects rejects.csv[/], mend it, and "
            f"[bold]infolens upload {report.task} rejects.csv[/]"
        )
    if report.status == "accepted" and not report.reason:
        return f"A training has started. Follow it: [bold]infolens train {report.task} --wait[/]"
    return f"Next: [bold]infolens dataset show {report.task}[/] tells what there is"


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
    """Print the counts, the first rejects, conflicts and near-duplicates, and where all of it lies."""
    screen, bucket = workplace.screen, workplace.stack.data_bucket
    screen.print(views.upload_report(report))
    if report.conflicts:
        screen.print(views.conflicts(report))
    if report.near_duplicate_pairs:
        screen.print(views.near_duplicates(report))
    lies = {"report": keys.upload_report(report.task, report.upload_id)}
    lies["as text"] = keys.upload_report_text(report.task, report.upload_id)
    if report.rows_rejected:
        key = keys.rejects(report.task, report.upload_id)
        rows = uploading.rows_of(workplace.objects, bucket, key, _SHOWN)
        if rows:
            screen.print(views.rejects(rows, report.rows_rejected))
            lies["rejects"] = key
    if report.status == "refused":
        name = report.source.key.rpartition("/")[2]
        lies["quarantine"] = keys.quarantined(report.task, report.upload_id, name)
    screen.print(views.places(bucket, lies))


def save_rejects(workplace: Workplace, report: UploadReport, path: Path) -> None:
    """Save the rejected rows of an upload as the CSV that an editor mends.

    Raises:
        Trouble: none was rejected row by row, or the file cannot be written.
    """
    key = keys.rejects(report.task, report.upload_id)
    try:
        stream = workplace.objects.open(workplace.stack.data_bucket, key)
    except ObjectMissingError as error:
        raise Trouble(f"upload {report.upload_id} has no rejected rows of its own") from error
    try:
        with stream, path.open("wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}") from error
    workplace.screen.say(f"the rejected rows lie in {escape(str(path))}")


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
