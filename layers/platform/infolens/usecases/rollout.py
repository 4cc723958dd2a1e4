"""Everything that can be asked of a rollout: by its state machine, by its alarms, and by an operator."""

from __future__ import annotations

from infolens.usecases.rollout_begin import Request, RolloutRefusedError, begin
from infolens.usecases.rollout_by_hand import (
    NoAliasError,
    NoRolloutError,
    Status,
    abort,
    history,
    hold,
    resume,
    rollout_input,
    set_weight_by_hand,
    start,
    status,
)
from infolens.usecases.rollout_effects import STATE_MACHINE, Ports
from infolens.usecases.rollout_history import Served, of_rollout, who_served
from infolens.usecases.rollout_outcomes import Outcome
from infolens.usecases.rollout_plan import plan_for
from infolens.usecases.rollout_steps import RolloutLostError, apply, collect, take_back

__all__ = [
    "STATE_MACHINE",
    "NoAliasError",
    "NoRolloutError",
    "Outcome",
    "Ports",
    "Request",
    "RolloutLostError",
    "RolloutRefusedError",
    "Served",
    "Status",
    "abort",
    "apply",
    "begin",
    "collect",
    "history",
    "hold",
    "of_rollout",
    "plan_for",
    "resume",
    "rollout_input",
    "set_weight_by_hand",
    "start",
    "status",
    "take_back",
    "who_served",
]
