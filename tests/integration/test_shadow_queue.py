"""The queue of copies against moto."""

import boto3
import pytest
from moto import mock_aws

from infolens import codec
from infolens.aws.shadow_queue import SqsShadowQueue
from infolens.contracts.observation import ShadowQuestion


@pytest.fixture
def sqs(monkeypatch):
    """A client in an account of moto's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


def test_a_question_comes_out_as_it_went_in(sqs):
    """Input and umlauts included."""
    url = sqs.create_queue(QueueName="shadow")["QueueUrl"]
    question = ShadowQuestion("news_category", "7", "r1", "2", {"text": "Über alles geredet.", "n": [1, None]})
    SqsShadowQueue(url, sqs).send(question)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert codec.from_json(ShadowQuestion, message["Body"]) == question
