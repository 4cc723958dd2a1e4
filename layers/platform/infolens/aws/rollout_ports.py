"""Puts together the real adapters that rollouts work with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infolens.aws.alarms import CloudWatchAlarms
from infolens.aws.alias import LambdaAliases
from infolens.aws.metrics import CloudWatchMetrics
from infolens.aws.observations import DynamoObservations
from infolens.aws.provisioned import ProvisionedAliases
from infolens.aws.registry import DynamoRegistry
from infolens.aws.rollouts import DynamoRollouts
from infolens.settings import settings
from infolens.usecases.rollout_effects import Ports

if TYPE_CHECKING:
    from infolens.settings import Settings


def rollout_ports(given: Settings | None = None) -> Ports:
    """Build the ports from settings: those given (an operator's terminal), or this process's environment.

    Raises:
        MissingSettingError: ROLLOUTS_TABLE or PREDICT_FUNCTION_PREFIX is not set. MODELS_TABLE and
            TAKE_BACK_FUNCTION_ARN are needed by those alone who bring a version in, OBSERVATIONS_TABLE by those alone
            who look.
    """
    values = given or settings()
    environments = int(values.provisioned_concurrency) if values.provisioned_concurrency else None
    return Ports(
        aliases=ProvisionedAliases(LambdaAliases(), environments, time.sleep),
        store=DynamoRollouts(values.need("rollouts_table")),
        models=DynamoRegistry(values.models_table),
        metrics=CloudWatchMetrics(),
        alarms=CloudWatchAlarms(values.take_back_function_arn),
        observations=DynamoObservations(values.observations_table),
        function_prefix=values.need("predict_function_prefix"),
    )
