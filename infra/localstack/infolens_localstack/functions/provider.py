"""LocalStack's Lambda with what it gets wrong mended: UpdateAlias with weights; its own metrics give way to ours."""

import dataclasses
from collections import defaultdict
from typing import Any, Final

from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import AliasConfiguration, PreconditionFailedException, ResourceNotFoundException
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation import execution_environment, version_manager
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.provider_utils import get_function_version

_NO_LIMIT_SECONDS: Final = 3600


class AliasRepairedLambdaProvider(LambdaProvider):
    """Lambda as LocalStack has it, with a working UpdateAlias."""

    def __init__(self) -> None:
        super().__init__()
        # The executor publishes logs and metrics itself, with the dimensions and the Duration that LocalStack lacks.
        version_manager.record_cw_metric_error = _nothing
        version_manager.record_cw_metric_invocation = _nothing
        version_manager.LambdaVersionManager.store_logs = _nothing

        # The executor itself cuts an initialisation as Lambda does. LocalStack's clock would kill what only started
        # late on a busy machine, and leave it without its folder.
        execution_environment.STARTUP_TIMEOUT_SEC = _NO_LIMIT_SECONDS

        # LocalStack walks over a version's environments while other calls add some: an error in Python.
        self.lambda_service.assignment_service.environments = defaultdict(_SafelyWalked)

    def update_alias(  # noqa: PLR0913, PLR0917 (the API's own parameters)
        self,
        context: RequestContext,
        function_name: str,
        name: str,
        function_version: str | None = None,
        description: str | None = None,
        routing_config: dict[str, Any] | None = None,
        revision_id: str | None = None,
        **_: object,
    ) -> AliasConfiguration:
        """Move an alias; LocalStack's own version fails on every RoutingConfig (a helper lacks an argument)."""
        account, region = api_utils.get_account_and_region(function_name, context)
        function_name = api_utils.get_function_name(function_name, context)
        function = self._get_function(function_name=function_name, region=region, account_id=account)
        with function.lock:
            alias = function.aliases.get(name)
            if alias is None:
                arn = api_utils.qualified_lambda_arn(function_name, name, account, region)
                raise ResourceNotFoundException(f"Alias not found: {arn}", Type="User")
            if revision_id and alias.revision_id != revision_id:
                raise PreconditionFailedException(
                    "The Revision Id provided does not match the latest Revision Id. "
                    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
                    Type="User",
                )
            target = get_function_version(
                function_name=function_name,
                qualifier=function_version or alias.function_version,
                region=region,
                account_id=account,
            )
            changes: dict[str, Any] = {"function_version": target.id.qualifier}
            if description is not None:
                changes["description"] = description
            if routing_config is not None:
                weights = routing_config.get("AdditionalVersionWeights")
                changes["routing_configuration"] = (
                    self._create_routing_config_model(weights, target) if weights else None
                )
            moved = dataclasses.replace(alias, **changes)  # with a fresh revision id
            function.aliases[name] = moved
        self.lambda_service.update_alias(old_alias=alias, new_alias=moved, function=function)
        return api_utils.map_alias_out(alias=moved, function=function)


class _SafelyWalked(dict[str, ExecutionEnvironment]):
    """A dict whose values can be walked while it changes."""

    def values(self) -> Any:  # noqa: ANN401 (a list in place of a view)
        """Return the values of this moment."""
        return list(super().values())


def _nothing(*_args: object, **_kwargs: object) -> None:
    """Stand for what our executor does instead."""
