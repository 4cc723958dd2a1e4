"""Step Functions in the embedded cloud: SageMaker jobs as `.sync` tasks, and what else our state machines rely on."""

import json

import pytest

from cloud_parts import (
    ROLE,
    end_of,
    make_bucket,
    make_function,
    run_machine,
    tarball_of,
    unique,
    until,
)

pytestmark = pytest.mark.cloud

TRAIN = """
import sys, time
do = sys.argv[sys.argv.index("--do") + 1]
if do == "fail": raise ValueError("bad labels")
if do == "sleep": time.sleep(600)
"""


@pytest.fixture(scope="module")
def bucket(cloud):
    """A bucket with the code of a training job."""
    name = make_bucket(cloud)
    cloud.client("s3").put_object(Bucket=name, Key="sourcedir.tar.gz", Body=tarball_of({"train.py": TRAIN}))
    return name


def task(resource, parameters, **more):
    """Return a machine of one Task state on an optimised integration."""
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True, **more}
    return {"StartAt": "Do", "States": {"Do": state}}


def training(bucket, name, do, seconds=700):
    """Return CreateTrainingJob's parameters."""
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "any", "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/sourcedir.tar.gz",
            "do": do,
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
    }


def job_status(cloud, name):
    """Return a training job's status, "" before it exists."""
    client = cloud.client("sagemaker")
    try:
        return client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
    except client.exceptions.ClientError:
        return ""


def test_sync_task_waits_for_the_job_and_returns_its_description(cloud, bucket):
    """A .sync task ends when the job has ended, with what DescribeTrainingJob says; times are numbers."""
    name = unique("sync")
    ended = run_machine(cloud, task("sagemaker:createTrainingJob.sync", training(bucket, name, "work")))
    output = json.loads(ended["output"])
    assert (ended["status"], output["TrainingJobStatus"]) == ("SUCCEEDED", "Completed")
    assert output["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/models/{name}/output/model.tar.gz"
    assert isinstance(output["CreationTime"], int)


def test_task_without_sync_returns_at_once(cloud, bucket):
    """A request-response task returns the job's ARN while the job still runs."""
    name = unique("async")
    ended = run_machine(cloud, task("sagemaker:createTrainingJob", training(bucket, name, "sleep")))
    assert json.loads(ended["output"])["TrainingJobArn"].endswith(f"training-job/{name}")
    assert job_status(cloud, name) == "InProgress"
    cloud.client("sagemaker").stop_training_job(TrainingJobName=name)


def test_failed_job_fails_the_task_with_the_description_as_cause(cloud, bucket):
    """A failed job is States.TaskFailed; its cause is the job's description as JSON, reason included."""
    ended = run_machine(cloud, task("sagemaker:createTrainingJob.sync", training(bucket, unique("bad"), "fail")))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert "ValueError: bad labels" in json.loads(ended["cause"])["FailureReason"]


def test_job_past_its_limit_fails_the_task(cloud, bucket):
    """A job that was stopped by its own limit is States.TaskFailed too."""
    parameters = training(bucket, unique("slow"), "sleep", seconds=1)
    ended = run_machine(cloud, task("sagemaker:createTrainingJob.sync", parameters))
    assert ended["error"] == "States.TaskFailed"
    assert json.loads(ended["cause"])["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_used_name_is_a_resource_in_use_error(cloud, bucket):
    """A second job of the same name fails the task with the error that state machines retry on."""
    machine = task("sagemaker:createTrainingJob.sync", training(bucket, unique("twice"), "work"))
    assert run_machine(cloud, machine)["status"] == "SUCCEEDED"
    assert run_machine(cloud, machine)["error"] == "SageMaker.ResourceInUseException"


def test_stopped_execution_stops_its_job(cloud, bucket):
    """StopExecution ends the job that the execution waits for."""
    name = unique("stopped")
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(
        name=unique("machine"),
        roleArn=ROLE,
        definition=json.dumps(task("sagemaker:createTrainingJob.sync", training(bucket, name, "sleep"))),
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    until(lambda: job_status(cloud, name) == "InProgress")
    states.stop_execution(executionArn=execution, error="Operator", cause="enough")
    assert end_of(states, execution)["status"] == "ABORTED"
    until(lambda: job_status(cloud, name) == "Stopped")


def test_timed_out_task_is_caught_and_its_job_stopped(cloud, bucket):
    """TimeoutSeconds of a .sync task ends it as States.Timeout, which Catch sees, and stops the job."""
    name = unique("late")
    machine = task(
        "sagemaker:createTrainingJob.sync",
        training(bucket, name, "sleep"),
        TimeoutSeconds=6,
        Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
    )
    machine["States"]["Late"] = {"Type": "Fail", "Error": "TooLate", "Cause": "the job hangs"}
    ended = run_machine(cloud, machine)
    assert (ended["error"], ended["cause"]) == ("TooLate", "the job hangs")
    until(lambda: job_status(cloud, name) == "Stopped")


def test_processing_job_as_sync_task(cloud):
    """createProcessingJob.sync waits for its job and fails with it."""
    outcomes = {}
    for command in ("true", "false"):
        machine = task(
            "sagemaker:createProcessingJob.sync",
            {
                "ProcessingJobName": unique("step"),
                "RoleArn": ROLE,
                "AppSpecification": {"ImageUri": "any", "ContainerEntrypoint": ["bash", "-c", command]},
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
                },
            },
        )
        ended = run_machine(cloud, machine)
        outcomes[command] = (ended["status"], ended.get("error"))
    assert outcomes == {"true": ("SUCCEEDED", None), "false": ("FAILED", "States.TaskFailed")}


def test_retry_sees_its_count_and_can_make_a_fresh_name(cloud, bucket):
    """$$.State.RetryCount grows with each retry, so that a job name derived from it is fresh."""
    run = unique("run")
    parameters = training(bucket, "", "fail")
    del parameters["TrainingJobName"]
    parameters["TrainingJobName.$"] = f"States.Format('{run}-{{}}', $$.State.RetryCount)"
    machine = task(
        "sagemaker:createTrainingJob.sync",
        parameters,
        Retry=[{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1}],
    )
    assert run_machine(cloud, machine)["error"] == "States.TaskFailed"
    assert [job_status(cloud, f"{run}-{attempt}") for attempt in (0, 1, 2)] == ["Failed", "Failed", ""]


def test_function_error_is_caught_parsed_and_told_by_a_fail_state(cloud):
    """A function's exception is an error by its class; its cause parses, and Fail tells error and cause by path."""
    source = """
class CandidateRefused(Exception): pass
def handler(event, context): raise CandidateRefused("accuracy 0.61 under floor 0.70")
"""
    machine = task(
        "lambda:invoke",
        {"FunctionName": make_function(cloud, source), "Payload.$": "$"},
        Catch=[{"ErrorEquals": ["CandidateRefused"], "ResultPath": "$.caught", "Next": "Parse"}],
    )
    machine["States"]["Parse"] = {
        "Type": "Pass",
        "Parameters": {"error.$": "$.caught.Error", "told.$": "States.StringToJson($.caught.Cause)"},
        "Next": "Refused",
    }
    machine["States"]["Refused"] = {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.told.errorMessage"}
    ended = run_machine(cloud, machine, {"task": "news"})
    assert (ended["status"], ended["error"]) == ("FAILED", "CandidateRefused")
    assert ended["cause"] == "accuracy 0.61 under floor 0.70"


def test_dynamodb_and_nested_executions(cloud):
    """A machine writes a table on a condition, sees the condition fail, and starts another machine with a name."""
    table = unique("table")
    cloud.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    states = cloud.client("stepfunctions")
    inner = states.create_state_machine(
        name=unique("inner"),
        roleArn=ROLE,
        definition=json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}),
    )["stateMachineArn"]
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {
            "TableName": table,
            "Item": {"k": {"S.$": "$.key"}},
            "ConditionExpression": "attribute_not_exists(k)",
        },
        "ResultPath": None,
    }
    refused = {"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "ResultPath": None, "Next": "Start"}
    machine = {
        "StartAt": "Own",
        "States": {
            "Own": {**put, "Next": "Own again"},
            "Own again": {**put, "Catch": [refused], "Next": "Wrong"},
            "Wrong": {"Type": "Fail", "Error": "OwnedTwice"},
            "Start": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution",
                "Parameters": {
                    "StateMachineArn": inner,
                    "Name.$": "States.Format('from-{}', $$.Execution.Name)",
                    "Input": {"key.$": "$.key"},
                },
                "End": True,
            },
        },
    }
    ended = run_machine(cloud, machine, {"key": "a"})
    started = json.loads(ended["output"])["ExecutionArn"]
    assert started.endswith(f":from-{ended['name']}")
    assert json.loads(end_of(states, started)["output"]) == {"key": "a"}


def test_execution_of_the_same_name_is_refused_or_the_same(cloud):
    """Starting a name again with other input is ExecutionAlreadyExists once it ended, as on AWS."""
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(
        name=unique("machine"),
        roleArn=ROLE,
        definition=json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}),
    )["stateMachineArn"]
    name = unique("run")
    first = states.start_execution(stateMachineArn=machine, name=name, input="{}")["executionArn"]
    end_of(states, first)
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name=name, input='{"other": 1}')


def test_unknown_sagemaker_operation_is_refused_when_the_machine_is_made(cloud):
    """A machine that names an operation SageMaker does not have is refused."""
    states = cloud.client("stepfunctions")
    definition = json.dumps(task("sagemaker:createMiracle.sync", {}))
    with pytest.raises(states.exceptions.InvalidDefinition):
        states.create_state_machine(name=unique("machine"), roleArn=ROLE, definition=definition)
