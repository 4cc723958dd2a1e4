"""The facts of a demo, and the page that ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from infolens_cli import views

if TYPE_CHECKING:
    from rich.console import RenderableType

    from infolens.contracts.dataset import BatchReport, UploadReport
    from infolens.contracts.evaluation import EvaluationReport, Verdict
    from infolens.contracts.model import ModelRecord
    from infolens_cli.demo.traffic import Count


@dataclass(frozen=True)
class Step:
    """One change of a candidate's weight."""

    seconds: float
    """Since the watch began."""
    weight: int
    requests: int
    """Requests that users had sent by then."""


@dataclass(frozen=True)
class Run:
    """One training run that came through."""

    record: ModelRecord
    verdict: Verdict
    measured: EvaluationReport | None
    seconds: float


@dataclass(frozen=True)
class Rollback:
    """One bad candidate that was taken back."""

    how: str
    """What is wrong with it: "fails", "is slow"."""
    record: ModelRecord
    by: str
    """Who took it back."""
    reason: str
    seconds: float
    """From the first bad answer to weight 0."""
    requests: int
    """That users sent in that time."""
    bad: int
    """Requests that the candidate answered badly."""
    mean_ms: float
    """Mean time inside the candidate."""
    steps: tuple[Step, ...]
    users: Count
    """What users saw from the rollout's start to its end."""


@dataclass(frozen=True)
class Facts:
    """Everything the summary tells."""

    task: str
    uploads: tuple[UploadReport, ...] = ()
    runs: tuple[Run, ...] = ()
    batch: BatchReport | None = None
    climb: tuple[Step, ...] = ()
    climb_users: Count | None = None
    rollbacks: tuple[Rollback, ...] = ()
    chapters: tuple[tuple[str, float], ...] = ()
    curl: str = ""
    prediction_id: str = ""
    """A prediction that can be followed through the logs."""
    seconds: float = 0.0


def weights(steps: tuple[Step, ...]) -> str:
    """Weights over time as one line."""
    return " → ".join(f"{step.weight} % at {step.seconds:.0f} s" for step in steps)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _uploads(facts: Facts) -> Table:
    table = _table("rows", "in", "kept", "duplicate", "rejected", "dataset")
    for report in facts.uploads:
        name = report.source.key.rpartition("/")[2]
        counts = (report.rows_in, report.rows_kept, report.rows_duplicate, report.rows_rejected)
        table.add_row(name, *(str(number) for number in counts), views.digest(report.dataset_id))
    if facts.batch:
        name = facts.batch.source.key.rpartition("/")[2]
        said = f"{facts.batch.rows_answered} answered, {facts.batch.rows_failed} refused"
        table.add_row(name, str(facts.batch.rows_in), said, "", "", "")
    return table


def _versions(facts: Facts) -> Table:
    table = _table("version", "bundle", "gates", "came to")
    for number, run in enumerate(facts.runs):
        said = "\n".join(f"{'✓' if gate.passed else '✗'} {gate.gate}: {gate.reason}" for gate in run.verdict.results)
        end = "live at once, as the first" if number == 0 else weights(facts.climb)
        table.add_row(run.record.version, views.digest(run.record.bundle_digest), escape(said), end)
    for back in facts.rollbacks:
        table.add_row(
            back.record.version,
            views.digest(back.record.bundle_digest),
            escape("; ".join(back.record.verdict_reasons)),
            f"{weights(back.steps)}, by its {escape(views.who(back.by))}",
        )
    return table


def _rollbacks(facts: Facts) -> Table:
    table = _table("bad candidate", "until weight 0", "met it", "users who saw an error", "what took it back")
    for back in facts.rollbacks:
        table.add_row(
            f"version {back.record.version} {back.how} ({back.mean_ms:.0f} ms on average)",
            f"{back.seconds:.1f} s, {back.requests} requests",
            f"{back.bad} requests",
            f"{back.users.failed} of {back.users.requests} ({back.users.rescued} answered by the champion instead)",
            f"{escape(views.who(back.by))}: {escape(views.brief_reason(back.reason))}",
        )
    return table


def _chapters(facts: Facts) -> Table:
    table = _table("chapter", "seconds")
    for title, seconds in facts.chapters:
        table.add_row(escape(title), f"{seconds:.1f}")
    table.add_row("[bold]all[/]", f"[bold]{facts.seconds:.1f}[/]")
    return table


def next_steps(facts: Facts) -> tuple[tuple[str, str], ...]:
    """Commands worth running now, with what they show."""
    return (
        (f"infolens logs {facts.prediction_id or 1}", "one prediction through every function"),
        (f"infolens rollout history {facts.task}", "everything that moved the alias, and why"),
        (f"infolens rollout weight {facts.task} 10 --version 1", "move the alias by hand"),
        (f"infolens upload {facts.task} YOUR.csv", "your own rows"),
        ("infolens status", "who serves"),
        ("make down", "stop the cloud; nothing is left behind"),
    )


def draw(facts: Facts) -> tuple[RenderableType, ...]:
    """Draw what happened."""
    climb = facts.climb_users
    users = ""
    if climb and facts.runs:
        version = facts.runs[-1].record.version
        users = f"While version {version} climbed, {climb.requests} requests came and {climb.failed} failed."
    return (
        _uploads(facts),
        _versions(facts),
        users,
        _rollbacks(facts),
        _chapters(facts),
    )


def draw_next_steps(facts: Facts) -> Table:
    """Draw what to run next."""
    steps = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    steps.add_column(style="bold")
    steps.add_column(style="dim")
    for command, shows in next_steps(facts):
        steps.add_row(command, shows)
    return steps
