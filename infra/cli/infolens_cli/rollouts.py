"""Starts rollouts, and reads how they stand: the alias, its owner, and the history of both."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from infolens.aws import executions as starting
from infolens.rollout.plan import PlanError, parse_plan
from infolens.usecases import rollout
from infolens_cli import executions
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

    from infolens.contracts.rollout import AliasState, HistoryEvent, RolloutRecord
    from infolens_cli.workplace import Workplace

RUNNING = "running"


@dataclass(frozen=True)
class Standing:
    """How a task's rollout stands."""

    alias: AliasState | None
    owner: RolloutRecord | None
    """The rollout that owns, or last owned, the alias."""
    history: tuple[HistoryEvent, ...]
    """Lines of the owner's history, oldest first."""


def standing(workplace: Workplace, task: str) -> Standing:
    """Read how things stand."""
    owner = workplace.rollouts.current(task)
    history = workplace.rollouts.history(task)
    return Standing(
        alias=workplace.aliases.read(workplace.stack.predict_function(task)),
        owner=owner,
        history=tuple(event for event in history if owner and event.rollout_id == owner.rollout_id),
    )


def next_look(record: RolloutRecord, now: datetime) -> datetime:
    """When the state machine of a running rollout looks next, judged from the step's start.

    It waits `look_seconds` between two looks, so they come about that far apart from the step's start on.
    """
    started = datetime.fromisoformat(record.step_started_at)
    every = record.plan.look_seconds
    return started + timedelta(seconds=(max(0.0, (now - started).total_seconds()) // every + 1) * every)


def read_plan(file: Path) -> dict[str, Any]:
    """Read a rollout plan and check it before it reaches the state machine.

    Raises:
        Trouble: the file is no JSON, or no plan that can be followed; it names everything that is wrong.
    """
    try:
        plain = json.loads(file.read_text("utf-8"))
        parse_plan(plain)
    except OSError as error:
        raise Trouble(f"the plan {file} cannot be read: {error.strerror}") from error
    except PlanError as error:
        raise Trouble(str(error)) from error
    except ValueError as error:
        raise Trouble(f"the plan {file} is no JSON: {error}") from error
    return dict(plain)


def start(workplace: Workplace, task: str, version: str, *, plan: dict[str, Any] | None, forced: bool) -> str:
    """Start the rollout of a registered version; gives the ARN of its execution.

    The state machine checks all of this again; here it is said before anything starts.

    Raises:
        Trouble: there is no such version, it was registered past its gates and nobody insists, or a rollout runs.
    """
    record = workplace.registry.get(task, version) if version.isdecimal() else None
    if record is None:
        known = ", ".join(item.version for item in workplace.registry.list(task)) or "none"
        raise Trouble(f"{task} has no registered version {version}", f"registered versions: {known}")
    if not record.verdict_passed and not forced:
        raise Trouble(
            f"version {version} was registered past its gates: {'; '.join(record.verdict_reasons)}",
            "say --force if it is to meet users all the same",
        )
    if record.refusals and not forced:
        raise Trouble("; ".join(record.refusals), "say --force if it is to meet users all the same")
    owner = workplace.rollouts.current(task)
    if owner is not None and owner.status == RUNNING:
        raise Trouble(
            f"rollout {owner.rollout_id} owns the alias of {task}: it brings in version {owner.candidate}",
            f"wait for it (`infolens rollout status {task}`), or end it: `infolens rollout abort {task}`",
        )
    document = rollout.rollout_input(task, version, f"operator:{workplace.operator}", forced=forced, plan=plan)
    machine = workplace.stack.rollout_state_machine_arn
    rollout_id = f"{task[:40]}-v{version}-{secrets.token_hex(4)}"
    states = workplace.client("stepfunctions")
    rollout.start(lambda arn, name, given: starting.start(arn, name, given, states), machine, rollout_id, document)
    return executions.arn_of(machine, rollout_id)
