"""Lambda aliases in the embedded cloud: weights, stale revisions, and what may not be asked of them."""

import pytest

from cloud_parts import make_function, wait_for_function

pytestmark = pytest.mark.cloud


@pytest.fixture
def versions(cloud):
    """A function with three published versions: its name and their numbers."""
    function = cloud.client("lambda")
    name = make_function(cloud, "def handler(e, c): return c.function_version\n")
    published = []
    for mark in "abc":
        function.update_function_configuration(FunctionName=name, Environment={"Variables": {"MARK": mark}})
        wait_for_function(function, name)
        published.append(function.publish_version(FunctionName=name)["Version"])
    return name, published


def test_weights_send_about_their_share_to_the_second_version(cloud, versions):
    """A weight of 0.3 sends about three calls in ten to the candidate, and the answer names the version."""
    function = cloud.client("lambda")
    name, (first, second, _) = versions
    function.create_alias(FunctionName=name, Name="live", FunctionVersion=first)
    function.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {second: 0.3}})
    answers = [
        function.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")["ExecutedVersion"] for _ in range(200)
    ]
    assert set(answers) == {first, second}
    # 200 draws at 0.3: outside of 30 to 90 with probability under 1e-5.
    assert 30 <= answers.count(second) <= 90


def test_stale_revision_is_refused(cloud, versions):
    """An update that names an old revision changes nothing."""
    function = cloud.client("lambda")
    name, (first, second, _) = versions
    stale = function.create_alias(FunctionName=name, Name="live", FunctionVersion=first)["RevisionId"]
    fresh = function.update_alias(
        FunctionName=name,
        Name="live",
        RevisionId=stale,
        RoutingConfig={"AdditionalVersionWeights": {second: 0.1}},
    )["RevisionId"]
    assert fresh != stale
    with pytest.raises(function.exceptions.PreconditionFailedException):
        function.update_alias(FunctionName=name, Name="live", RevisionId=stale, FunctionVersion=second)
    seen = function.get_alias(FunctionName=name, Name="live")
    assert (seen["FunctionVersion"], seen["RevisionId"]) == (first, fresh)
    assert seen["RoutingConfig"] == {"AdditionalVersionWeights": {second: 0.1}}


def test_weights_are_taken_away_by_an_empty_routing(cloud, versions):
    """An empty map of weights leaves the alias at its one version."""
    function = cloud.client("lambda")
    name, (first, second, _) = versions
    function.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion=first,
        RoutingConfig={"AdditionalVersionWeights": {second: 0.5}},
    )
    function.update_alias(
        FunctionName=name, Name="live", FunctionVersion=second, RoutingConfig={"AdditionalVersionWeights": {}}
    )
    seen = function.get_alias(FunctionName=name, Name="live")
    assert seen["FunctionVersion"] == second
    assert "RoutingConfig" not in seen


def test_three_versions_in_an_alias_are_refused(cloud, versions):
    """An alias holds two versions at most."""
    function = cloud.client("lambda")
    name, (first, second, third) = versions
    function.create_alias(FunctionName=name, Name="live", FunctionVersion=first)
    with pytest.raises(function.exceptions.InvalidParameterValueException):
        function.update_alias(
            FunctionName=name,
            Name="live",
            RoutingConfig={"AdditionalVersionWeights": {second: 0.1, third: 0.1}},
        )


def test_weight_to_its_own_or_an_unknown_version_is_refused(cloud, versions):
    """The second version must be another one, and must exist."""
    function = cloud.client("lambda")
    name, (first, _, _) = versions
    function.create_alias(FunctionName=name, Name="live", FunctionVersion=first)
    for version in (first, "99"):
        with pytest.raises(function.exceptions.ClientError):
            function.update_alias(
                FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {version: 0.1}}
            )
    assert "RoutingConfig" not in function.get_alias(FunctionName=name, Name="live")
