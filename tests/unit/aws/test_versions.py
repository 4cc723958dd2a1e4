"""A version is published only after its configuration has settled, and only when it pins what was asked."""

import copy

import pytest
from botocore.exceptions import ClientError, WaiterError

from infolens.aws.versions import (
    LambdaVersions,
    NoPredictFunctionError,
    PublishError,
    StaleFunctionError,
    WrongVersionError,
)

FUNCTION = "infolens-predict-news_category"
PINS = {"BUNDLE_URI": "s3://models/b/", "BUNDLE_DIGEST": "d" * 64, "RUN_ID": "r", "DATASET_ID": "s"}


def client_error(code: str) -> ClientError:
    """An error as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": "planted"}}, "Planted")


class FakeWaiter:
    """Lets the pending update of a fake function take effect."""

    def __init__(self, functions):
        self.functions = functions

    def wait(self, FunctionName, WaiterConfig, Qualifier="$LATEST"):  # noqa: N803 - boto3's names
        """See botocore's Waiter."""
        if self.functions.never_settles:
            raise WaiterError("functionUpdated", "failed", {"LastUpdateStatusReason": "the layer is gone"})
        if FunctionName != FUNCTION:
            raise WaiterError("functionUpdated", "failed", client_error("ResourceNotFoundException").response)
        self.functions.settle()


class FakeLambda:
    """One Lambda function that behaves as AWS documents it: updates take time, revisions change, versions stay."""

    def __init__(self):
        self.latest = {"Environment": {"Variables": {"TASK": "news_category"}}, "RevisionId": "0"}
        self.pending = None
        self.versions = {}
        self.never_settles = False
        self.calls = []
        self.on_publish = None
        self.on_update = None

    def get_waiter(self, name):
        """See the boto3 client."""
        self.calls.append(name)
        return FakeWaiter(self)

    def settle(self):
        """End the update that is under way."""
        if self.pending is not None:
            self.latest["Environment"] = {"Variables": self.pending}
            self.latest["RevisionId"] += "+"
            self.pending = None

    def get_function_configuration(self, FunctionName, Qualifier="$LATEST"):  # noqa: N803
        """See the boto3 client."""
        self.calls.append("get")
        if FunctionName != FUNCTION:
            raise client_error("ResourceNotFoundException")
        return copy.deepcopy(self.latest if Qualifier == "$LATEST" else self.versions[Qualifier])

    def update_function_configuration(self, FunctionName, Environment, RevisionId):  # noqa: N803
        """See the boto3 client."""
        self.calls.append("update")
        if self.on_update:
            self.on_update(self)
        self._check(RevisionId)
        if self.pending is not None:
            raise client_error("ResourceConflictException")
        self.pending = dict(Environment["Variables"])
        self.latest["RevisionId"] += "u"

    def publish_version(self, FunctionName, RevisionId, Description):  # noqa: N803
        """See the boto3 client."""
        self.calls.append("publish")
        if self.on_publish:
            self.on_publish(self)
        self._check(RevisionId)
        version = str(len(self.versions) + 1)
        self.versions[version] = {**copy.deepcopy(self.latest), "Version": version, "Description": Description}
        return {"Version": version}

    def _check(self, revision):
        if revision != self.latest["RevisionId"]:
            raise client_error("PreconditionFailedException")


def publish(functions, function=FUNCTION, pins=None) -> str:
    """Publish."""
    return LambdaVersions(functions).publish(function, pins or PINS, "bundle d of r")


def test_publishes_what_was_pinned():
    """The version holds the pins and all variables that were there before."""
    functions = FakeLambda()
    assert publish(functions) == "1"
    assert functions.versions["1"]["Environment"]["Variables"] == {"TASK": "news_category"} | PINS
    assert functions.versions["1"]["Description"] == "bundle d of r"


def test_waits_before_it_publishes():
    """Update, wait, publish, wait: a version published during an update would have the old configuration."""
    functions = FakeLambda()
    publish(functions)
    assert functions.calls == [
        "function_updated", "get", "update", "function_updated", "get", "publish", "function_active", "get",
    ]  # fmt: skip


def test_update_under_way():
    """An update that somebody else began (a stack update) is waited for, not run into."""
    functions = FakeLambda()
    functions.pending = {"TASK": "news_category", "NEW": "1"}
    publish(functions)
    assert functions.versions["1"]["Environment"]["Variables"] == {"TASK": "news_category", "NEW": "1"} | PINS


def test_pins_that_are_there_already():
    """After a crash between pinning and publishing, publishing is all that is left to do."""
    functions = FakeLambda()
    functions.latest["Environment"]["Variables"] |= PINS
    assert publish(functions) == "1"
    assert "update" not in functions.calls


def test_stale_revision():
    """Somebody who changes the function between our reading and our publishing makes us stop."""
    functions = FakeLambda()
    functions.on_publish = lambda fake: fake.latest.update(RevisionId="somebody else's")
    with pytest.raises(StaleFunctionError):
        publish(functions)
    assert functions.versions == {}


def test_stale_revision_before_pinning():
    """Somebody who changes the function between our reading and our pinning keeps what they wrote."""
    functions = FakeLambda()
    functions.on_update = lambda fake: fake.latest.update(RevisionId="somebody else's")
    with pytest.raises(StaleFunctionError):
        publish(functions)
    assert functions.pending is None


def test_pins_overwritten_while_waiting():
    """Another registration that pinned its own bundle meanwhile is noticed before anything is published."""
    functions = FakeLambda()
    settle = functions.settle

    def overwritten():
        settle()
        functions.latest["Environment"]["Variables"]["BUNDLE_DIGEST"] = "another"

    functions.settle = overwritten
    with pytest.raises(StaleFunctionError, match="was given another bundle"):
        publish(functions)
    assert functions.versions == {}


def test_published_version_that_pins_something_else():
    """What counts is the published configuration: when it does not pin the digest, there is no version."""
    functions = FakeLambda()

    def lose_the_pins(fake):
        revision = fake.latest["RevisionId"]
        fake.latest = {"Environment": {"Variables": {"TASK": "news_category"}}, "RevisionId": revision}

    functions.on_publish = lose_the_pins
    with pytest.raises(WrongVersionError, match="version 1 of infolens-predict-news_category pins"):
        publish(functions)


def test_function_that_is_not_there():
    """A task without a stanza in the template is told so."""
    with pytest.raises(NoPredictFunctionError, match=r"there is no function gone; its stanza in template\.yaml"):
        publish(FakeLambda(), function="gone")


def test_update_that_fails():
    """An update that AWS could not carry out gives AWS's reason."""
    functions = FakeLambda()
    functions.never_settles = True
    with pytest.raises(PublishError, match="did not become ready: the layer is gone"):
        publish(functions)


def test_other_errors_pass():
    """What the adapter does not know, it does not hide."""
    functions = FakeLambda()

    def denied(fake):
        raise client_error("AccessDeniedException")

    functions.on_publish = denied
    with pytest.raises(ClientError, match="AccessDenied"):
        publish(functions)
