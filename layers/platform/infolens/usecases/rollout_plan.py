"""Finds the plan of a rollout: the one in the input, else the deployment's, else the task's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infolens import tasks
from infolens.rollout.plan import PlanError, checked, parse_plan

if TYPE_CHECKING:
    from infolens.contracts.rollout import Plan


def plan_for(task: str, given: object = None, deployed: str = "") -> Plan:
    """Choose the plan.

    Args:
        task: task of the rollout.
        given: plain JSON values from the input of the state machine, or None.
        deployed: JSON text of the setting ROLLOUT_PLAN, or "".

    Raises:
        PlanError: the plan that was chosen cannot be followed.
        UnknownTaskError: there is no such task.
    """
    if given is not None:
        return parse_plan(given)
    if deployed:
        try:
            return parse_plan(json.loads(deployed))
        except json.JSONDecodeError as error:
            raise PlanError((f"ROLLOUT_PLAN is no JSON: {error}",)) from error
    plan: Plan = tasks.part_of(task, "plan").PLAN
    return checked(plan)
