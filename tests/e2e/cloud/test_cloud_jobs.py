"""SageMaker training and processing jobs in the embedded cloud: the /opt/ml contract, limits, stops, failures."""

import json
import os
import time
from pathlib import Path

import pytest

from cloud_parts import ROLE, files_in, make_bucket, tarball_of, unique, until

pytestmark = pytest.mark.cloud

TRAIN = """
import argparse, json, os, pathlib, signal, subprocess, sys, time
options = argparse.ArgumentParser()
options.add_argument("--epochs", type=int)
options.add_argument("--do", default="")
options.add_argument("--note", default="")
given = options.parse_args()
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
data = pathlib.Path(os.environ["SM_CHANNEL_DATASET"])
checkpoints = model.parent / "checkpoints"
print("loss=0.75;")
print("loss=0.25;")
match given.do:
    case "fail": raise ValueError("bad labels")
    case "say why":
        (model.parent / "output" / "failure").write_text("the dataset has one class")
        sys.exit(2)
    case "sleep": time.sleep(600)
    case "ignore": signal.signal(signal.SIGTERM, signal.SIG_IGN); print("ignoring", flush=True); time.sleep(600)
    case "save on stop":
        def save(*_): (model / "saved.txt").write_text("in time"); sys.exit(0)
        signal.signal(signal.SIGTERM, save); print("ready", flush=True); time.sleep(600)
    case "checkpoint":
        seen = sorted(path.name for path in checkpoints.iterdir())
        (checkpoints / f"step-{len(seen)}").write_text("state")
        (model / "resumed.txt").write_text(json.dumps(seen))
    case "lose instance":
        os.killpg(0, signal.SIGKILL)
    case "lose script":
        os.kill(os.getpid(), signal.SIGKILL)
    case "child":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("child", flush=True); time.sleep(600)
(model / "model.json").write_text(json.dumps({
    "epochs": given.epochs, "note": given.note, "files": sorted(str(p.relative_to(data)) for p in data.rglob("*.csv")),
    "environment": dict(os.environ), "hyperparameters": json.loads(
        (model.parent / "input/config/hyperparameters.json").read_text()),
}))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json").write_text("{}")
"""


@pytest.fixture(scope="module")
def bucket(cloud):
    """A bucket with code and data for jobs."""
    name = make_bucket(cloud)
    s3 = cloud.client("s3")
    s3.put_object(Bucket=name, Key="code/sourcedir.tar.gz", Body=tarball_of({"train.py": TRAIN}))
    for key in ("data/a.csv", "data/deep/b.csv", "data2/c.csv"):
        s3.put_object(Bucket=name, Key=key, Body=b"1,2\n")
    s3.put_object(
        Bucket=name,
        Key="lists/some.manifest",
        Body=json.dumps([{"prefix": f"s3://{name}/data/"}, "deep/b.csv"]).encode(),
    )
    return name


def train(cloud, bucket, *, source="S3Prefix", uri="data/", seconds=500, hyperparameters=None, **more):
    """Start a training job of TRAIN and return its name."""
    name = unique("job")
    cloud.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": "000000000000.dkr.ecr.us-east-1.amazonaws.com/any:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
        },
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/code/sourcedir.tar.gz",
            "epochs": "3",
            **(hyperparameters or {}),
        },
        InputDataConfig=[
            {
                "ChannelName": "dataset",
                "DataSource": {"S3DataSource": {"S3DataType": source, "S3Uri": f"s3://{bucket}/{uri}"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models/"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        **({"StoppingCondition": {"MaxRuntimeInSeconds": seconds}} | more),
    )
    return name


def trained(cloud, name):
    """Wait for the end of a training job and describe it."""
    client = cloud.client("sagemaker")

    def ended():
        seen = client.describe_training_job(TrainingJobName=name)
        return seen if seen["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return until(ended, every=0.1)


def read(cloud, bucket, key):
    """Return an object's bytes."""
    return cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def job_logs(cloud, name, kind="TrainingJobs"):
    """Return the lines of one job's stream."""
    logs = cloud.client("logs")
    group = f"/aws/sagemaker/{kind}"
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/algo-1-")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    found = [logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"])["events"] for s in streams]
    return [event["message"] for events in found for event in events]


@pytest.fixture(scope="module")
def completed(cloud, bucket):
    """A job that ended well: its description and what it wrote of its surroundings."""
    os.environ["ONLY_IN_THE_CALLERS_SHELL"] = "1"
    name = train(
        cloud,
        bucket,
        hyperparameters={"note": '/opt/ml/model is "here"'},
        Environment={"COLOUR": "green", "CACHE": "/opt/ml/cache"},
    )
    described = trained(cloud, name)
    assert described["TrainingJobStatus"] == "Completed", described
    packed = files_in(read(cloud, bucket, f"models/{name}/output/model.tar.gz"))
    return described, json.loads(packed["model.json"])


def test_training_follows_script_mode(bucket, completed):
    """Hyperparameters become arguments, and those of the toolkit itself do not."""
    _, wrote = completed
    assert wrote["epochs"] == 3
    assert wrote["hyperparameters"]["epochs"] == "3"
    variables = wrote["environment"]
    assert json.loads(variables["SM_HPS"])["epochs"] == 3
    assert variables["SM_HP_EPOCHS"] == "3"
    assert json.loads(variables["SM_CHANNELS"]) == ["dataset"]
    assert variables["SM_USER_ENTRY_POINT"] == "train.py"
    assert variables["SM_MODULE_DIR"] == f"s3://{bucket}/code/sourcedir.tar.gz"
    assert variables["SM_CURRENT_HOST"] == "algo-1"
    assert variables["SM_NUM_GPUS"].isdecimal()


def test_training_environment_is_clean(cloud, completed):
    """A job sees the request's variables and the cloud's endpoint, and nothing of the shell that started the cloud."""
    described, wrote = completed
    variables = wrote["environment"]
    assert variables["COLOUR"] == "green"
    assert variables["TRAINING_JOB_NAME"] == described["TrainingJobName"]
    assert variables["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert "ONLY_IN_THE_CALLERS_SHELL" not in variables
    assert "PYTHONPATH" not in variables
    assert "VIRTUAL_ENV" not in variables


def test_training_describes_its_course(bucket, completed):
    """A completed job tells its artifacts, its times, its last metrics and every step it took."""
    described, _ = completed
    name = described["TrainingJobName"]
    assert described["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/models/{name}/output/model.tar.gz"
    assert [step["Status"] for step in described["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert [(m["MetricName"], round(m["Value"], 2)) for m in described["FinalMetricDataList"]] == [("loss", 0.25)]
    assert described["TrainingStartTime"] <= described["TrainingEndTime"]
    assert described["HyperParameters"]["epochs"] == "3"


def test_training_uploads_output_data_too(cloud, bucket, completed):
    """What a job leaves in SM_OUTPUT_DATA_DIR is in output.tar.gz."""
    name = completed[0]["TrainingJobName"]
    assert files_in(read(cloud, bucket, f"models/{name}/output/output.tar.gz")) == {"metrics.json": "{}"}


def test_training_logs_are_in_the_jobs_stream(cloud, completed):
    """The job's lines are in /aws/sagemaker/TrainingJobs, in a stream named after it."""
    name = completed[0]["TrainingJobName"]
    lines = until(lambda: (found := job_logs(cloud, name)) and len(found) >= 2 and found)
    assert lines[:2] == ["loss=0.75;", "loss=0.25;"]


def test_channel_of_a_prefix_has_all_below_it_and_nothing_beside_it(completed):
    """A channel holds the objects under its prefix with their folders, not those of a longer prefix."""
    assert completed[1]["files"] == ["a.csv", "deep/b.csv"]


def test_channel_of_a_manifest_has_what_it_lists(cloud, bucket):
    """A ManifestFile channel holds the listed objects, at the paths the manifest names."""
    name = train(cloud, bucket, source="ManifestFile", uri="lists/some.manifest")
    trained(cloud, name)
    packed = files_in(read(cloud, bucket, f"models/{name}/output/model.tar.gz"))
    assert json.loads(packed["model.json"])["files"] == ["deep/b.csv"]


def test_empty_channel_fails_the_job(cloud, bucket):
    """A channel without objects ends the job before it trains, with the prefix in the reason."""
    described = trained(cloud, train(cloud, bucket, uri="nothing/here/"))
    assert described["TrainingJobStatus"] == "Failed"
    assert "No S3 objects found under S3 URL" in described["FailureReason"]
    assert f"s3://{bucket}/nothing/here/" in described["FailureReason"]


def test_failing_script_gives_its_trace_as_reason(cloud, bucket):
    """A script that raises fails the job; the reason is the toolkit's, with the exception and the exit code."""
    described = trained(cloud, train(cloud, bucket, hyperparameters={"do": "fail"}))
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Failed", "Failed")
    reason = described["FailureReason"]
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage")
    assert "ValueError: bad labels" in reason
    assert reason.endswith(", exit code: 1")


def test_failure_file_is_the_reason(cloud, bucket):
    """What a job writes to /opt/ml/output/failure is its FailureReason."""
    described = trained(cloud, train(cloud, bucket, hyperparameters={"do": "say why"}))
    assert described["FailureReason"] == "AlgorithmError: the dataset has one class, exit code: 2"


def test_missing_code_fails_the_job(cloud, bucket):
    """A job whose code archive does not exist fails with its address."""
    uri = f"s3://{bucket}/code/absent.tar.gz"
    described = trained(cloud, train(cloud, bucket, hyperparameters={"sagemaker_submit_directory": uri}))
    assert described["TrainingJobStatus"] == "Failed"
    assert uri in described["FailureReason"]


def test_job_past_its_limit_is_stopped(cloud, bucket):
    """A job that runs past MaxRuntimeInSeconds ends as Stopped, MaxRuntimeExceeded."""
    described = trained(cloud, train(cloud, bucket, seconds=1, hyperparameters={"do": "sleep"}))
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_stop_gives_the_job_time_to_save(cloud, bucket):
    """StopTrainingJob sends SIGTERM; what the job saves then is in its artifact."""
    name = train(cloud, bucket, hyperparameters={"do": "save on stop"})
    until(lambda: "ready" in job_logs(cloud, name))
    cloud.client("sagemaker").stop_training_job(TrainingJobName=name)
    described = trained(cloud, name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [step["Status"] for step in described["SecondaryStatusTransitions"]]
    assert files_in(read(cloud, bucket, f"models/{name}/output/model.tar.gz")) == {"saved.txt": "in time"}


def test_job_that_ignores_the_stop_is_killed(cloud, bucket):
    """A job that does not end on SIGTERM is killed after its grace of two seconds, long before it ends by itself."""
    name = train(cloud, bucket, hyperparameters={"do": "ignore"})
    until(lambda: "ignoring" in job_logs(cloud, name))
    began = time.monotonic()
    cloud.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert trained(cloud, name)["TrainingJobStatus"] == "Stopped"
    assert time.monotonic() - began > 1.5


def test_checkpoints_survive_from_job_to_job(cloud, bucket):
    """A second job with the same CheckpointConfig begins with what the first one left."""
    settings = {"CheckpointConfig": {"S3Uri": f"s3://{bucket}/checkpoints/{unique('run')}"}}
    for expected in ([], ["step-0"]):
        name = train(cloud, bucket, hyperparameters={"do": "checkpoint"}, **settings)
        assert trained(cloud, name)["TrainingJobStatus"] == "Completed"
        packed = files_in(read(cloud, bucket, f"models/{name}/output/model.tar.gz"))
        assert json.loads(packed["resumed.txt"]) == expected


def test_lost_instance_fails_the_job(cloud, bucket):
    """An on-demand job whose instance is lost with all on it fails as SageMaker's own error: it may be tried again."""
    described = trained(cloud, train(cloud, bucket, hyperparameters={"do": "lose instance"}))
    assert described["TrainingJobStatus"] == "Failed"
    assert described["FailureReason"] == "InternalServerError: We encountered an internal error. Please try again."


def test_killed_script_fails_the_job_even_on_spot(cloud, bucket):
    """A script that alone is killed (memory) has failed by itself, and is not started again."""
    limits = {"StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 200}}
    name = train(cloud, bucket, hyperparameters={"do": "lose script"}, EnableManagedSpotTraining=True, **limits)
    described = trained(cloud, name)
    assert described["TrainingJobStatus"] == "Failed"
    assert described["FailureReason"].endswith("exit code: 137")


def test_spot_training_waits_no_longer_than_it_may(cloud, bucket):
    """A spot job that is interrupted again and again ends as Stopped when its waiting time is over."""
    limits = {"StoppingCondition": {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}}
    name = train(cloud, bucket, hyperparameters={"do": "lose instance"}, EnableManagedSpotTraining=True, **limits)
    described = trained(cloud, name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert "Interrupted" in [step["Status"] for step in described["SecondaryStatusTransitions"]]


def test_name_of_a_job_cannot_be_used_again(cloud, bucket, completed):
    """A job name is taken for good."""
    client = cloud.client("sagemaker")
    request = {
        field: completed[0][field]
        for field in ("TrainingJobName", "RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    }
    with pytest.raises(client.exceptions.ResourceInUse):
        client.create_training_job(
            AlgorithmSpecification={"TrainingImage": "any", "TrainingInputMode": "File"}, **request
        )


def test_unknown_job_is_a_validation_error(cloud):
    """Describing a job that never was is refused as SageMaker refuses it."""
    client = cloud.client("sagemaker")
    with pytest.raises(client.exceptions.ClientError) as refusal:
        client.describe_training_job(TrainingJobName="never-was")
    assert refusal.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Requested resource not found.",
    }


def test_jobs_are_listed_newest_first_and_by_name(cloud, completed):
    """ListTrainingJobs finds a job by part of its name and by status."""
    name = completed[0]["TrainingJobName"]
    found = cloud.client("sagemaker").list_training_jobs(NameContains=name, StatusEquals="Completed")
    assert [job["TrainingJobName"] for job in found["TrainingJobSummaries"]] == [name]
    newest = cloud.client("sagemaker").list_training_jobs(MaxResults=2)["TrainingJobSummaries"]
    assert newest[0]["CreationTime"] >= newest[1]["CreationTime"]


def test_ended_job_leaves_no_process_and_no_folder(cloud, bucket):
    """A stopped job's children are gone with it, and its folder too."""
    name = train(cloud, bucket, hyperparameters={"do": "child"})
    until(lambda: "child" in job_logs(cloud, name))
    cloud.client("sagemaker").stop_training_job(TrainingJobName=name)
    trained(cloud, name)
    assert not [folder for folder in cloud.state_dir.rglob("*") if folder.name.endswith(name)]


PROCESS = """
import json, os, pathlib, sys
root = pathlib.Path(sys.argv[1])
given = sorted(str(p.relative_to(root / "input")) for p in (root / "input").rglob("*") if p.is_file())
print("processing", os.environ["PROCESSING_JOB_NAME"])
if sys.argv[2] == "fail":
    (root.parent / "output").mkdir(exist_ok=True)
    (root.parent / "output" / "message").write_text("no rows left")
    sys.exit(4)
(root / "output" / "report.json").write_text(json.dumps({"given": given, "where": os.environ["WHERE"]}))
"""


def process(cloud, bucket, do="work", entrypoint=None, seconds=500):
    """Start a processing job of PROCESS and return its name."""
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="steps/process.py", Body=PROCESS.encode())
    s3.put_object(Bucket=bucket, Key="steps/model/model.tar.gz", Body=tarball_of({"weights": "1"}))
    name = unique("step")
    inputs = {"code": "steps/process.py", "model": "steps/model/"}
    cloud.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={
            "ImageUri": "any",
            "ContainerEntrypoint": entrypoint or ["python3", "/opt/ml/processing/input/code/process.py"],
            "ContainerArguments": ["/opt/ml/processing", do],
        },
        Environment={"WHERE": "/opt/ml/processing/output"},
        ProcessingInputs=[
            {
                "InputName": part,
                "S3Input": {
                    "S3Uri": f"s3://{bucket}/{uri}",
                    "LocalPath": f"/opt/ml/processing/input/{part}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for part, uri in inputs.items()
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "report",
                    "S3Output": {
                        "S3Uri": f"s3://{bucket}/reports/{name}",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        StoppingCondition={"MaxRuntimeInSeconds": seconds},
    )
    return name


def processed(cloud, name):
    """Wait for the end of a processing job and describe it."""
    client = cloud.client("sagemaker")

    def ended():
        seen = client.describe_processing_job(ProcessingJobName=name)
        return seen if seen["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return until(ended, every=0.1)


def test_processing_runs_its_entrypoint_over_its_inputs(cloud, bucket):
    """Inputs lie at their LocalPath, archives still packed; what is written to an output's path is in S3 afterwards."""
    name = process(cloud, bucket)
    assert processed(cloud, name)["ProcessingJobStatus"] == "Completed"
    report = json.loads(read(cloud, bucket, f"reports/{name}/report.json"))
    assert report["given"] == ["code/process.py", "model/model.tar.gz"]
    assert Path(report["where"]).parts[-2:] == ("processing", "output")
    assert until(lambda: job_logs(cloud, name, "ProcessingJobs")) == [f"processing {name}"]


def test_processing_may_go_through_a_shell(cloud, bucket):
    """A shell as entrypoint finds python3, and /opt/ml in its script means the job's folder."""
    script = "mkdir -p /opt/ml/code && cp /opt/ml/processing/input/code/process.py /opt/ml/code/ && cd /opt/ml/code"
    name = process(cloud, bucket, entrypoint=["bash", "-c", f"{script} && python3 process.py /opt/ml/processing work"])
    assert processed(cloud, name)["ProcessingJobStatus"] == "Completed"


def test_failing_processing_tells_message_and_exit_code(cloud, bucket):
    """A failing job has its exit code in the reason and what it left in /opt/ml/output/message as ExitMessage."""
    described = processed(cloud, process(cloud, bucket, do="fail"))
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 4"
    assert described["ExitMessage"] == "no rows left"


def test_processing_past_its_limit_is_stopped(cloud, bucket):
    """A processing job past its limit is ended."""
    described = processed(cloud, process(cloud, bucket, entrypoint=["bash", "-c", "sleep 600"], seconds=1))
    assert described["ProcessingJobStatus"] == "Stopped"


def test_models_and_other_operations_come_from_moto(cloud):
    """Operations that run nothing answer from moto."""
    client = cloud.client("sagemaker")
    name = unique("model")
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "any"})
    assert client.describe_model(ModelName=name)["ModelName"] == name
