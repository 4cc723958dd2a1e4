"""The alias against moto, and against planted answers where moto is not honest (it accepts a stale RevisionId)."""

import io
import json
import zipfile

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from infolens.aws.alias import (
    AliasExistsError,
    LambdaAliases,
    StaleAliasError,
    VersionMissingError,
    alias_state,
    build_update,
)
from infolens.contracts.rollout import AliasState

FUNCTION = "infolens-predict-news_category"
ROLE = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}


@pytest.fixture
def aliases(monkeypatch):
    """A function with two published versions that pin different bundles, and no alias."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        role = boto3.client("iam", region_name="us-east-1").create_role(
            RoleName="r", AssumeRolePolicyDocument=json.dumps(ROLE)
        )["Role"]["Arn"]
        functions = boto3.client("lambda", region_name="us-east-1")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "def handler(event, context): return 1")
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.11",
            Role=role,
            Handler="handler.handler",
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"BUNDLE_DIGEST": "digest-1"}},
        )
        for version in ("1", "2"):
            functions.update_function_configuration(
                FunctionName=FUNCTION, Environment={"Variables": {"BUNDLE_DIGEST": f"digest-{version}"}}
            )
            assert functions.publish_version(FunctionName=FUNCTION)["Version"] == version
        yield LambdaAliases(functions)


def test_there_is_no_alias_before_the_first_rollout(aliases):
    """None, and not an error."""
    assert aliases.read(FUNCTION) is None


def test_an_alias_is_created(aliases):
    """The first version has all the traffic."""
    created = aliases.create(FUNCTION, "1")

    assert aliases.read(FUNCTION) == created
    assert (created.champion, created.candidate, created.weight) == ("1", "", 0)


def test_a_weight_is_written_and_read_back(aliases):
    """20 % is 0.2 on the wire."""
    created = aliases.create(FUNCTION, "1")
    written = aliases.write(FUNCTION, "1", "2", 20, created.revision_id)

    assert (written.champion, written.candidate, written.weight) == ("1", "2", 20)
    assert aliases.read(FUNCTION) == written


def test_promoting_leaves_one_version(aliases):
    """The candidate becomes the champion, and nobody shares with it."""
    created = aliases.create(FUNCTION, "1")
    split = aliases.write(FUNCTION, "1", "2", 80, created.revision_id)
    aliases.write(FUNCTION, "2", "", 0, split.revision_id)

    seen = aliases.read(FUNCTION)
    assert (seen.champion, seen.candidate, seen.weight) == ("2", "", 0)


def test_a_version_pins_its_own_bundle(aliases):
    """Published configurations do not change with the function."""
    assert aliases.pinned_digest(FUNCTION, "1") == "digest-1"
    assert aliases.pinned_digest(FUNCTION, "2") == "digest-2"


def test_an_unknown_version_is_said_to_be_missing(aliases):
    """The adapter's error, not boto3's."""
    with pytest.raises(VersionMissingError, match="has no version 9"):
        aliases.pinned_digest(FUNCTION, "9")


@pytest.fixture
def planted():
    """A Lambda client whose next answers are planted."""
    functions = boto3.client("lambda", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(functions) as stub:
        yield LambdaAliases(functions), stub


def test_a_stale_revision_is_an_error_of_its_own(planted):
    """Lambda answers PreconditionFailedException (moto does not; tests/e2e shows it on the embedded cloud)."""
    aliases, stub = planted
    stub.add_client_error("update_alias", "PreconditionFailedException", http_status_code=412)

    with pytest.raises(StaleAliasError, match=FUNCTION):
        aliases.write(FUNCTION, "1", "2", 20, "old")


def test_the_second_to_create_an_alias_learns_that_it_was_second(planted):
    """Lambda answers ResourceConflictException (moto has a name of its own for it)."""
    aliases, stub = planted
    stub.add_client_error("create_alias", "ResourceConflictException", http_status_code=409)

    with pytest.raises(AliasExistsError, match=FUNCTION):
        aliases.create(FUNCTION, "2")


def test_other_errors_are_not_translated(planted):
    """A missing permission must not look like a missing alias."""
    aliases, stub = planted
    stub.add_client_error("get_alias", "AccessDeniedException", http_status_code=403)

    with pytest.raises(ClientError, match="AccessDenied"):
        aliases.read(FUNCTION)


def test_taking_the_candidate_away_says_so():
    """An empty map clears the second version; leaving the field out would keep it."""
    assert build_update(FUNCTION, "1", "", 0, "r") == {
        "FunctionName": FUNCTION,
        "Name": "live",
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {}},
        "RevisionId": "r",
    }


@pytest.mark.parametrize("weight", [1, 7, 29, 57, 58, 99])
def test_every_percent_survives_the_fraction(weight):
    """0.29 and 0.57 are not exact in binary; the percent is."""
    request = build_update(FUNCTION, "1", "2", weight, "r")

    assert alias_state({**request, "RevisionId": "r"}) == AliasState("1", "2", weight, "r")
