"""`infolens train` and `register`: from a dataset, or a bundle, to a version that can be rolled out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from infolens.aws import executions as starting
from infolens.aws.versions import LambdaVersions, PublishError
from infolens.contracts.model import ModelRecord
from infolens.ml.bundle import DigestMismatchError
from infolens.usecases import registration
from infolens_cli import executions, trainings, views
from infolens_cli.commands.rows import Task
from infolens_cli.logs import last_line
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace, check_task


@friendly
def train(  # noqa: PLR0913 - options of one command
    ctx: typer.Context,
    task: Task,
    *,
    dataset: Annotated[str, typer.Option(help="Whole id of the dataset; the newest when not given.")] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Train once more although this dataset has been trained on.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow the run to its end and print what the gates said.")
    ] = False,
    tune: Annotated[str, typer.Option(help="Search for the best hyperparameters: grid or random.")] = "",
    max_jobs: Annotated[int, typer.Option(help="Trainings of a search at most; 0: a whole grid, or ten.", min=0)] = 0,
    parallel: Annotated[int, typer.Option(help="Trainings of a search at once.", min=1, max=10)] = 2,
    spot: Annotated[
        bool | None, typer.Option("--spot/--on-demand", help="On spot instances or not; else as the stack has it.")
    ] = None,
    resume: Annotated[
        str, typer.Option(help="Run to go on with after its training: export, judge, test, rollout.")
    ] = "",
    limit: Annotated[float, typer.Option(help="Seconds to follow it at most.")] = 6 * 3600.0,
) -> None:
    """Train a candidate: train, export, parity, evaluate, judge, register, load test, rollout.

    A dataset is trained on once for each state of the code; asked again, this finds the run that there is. A search
    and a resumed run are always new ones. One run of a task goes on at a time; others wait for their turn.
    Exit code 1 when --wait sees the run fail, or the gates or the load test refuse.

    [dim]Examples:[/]
      infolens train news_category --wait
      infolens train news_category --again
      infolens train news_category --tune random --max-jobs 5
      infolens train news_category --resume news_category-12ab34cd56ef-0123456789ab
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    stack = workplace.stack
    model = trainings.trained(workplace.objects, stack, task, resume) if resume else None
    dataset_id = dataset or (model.dataset_id if model else trainings.head_dataset(workplace.objects, stack, task))
    manifest = trainings.dataset(workplace.objects, stack, task, dataset_id)
    document = trainings.order(
        manifest,
        f"operator:{workplace.operator}",
        strategy=tune,
        max_jobs=max_jobs,
        parallel=parallel,
        spot=spot,
        resume=resume,
    )
    name = trainings.resumed_name(model) if model else trainings.run_name(manifest, again=again or bool(tune))
    started = starting.start(stack.training_state_machine_arn, name, document, workplace.client("stepfunctions"))
    workplace.screen.say(f"run {name} {'runs' if started else 'had been started before'}")
    if not wait:
        workplace.screen.say(
            f"Follow it: [bold]infolens train {task} --wait[/]; its logs: [bold]infolens logs {name}[/]"
        )
        return
    ended = follow_training(workplace, task, executions.arn_of(stack.training_state_machine_arn, name), limit)
    show_run(workplace, task, ended, resume)
    if ended.status != "SUCCEEDED":
        raise typer.Exit(1)


def follow_training(workplace: Workplace, task: str, arn: str, limit: float) -> executions.Ended:
    """Follow a training run on the screen."""
    run_id = arn.rpartition(":")[2]
    states, logs = workplace.client("stepfunctions"), workplace.client("logs")
    with workplace.screen.step(f"Training {task}: run {run_id}") as step:

        def seen(found: list[executions.StateRun]) -> None:
            step.show(executions.table(found, workplace.now()))
            if found:
                job = found[-1].note if found[-1].outcome == "running" else ""
                step.note(f"{found[-1].name} {last_line(logs, job) if job else ''}".strip())

        return executions.follow(states, arn, seen=seen, seconds=limit, every=1.5)


def show_run(workplace: Workplace, task: str, ended: executions.Ended, resumed: str = "") -> None:
    """Print how long each state took, and what the gates said; of the run that was `resumed`, if one was."""
    screen, run_id = workplace.screen, resumed or ended.name
    screen.print(executions.table(ended.states, workplace.now()))
    parity = trainings.parity_of(workplace.objects, workplace.stack, task, run_id)
    if parity:
        screen.say(
            f"parity     the exported bundle is {parity.mean_difference:.4f} from the trained model on average, "
            f"{parity.label_flips:.1%} of {parity.rows} answers differ"
        )
    report = trainings.evaluation_of(workplace.objects, workplace.stack, task, run_id)
    if report:
        screen.say(f"held out   {report.rows} rows: {metrics(report.metrics)}")
        if report.champion_metrics:
            screen.say(f"champion   the same rows: {metrics(report.champion_metrics)}")
    verdict = trainings.verdict_of(workplace.objects, workplace.stack, task, run_id)
    if verdict:
        screen.print(views.verdict(verdict))
    load = trainings.load_of(workplace.objects, workplace.stack, task, run_id)
    if load:
        screen.say(f"load       {escape(views.load(load))}")
    if ended.status != "SUCCEEDED":
        screen.say(f"[red]{ended.status}[/] {escape(ended.error)} {escape(ended.cause)}".rstrip())


def metrics(found: dict[str, float]) -> str:
    """Metrics as a line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in sorted(found.items()))


@friendly
def register(
    ctx: typer.Context,
    task: Task,
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle, with its manifest.json.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Needed: the bundle passes no gate this way.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the model for ever.")] = "",
) -> None:
    """Register a bundle past its gates, as an operator; it gets a version, and no traffic.

    Runs of the training state machine register themselves. This door is for emergencies, and it stays visible: the
    model's record says who opened it and why.

    [dim]Example:[/]
      infolens register news_category ./bundle --force --reason "hot fix of the label order"
    """
    workplace: Workplace = ctx.obj
    check_task(task)
    if not force:
        raise Trouble("a bundle registered by hand has passed no gate", "say --force if you mean it, with --reason")
    if not reason.strip():
        raise Trouble("--reason is missing", "say why; it is kept with the model for ever")
    record = register_bundle(workplace, task, bundle, reason)
    workplace.screen.say(f"{task} version [bold]{record.version}[/] pins bundle {views.digest(record.bundle_digest)}")
    workplace.screen.say(f"Bring it in: [bold]infolens rollout start {task} {record.version} --force[/]")


def register_bundle(workplace: Workplace, task: str, bundle: Path, reason: str) -> ModelRecord:
    """Register a local bundle past the gates.

    Raises:
        Trouble: it is no bundle, is not what its manifest says, or is another task's; or it could not be published.
    """
    stack = workplace.stack
    why = f"registered past the gates by operator:{workplace.operator}: {reason}"
    ports = registration.Ports(
        objects=workplace.objects,
        versions=LambdaVersions(workplace.client("lambda")),
        registry=workplace.registry,
        models_bucket=stack.models_bucket,
        function_prefix=stack.predict_function_prefix,
    )
    try:
        return registration.register_by_hand(bundle, task, workplace.operator, ports, workplace.now(), why=why)
    except FileNotFoundError as error:
        raise Trouble(f"{bundle} is no bundle: {error.filename} is missing") from error
    except (DigestMismatchError, registration.WrongTaskError, PublishError) as error:
        raise Trouble(str(error)) from error
