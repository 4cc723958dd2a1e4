"""`infolens dataset list`, `show`, `diff` and `checkout`: any dataset there ever was, and the model that came of it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from infolens.aws.bundles import download
from infolens.aws.objects import ObjectMissingError
from infolens.contracts.dataset import DatasetManifest, Part
from infolens.contracts.model import ModelRecord
from infolens.ml.bundle import DigestMismatchError
from infolens_cli import checkouts, data_views
from infolens_cli.commands.rows import Task
from infolens_cli.dataset_diff import compare
from infolens_cli.datasets import Shelf
from infolens_cli.figures import amount
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace, check_task

_ID_HELP = "Beginning of a dataset's id, TASK for its newest, or TASK@VERSION for what a model was trained on."
_FORMATS = ("parquet", "csv")


def shelf(workplace: Workplace) -> Shelf:
    """The datasets in the chosen cloud."""
    return Shelf(workplace.objects, workplace.stack.data_bucket, workplace.registry)


@friendly
def list_(
    ctx: typer.Context,
    task: Task,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Newest datasets to show.")] = 20,
    every: Annotated[
        bool, typer.Option("--all", help="All of them, those that the head was moved away from included.")
    ] = False,
) -> None:
    """List a task's datasets from the newest back along their parents: rows, uploads, when, and by which code.

    [dim]Examples:[/]
      infolens dataset list news_category
      infolens dataset list news_category --all
    """
    workplace: Workplace = ctx.obj
    datasets = shelf(workplace)
    line = datasets.line(check_task(task), 10**9 if every else limit)
    aside = datasets.aside(task, line) if every else []
    if not line.datasets and not aside:
        workplace.screen.say(f"{task} has no dataset yet; [bold]infolens upload {task} FILE[/] makes the first one")
        return
    head = line.datasets[0].dataset_id if line.datasets else ""
    workplace.screen.print(data_views.dataset_list(line.datasets, head, aside))
    if line.broken:
        workplace.screen.say(f"[yellow]the line ends here:[/] {escape(line.broken)}")
    elif not line.ended:
        workplace.screen.say(f"[dim]older ones: infolens dataset list {task} --limit {2 * limit}[/]")


@friendly
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP, show_default=False)],
) -> None:
    """Show one dataset: rows, labels, lengths, the uploads it is made of, and the models that were trained on it.

    [dim]Examples:[/]
      infolens dataset show 3f2a
      infolens dataset show news_category
      infolens dataset show news_category@7
    """
    workplace: Workplace = ctx.obj
    datasets = shelf(workplace)
    named = datasets.find(name)
    manifest = named.manifest
    if named.model:
        workplace.screen.print(data_views.model(named.model))
        workplace.screen.say()
    head = datasets.head(manifest.task)
    is_head = head is not None and head.dataset_id == manifest.dataset_id
    workplace.screen.print(data_views.dataset(manifest, is_head=is_head))
    workplace.screen.print(data_views.sources(manifest.sources, "uploads"))
    if records := datasets.trained_on(manifest):
        workplace.screen.print(data_views.trained(records))


@friendly
def diff(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help=_ID_HELP, show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="The other one, named likewise.", show_default=False)],
    *,
    rows: Annotated[
        bool, typer.Option("--rows", help="Also tell the rows apart by identity; downloads the parts that differ.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Rows of each side to print with --rows.")] = 10,
) -> None:
    """Tell in what two datasets differ: uploads and parts, rows, splits, label mix, lengths.

    [dim]Examples:[/]
      infolens dataset diff 3f2a 9c01
      infolens dataset diff news_category@6 news_category@7 --rows
    """
    workplace: Workplace = ctx.obj
    screen, datasets = workplace.screen, shelf(workplace)
    before, after = datasets.find(first).manifest, datasets.find(second).manifest
    found = compare(before, after)
    screen.say(f"{before.dataset_id[:16]} and {after.dataset_id[:16]}: {found.relation}")
    if found.same:
        return
    screen.print(*data_views.difference(found))
    if not rows:
        return
    with tempfile.TemporaryDirectory() as folder:
        old = fetch(workplace, before.task, found.parts_removed, Path(folder) / "first")
        new = fetch(workplace, after.task, found.parts_added, Path(folder) / "second")
        told = checkouts.differing_rows(old, found.parts_removed, new, found.parts_added, most=limit)
    common = min(before.rows - told.only_before, after.rows - told.only_after)
    screen.say(
        f"rows only in the first: [bold]{amount(told.only_before)}[/], "
        f"only in the second: [bold]{amount(told.only_after)}[/], in both: [bold]{amount(common)}[/]"
    )
    screen.print(*data_views.differing_rows(told))


@friendly
def checkout(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP, show_default=False)],
    *,
    to: Annotated[Path | None, typer.Option(help="Folder; TASK-ID when not given.", show_default=False)] = None,
    kind: Annotated[str, typer.Option("--as", help="parquet (the parts as they are) or csv (one file).")] = "parquet",
    with_model: Annotated[
        bool, typer.Option("--with-model", help="With TASK@VERSION: also the model's bundle, its digest checked.")
    ] = False,
    head: Annotated[
        bool, typer.Option("--head", help="Make it the task's newest dataset again; downloads only with --to.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before moving the head.")] = False,
) -> None:
    """Bring a dataset back: onto this machine, every part checked against its sha256, or as the task's newest again.

    Cells of the CSV that a spreadsheet would take for formulas are written as text.

    [dim]Examples:[/]
      infolens dataset checkout 3f2a --as csv
      infolens dataset checkout news_category@7 --with-model --to ./version-7
      infolens dataset checkout 3f2a --head
    """
    workplace: Workplace = ctx.obj
    if kind not in _FORMATS:
        raise Trouble(f"--as {kind} is no format", f"known: {', '.join(_FORMATS)}")
    named = shelf(workplace).find(name)
    if with_model and named.model is None:
        raise Trouble("--with-model needs a model", f"name it: infolens dataset checkout {named.manifest.task}@VERSION")
    if to or not head:
        directory = to or Path(f"{named.manifest.task}-{named.manifest.dataset_id[:12]}")
        bring(workplace, named.manifest, directory, kind)
        if with_model and named.model:
            bring_model(workplace, named.model, directory / "bundle")
    if head:
        make_newest(workplace, named.manifest, yes=yes)


def fetch(workplace: Workplace, task: str, parts: Sequence[Part], directory: Path) -> list[Path]:
    """Download parts on the screen; of none, say nothing."""
    if not parts:
        return []
    source = checkouts.Source(workplace.objects, workplace.stack.data_bucket, task)
    rows, whole = 0, sum(part.rows for part in parts)
    with workplace.screen.step(f"Fetching {len(parts)} parts with {amount(whole)} rows") as step:

        def seen(more: int) -> None:
            nonlocal rows
            rows += more
            step.note(f"{amount(rows)} of {amount(whole)} rows")

        return checkouts.fetch(source, parts, directory, seen)


def bring(workplace: Workplace, manifest: DatasetManifest, directory: Path, kind: str) -> None:
    """Check a dataset out into a folder, with its manifest."""
    checkouts.prepare(directory, manifest)
    screen = workplace.screen
    if kind == "parquet":
        fetch(workplace, manifest.task, manifest.parts, directory / checkouts.PARTS)
        screen.say(f"{amount(manifest.rows)} rows lie in {escape(str(directory / checkouts.PARTS))}, each part checked")
    else:
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            paths = fetch(workplace, manifest.task, manifest.parts, Path(folder))
            with screen.step("Writing the CSV"):
                rows = checkouts.write_csv(paths, manifest.parts, directory / checkouts.ROWS)
        screen.say(f"{amount(rows)} rows lie in {escape(str(directory / checkouts.ROWS))}")
    screen.say(f"what they are says {escape(str(directory / checkouts.MANIFEST))}")
    screen.say(f"[dim]train on it again: infolens train {manifest.task} --dataset {manifest.dataset_id} --again[/]")


def bring_model(workplace: Workplace, record: ModelRecord, directory: Path) -> None:
    """Download a model's bundle; every byte of it is checked.

    Raises:
        Trouble: the bundle is not there, or is not what its digest says.
    """
    with workplace.screen.step(f"Fetching the bundle of version {record.version}"):
        try:
            download(record.bundle_uri, record.bundle_digest, directory, workplace.client("s3"))
        except (DigestMismatchError, ObjectMissingError) as error:
            raise Trouble(f"the bundle of version {record.version}: {error}") from error
    workplace.screen.say(f"its bundle lies in {escape(str(directory))}, digest {record.bundle_digest}")
    workplace.screen.say(f"[dim]serve it again: infolens rollout start {record.task} {record.version}[/]")


def make_newest(workplace: Workplace, manifest: DatasetManifest, *, yes: bool) -> None:
    """Move a task's head to a dataset, unless somebody else moves it meanwhile.

    Raises:
        Trouble: it was moved by others, or the operator said no.
    """
    screen, datasets = workplace.screen, shelf(workplace).of(manifest.task)
    newest = datasets.newest()
    if newest.manifest and newest.manifest.dataset_id == manifest.dataset_id:
        screen.say(f"{manifest.dataset_id[:16]} is the newest dataset of {manifest.task} already")
        return
    if newest.manifest:
        found = compare(newest.manifest, manifest)
        screen.say(
            f"The newest dataset of {manifest.task} is {newest.manifest.dataset_id[:16]} "
            f"with {amount(newest.manifest.rows)} rows; {manifest.dataset_id[:16]} has {amount(manifest.rows)}. "
            f"{len(found.uploads_removed)} uploads leave, {len(found.uploads_added)} come back."
        )
    if not yes and not typer.confirm("Uploads from now on are added to it. Make it the newest?"):
        raise Trouble("the head was not moved")
    if not datasets.move_head(manifest.dataset_id, newest.etag):
        raise Trouble("an upload has made another dataset meanwhile, so the head was not moved", "try again")
    screen.say(f"[bold]{manifest.dataset_id[:16]}[/] is the newest dataset of {manifest.task}; no training has started")
    screen.say(f"Train on it: [bold]infolens train {manifest.task}[/]")
