"""Outputs of the stack, and where the API answers."""

import pytest

from cli_fakes import refusal
from infolens_cli.context import Target
from infolens_cli.stack import from_outputs, reachable_api, read_api_key, read_outputs
from infolens_cli.trouble import Trouble

EMBEDDED = Target("infolens", "us-east-1", "http://127.0.0.1:4566")
AWS = Target("infolens", "us-east-1", "")
URL = "https://a1b2c3.execute-api.us-east-1.amazonaws.com/v1"
OUTPUTS = {
    "UploadsBucket": "uploads",
    "DataBucket": "data",
    "ModelsBucket": "models",
    "ModelsTable": "models-table",
    "RolloutsTable": "rollouts-table",
    "ObservationsTable": "observations-table",
    "PredictFunctionPrefix": "infolens-predict-",
    "TrainingStateMachineArn": "arn:training",
    "RolloutStateMachineArn": "arn:rollout",
    "ApiUrl": URL,
    "ApiKeyId": "key-1",
    "LabelledDeadLetters": "http://sqs/labelled-dead",
    "BatchDeadLetters": "http://sqs/batch-dead",
    "FailedTakeBacks": "http://sqs/take-backs",
    "TakeBackFunctionArn": "arn:take-back",
}


class CloudFormation:
    """One stack."""

    def __init__(self, status="CREATE_COMPLETE", error=None):
        self.status, self.error = status, error

    def describe_stacks(self, StackName):  # noqa: N803 - boto3's name
        """Give the stack, or refuse."""
        if self.error:
            raise self.error
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}


def test_outputs_become_a_record():
    """Every output has its field, and the predict function its name."""
    stack = from_outputs(read_outputs(CloudFormation(), AWS), AWS)
    assert stack.data_bucket == "data"
    assert stack.api_url == URL
    assert stack.predict_function("news_category") == "infolens-predict-news_category"


def test_a_missing_output_is_named():
    """An older template is told from a broken one."""
    with pytest.raises(Trouble, match="no output RolloutsTable"):
        from_outputs({key: value for key, value in OUTPUTS.items() if key != "RolloutsTable"}, AWS)


def test_the_api_of_the_embedded_cloud_needs_no_dns():
    """The id of the API moves from the host into the path."""
    assert reachable_api(URL, EMBEDDED) == "http://127.0.0.1:4566/_aws/execute-api/a1b2c3/v1"


def test_the_api_on_aws_stays_as_it_is():
    """Nothing is local about a real address."""
    assert reachable_api(f"{URL}/", AWS) == URL


def test_no_stack_says_what_to_do():
    """A newcomer who forgot to deploy reads how."""
    with pytest.raises(Trouble, match="stack infolens is not deployed") as caught:
        read_outputs(CloudFormation(error=refusal("ValidationError")), EMBEDDED)
    assert "infolens deploy" in caught.value.advice


def test_a_refused_look_is_not_taken_for_a_missing_stack():
    """Wrong credentials are another trouble than a stack that is not there."""
    with pytest.raises(Exception, match="AccessDenied"):
        read_outputs(CloudFormation(error=refusal("AccessDenied")), AWS)


def test_a_stack_that_failed_to_come_up_is_not_used():
    """ROLLBACK_COMPLETE has no resources behind its name."""
    with pytest.raises(Trouble, match="ROLLBACK_COMPLETE"):
        read_outputs(CloudFormation("ROLLBACK_COMPLETE"), AWS)


def test_an_update_that_was_rolled_back_still_serves():
    """UPDATE_ROLLBACK_COMPLETE is the state before the update, whole."""
    assert read_outputs(CloudFormation("UPDATE_ROLLBACK_COMPLETE"), AWS)["DataBucket"] == "data"


def test_the_key_is_read_by_its_id():
    """The value is asked for, not only the name."""

    class Gateway:
        def get_api_key(self, apiKey, includeValue):  # noqa: N803 - boto3's names
            return {"value": f"secret of {apiKey}"} if includeValue else {}

    assert read_api_key(Gateway(), from_outputs(OUTPUTS, AWS)) == "secret of key-1"
