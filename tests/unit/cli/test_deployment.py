"""How SAM is called."""

import json
import stat

import pytest

from infolens_cli import deployment
from infolens_cli.context import Target
from infolens_cli.trouble import Trouble

EMBEDDED = Target("infolens", "us-east-1", "http://127.0.0.1:4566")
AWS = Target("infolens", "eu-central-1", "")


def checkout_with_sam(folder, script):
    """A checkout whose SAM CLI is a shell script."""
    sam = folder / ".venvs" / "sam" / "bin" / "sam"
    sam.parent.mkdir(parents=True)
    sam.write_text(f"#!/bin/sh\n{script}\n")
    sam.chmod(sam.stat().st_mode | stat.S_IXUSR)
    return folder


def test_parameters_keep_their_json():
    """Quotes inside a value are escaped the way SAM's parser undoes them."""
    plan = json.dumps({"weights": [20, 100]})
    assert deployment.overrides({"RolloutPlan": plan, "BaseModel": ""}) == [
        'ParameterKey=BaseModel,ParameterValue=""',
        'ParameterKey=RolloutPlan,ParameterValue="{\\"weights\\": [20, 100]}"',
    ]


def test_a_backslash_is_refused_instead_of_lost():
    """SAM would give the value back changed."""
    with pytest.raises(Trouble, match="BaseModel holds a backslash"):
        deployment.overrides({"BaseModel": "C:\\models"})


def test_sam_is_pointed_at_the_embedded_cloud_without_telemetry():
    """The same command deploys to either cloud; only variables differ."""
    env = deployment.environment(EMBEDDED, {"PATH": "/bin", "VIRTUAL_ENV": "/checkout/.venv"})
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert env["SAM_CLI_TELEMETRY"] == "0"
    assert "VIRTUAL_ENV" not in env


def test_sam_is_left_alone_on_aws():
    """No endpoint, no keys, no hurried polling of CloudFormation."""
    env = deployment.environment(AWS, {"PATH": "/bin", "AWS_PROFILE": "newsroom"})
    assert not {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "SAM_CLI_POLL_DELAY"} & env.keys()
    assert env["AWS_REGION"] == "eu-central-1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "CREATE_COMPLETE          AWS::Lambda::Function     PredictNewsCategory      -",
            "PredictNewsCategory (Lambda::Function)",
        ),
        (
            "Building codeuri: /x/functions/api runtime: python3.11",
            "Building codeuri: /x/functions/api runtime: python3.11",
        ),
        ("-----------------------------------------------", ""),
        ("CREATE_IN_PROGRESS       AWS::Lambda::Function     PredictNewsCategory      -", ""),
    ],
)
def test_only_lines_that_say_something_become_notes(line, said):
    """SAM's tables are for wide terminals, a note is one thing that happened."""
    assert deployment.describe(line) == said


def test_what_sam_does_is_passed_on(tmp_path):
    """Notes come while SAM runs."""
    notes = []
    checkout = checkout_with_sam(tmp_path, "echo 'Building codeuri: functions/api'; echo noise")
    deployment.run_sam(["build"], env={"PATH": "/bin:/usr/bin"}, note=notes.append, checkout=checkout)
    assert notes == ["Building codeuri: functions/api"]


def test_a_failure_shows_the_last_lines(tmp_path):
    """What SAM said last is the reason; it is not hidden behind a spinner."""
    checkout = checkout_with_sam(tmp_path, "echo 'Error: no such bucket' >&2; exit 3")
    with pytest.raises(Trouble, match=r"(?s)sam deploy failed \(exit code 3\).*no such bucket"):
        deployment.run_sam(["deploy"], env={"PATH": "/bin:/usr/bin"}, note=lambda _: None, checkout=checkout)


def test_a_missing_sam_says_how_to_get_it(tmp_path):
    """`make setup` is the one way in."""
    with pytest.raises(Trouble) as caught:
        deployment.run_sam(["build"], env={}, note=lambda _: None, checkout=tmp_path)
    assert "make setup" in caught.value.advice


def test_images_cannot_be_guessed_without_the_sdk(monkeypatch):
    """Without the extra the trouble names the options that replace it."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(deployment.importlib, "import_module", missing)
    with pytest.raises(Trouble) as caught:
        deployment.resolve_images("us-east-1", "ml.g5.xlarge", "ml.m5.xlarge")
    assert "--training-image" in caught.value.advice


def test_images_are_looked_up_per_instance(monkeypatch):
    """A GPU instance has another image than the CPU one that exports and evaluates."""

    class Uris:
        @staticmethod
        def retrieve(framework, region, *, instance_type, **_):
            return f"{framework}/{region}/{instance_type}"

    monkeypatch.setattr(deployment.importlib, "import_module", lambda name: Uris)
    assert deployment.resolve_images("us-east-1", "ml.g5.xlarge", "ml.m5.xlarge") == {
        "TrainingImageUri": "pytorch/us-east-1/ml.g5.xlarge",
        "ProcessingImageUri": "pytorch/us-east-1/ml.m5.xlarge",
    }
