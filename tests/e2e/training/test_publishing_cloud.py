"""Versions are published on the embedded cloud as on AWS: settled first, pinned for ever, refused when stale."""

import pytest

from cloud_parts import invoke, make_function
from infolens.aws.versions import LambdaVersions, NoPredictFunctionError, StaleFunctionError

pytestmark = pytest.mark.cloud

SOURCE = """
import os
def handler(event, context):
    return [os.environ.get("BUNDLE_DIGEST"), os.environ.get("TASK")]
"""


def pins(digest: str) -> dict[str, str]:
    """What a version is to pin."""
    return {"BUNDLE_URI": f"s3://models/{digest}/", "BUNDLE_DIGEST": digest, "RUN_ID": "r", "DATASET_ID": "s"}


@pytest.fixture(scope="module")
def function(cloud) -> str:
    """A function with a variable of its own."""
    return make_function(cloud, SOURCE, Environment={"Variables": {"TASK": "news_category"}})


def test_versions_pin_their_bundles(cloud, function):
    """Each version answers from its own configuration, with the variables of the stack beside the pins."""
    versions = LambdaVersions(cloud.client("lambda"))
    first = versions.publish(function, pins("one"), "bundle one")
    second = versions.publish(function, pins("two"), "bundle two")
    assert (first, second) == ("1", "2")
    assert invoke(cloud, function, Qualifier=first) == (None, ["one", "news_category"])
    assert invoke(cloud, function, Qualifier=second) == (None, ["two", "news_category"])


def test_same_pins_again(cloud, function):
    """Publishing again what was published last gives a version that pins it, never another one's."""
    versions = LambdaVersions(cloud.client("lambda"))
    version = versions.publish(function, pins("three"), "bundle three")
    again = versions.publish(function, pins("three"), "bundle three")
    assert invoke(cloud, function, Qualifier=version) == invoke(cloud, function, Qualifier=again)


def test_stale_revision(cloud, function):
    """A revision that somebody else has moved on is refused by the cloud, and so by us."""
    client = cloud.client("lambda")

    class MovedMeanwhile:
        """A client whose function is changed between the reading and the writing."""

        def __getattr__(self, name):
            return getattr(client, name)

        def update_function_configuration(self, **request):
            """See the boto3 client."""
            client.update_function_configuration(FunctionName=function, Description="changed by hand")
            client.get_waiter("function_updated").wait(FunctionName=function, WaiterConfig={"Delay": 1})
            return client.update_function_configuration(**request)

    with pytest.raises(StaleFunctionError):
        LambdaVersions(MovedMeanwhile()).publish(function, pins("four"), "bundle four")


def test_function_that_is_not_there(cloud):
    """A task whose function is not deployed is told so."""
    with pytest.raises(NoPredictFunctionError, match="there is no function infolens-predict-nothing"):
        LambdaVersions(cloud.client("lambda")).publish("infolens-predict-nothing", pins("one"), "x")
