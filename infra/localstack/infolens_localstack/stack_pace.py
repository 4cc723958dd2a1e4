"""Lets a deployment look for a function's end of creation more often than every five seconds.

LocalStack creates a function in a tenth of a second, then sleeps five before it looks again: a minute for twelve.
"""

import functools
from typing import Final

from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

LOOK_SECONDS: Final = 0.1


def install() -> None:
    """Give LocalStack's loop over one resource a shorter pause; its limit in seconds stays."""
    ResourceProviderExecutor.deploy_loop = functools.partialmethod(
        ResourceProviderExecutor.deploy_loop, sleep_time=LOOK_SECONDS
    )
