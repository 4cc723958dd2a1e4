"""Provisioned concurrency is where the traffic is: before a canary, through it, and nowhere else after it."""

import pytest
from botocore.exceptions import ClientError

from infolens.aws.alias import StaleAliasError
from infolens.aws.provisioned import ProvisionedAliases
from rollout_fakes import FakeAliases, alias

FUNCTION = "p-news_category"


class FakeLambda:
    """Provisioned concurrency of one function; an environment is ready after some looks."""

    def __init__(self, looks=1, fault=None, **configs):
        self.configs = {name.removeprefix("v"): number for name, number in configs.items()}
        self.looks, self.fault, self.log = looks, fault, []

    def get_paginator(self, name):
        """See the boto3 client."""
        assert name == "list_provisioned_concurrency_configs"
        return self

    def paginate(self, FunctionName):  # noqa: N803 - boto3's names
        """See botocore's Paginator."""
        if self.fault:
            raise self.fault
        arn = f"arn:aws:lambda:us-east-1:1:function:{FunctionName}"
        found = [
            {"FunctionArn": f"{arn}:{version}", "RequestedProvisionedConcurrentExecutions": number}
            for version, number in self.configs.items()
        ]
        return [{"ProvisionedConcurrencyConfigs": found}]

    def put_provisioned_concurrency_config(self, FunctionName, Qualifier, ProvisionedConcurrentExecutions):  # noqa: N803
        """See the boto3 client."""
        self.configs[Qualifier] = ProvisionedConcurrentExecutions
        self.log.append(f"put {Qualifier}")

    def get_provisioned_concurrency_config(self, FunctionName, Qualifier):  # noqa: N803
        """See the boto3 client."""
        self.looks -= 1
        return {"Status": "IN_PROGRESS" if self.looks > 0 else "READY"}

    def delete_provisioned_concurrency_config(self, FunctionName, Qualifier):  # noqa: N803
        """See the boto3 client."""
        del self.configs[Qualifier]
        self.log.append(f"delete {Qualifier}")


def made(functions, state, environments=2):
    """The adapter over a fake alias; what it waited for is in `waited`."""
    waited, aliases = [], FakeAliases(state)
    return ProvisionedAliases(aliases, environments, waited.append, functions), aliases, waited


def test_candidate_is_ready_before_its_canary():
    """Its environments are asked for and waited for first; then comes the weight. The champion keeps its own."""
    functions = FakeLambda(looks=3, v1=2)
    port, aliases, waited = made(functions, alias("1", "", 0))
    aliases.before_write = lambda: functions.log.append("weight")
    port.write(FUNCTION, "1", "2", 5, "rev-1")
    assert functions.log == ["put 2", "weight"]
    assert functions.configs == {"1": 2, "2": 2}
    assert waited == [2.0, 2.0]


def test_candidate_that_does_not_get_ready():
    """After 20 s it gets its traffic anyway."""
    port, aliases, waited = made(FakeLambda(looks=99, v1=2), alias("1", "", 0))
    port.write(FUNCTION, "1", "2", 5, "rev-1")
    assert sum(waited) == 20.0
    assert aliases.writes == [("1", "2", 5)]


def test_next_weight():
    """Nothing changes while both have traffic, and nothing is waited for."""
    functions = FakeLambda(v1=2, v2=2)
    port, _, waited = made(functions, alias("1", "2", 5))
    port.write(FUNCTION, "1", "2", 50, "rev-1")
    assert (functions.log, waited) == ([], [])


def test_promotion_releases_the_old_champion():
    """Once the new one is alone."""
    functions = FakeLambda(v1=2, v2=2)
    port, _, _ = made(functions, alias("1", "2", 50))
    port.write(FUNCTION, "2", "", 0, "rev-1")
    assert functions.configs == {"2": 2}


def test_rollback_releases_the_candidate():
    """After the traffic was taken off it; nothing is asked before."""
    functions = FakeLambda(v1=2, v2=2)
    port, aliases, _ = made(functions, alias("1", "2", 50))
    aliases.before_write = lambda: functions.log.append("weight")
    port.write(FUNCTION, "1", "", 0, "rev-1")
    assert functions.log == ["weight", "delete 2"]


def test_first_version():
    """It has no rollout before it, and gets its environments as it goes live."""
    functions = FakeLambda()
    port, _, _ = made(functions, None)
    port.create(FUNCTION, "1")
    assert functions.configs == {"1": 2}


def test_lost_race():
    """Who lost the alias to somebody else takes nothing away from the versions that have the traffic."""
    functions = FakeLambda(v1=2)
    port, _, _ = made(functions, alias("1", "", 0))
    with pytest.raises(StaleAliasError):
        port.write(FUNCTION, "1", "2", 5, "stale")
    assert "1" in functions.configs


@pytest.mark.parametrize(("environments", "left"), [(0, {}), (None, {"1": 3, "2": 3}), (4, {"1": 4, "2": 4})])
def test_how_many(environments, left):
    """None is released, another number is taken on, and a terminal, which does not know it, follows what is there."""
    functions = FakeLambda(v1=3)
    port, _, _ = made(functions, alias("1", "", 0), environments)
    port.write(FUNCTION, "1", "2", 5, "rev-1")
    assert functions.configs == left


def test_trouble_never_stops_the_traffic():
    """A quota, a missing permission: the alias moves all the same."""
    fault = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "planted"}}, "List")
    port, aliases, _ = made(FakeLambda(fault=fault), alias("1", "2", 50))
    port.write(FUNCTION, "1", "", 0, "rev-1")
    assert aliases.writes == [("1", "", 0)]
