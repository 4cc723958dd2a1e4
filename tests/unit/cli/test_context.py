"""Which cloud a command talks to."""

from pathlib import Path

from infolens_cli.context import CHECKOUT, Target, choose, enter, state_dir, variables

RUNNING = "http://127.0.0.1:4566"


def test_the_running_embedded_cloud_is_taken_when_nothing_was_chosen():
    """Without endpoint, keys or profile the checkout's own cloud is meant."""
    target = choose({}, RUNNING)
    assert target == Target("infolens", "us-east-1", RUNNING)
    assert target.embedded
    assert target.words == "embedded cloud at http://127.0.0.1:4566, stack infolens"


def test_a_chosen_profile_wins_over_the_running_cloud():
    """A person who sets AWS_PROFILE means that account, whatever runs on this machine."""
    target = choose({"AWS_PROFILE": "newsroom", "AWS_REGION": "eu-central-1"}, RUNNING)
    assert target == Target("infolens", "eu-central-1", "")
    assert not target.embedded


def test_chosen_keys_win_over_the_running_cloud():
    """Keys in the environment, as a CI job has them, mean their account."""
    assert choose({"AWS_ACCESS_KEY_ID": "AKIA"}, RUNNING).endpoint == ""


def test_a_chosen_endpoint_wins_over_everything():
    """AWS_ENDPOINT_URL is the most explicit choice there is."""
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4600", "AWS_PROFILE": "newsroom"}
    assert choose(env, RUNNING).endpoint == "http://127.0.0.1:4600"


def test_without_anything_it_is_aws_itself():
    """No embedded cloud and no choice leaves boto3's own chain to find credentials."""
    assert choose({}, "").endpoint == ""


def test_the_command_line_names_the_stack_before_the_environment():
    """--stack is more explicit than INFOLENS_STACK."""
    env = {"INFOLENS_STACK": "from-env"}
    assert choose(env, "").stack == "from-env"
    assert choose(env, "", "asked-for").stack == "asked-for"


def test_an_endpoint_elsewhere_is_not_embedded():
    """A proxy or a VPC endpoint is not a cloud on this machine."""
    assert not choose({"AWS_ENDPOINT_URL": "https://vpce-1.example.com"}, "").embedded


def test_an_embedded_cloud_gets_keys_that_nobody_has_to_set():
    """The SDK insists on a key pair, an embedded cloud takes any."""
    found = variables(Target("infolens", "us-east-1", RUNNING), {})
    assert found["AWS_ENDPOINT_URL"] == RUNNING
    assert found["AWS_ACCESS_KEY_ID"] == "test"


def test_keys_that_were_chosen_stay():
    """What somebody set is never replaced."""
    assert "AWS_ACCESS_KEY_ID" not in variables(Target("infolens", "us-east-1", RUNNING), {"AWS_PROFILE": "mine"})


def test_aws_itself_gets_no_endpoint_and_no_keys():
    """Only the region is said, so that both region variables agree."""
    assert variables(Target("infolens", "eu-west-1", ""), {}) == {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
    }


def test_entering_a_target_points_the_process_at_it():
    """Adapters read nothing but the environment."""
    env = {}
    enter(Target("infolens", "us-east-1", RUNNING), env)
    assert env["AWS_ENDPOINT_URL"] == RUNNING


def test_the_state_lies_in_the_checkout_unless_moved():
    """INFOLENS_STATE_DIR gives tests a cloud of their own."""
    assert state_dir({}) == CHECKOUT / ".infolens" / "cloud"
    assert state_dir({"INFOLENS_STATE_DIR": "/tmp/elsewhere"}) == Path("/tmp/elsewhere")
