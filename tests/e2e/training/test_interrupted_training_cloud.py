"""A real training that is interrupted in the middle ends with the very weights of one that nobody disturbed."""

import io
import json
import os
import signal
import tarfile
from pathlib import Path

import pytest

from cloud_parts import ROLE, make_bucket, unique, until
from infolens import code
from infolens.ml.training.job import ExportJob
from infolens.ml.training.rehearsal import take_files
from infolens.tasks import part_of
from infolens.tasks.crash_risk import sample

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(300)]

EPOCHS = 120
HYPERPARAMETERS = {
    "sagemaker_program": "train.py",
    "task": "crash_risk",
    "profile": "cpu",
    "run-id": "the-run",
    "dataset-id": "the-dataset",
    "code-version": "c0de",
    "epochs": EPOCHS,
    "patience": EPOCHS,
    "batch_size": 64,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Two months of sample crashes as ingest keeps them."""
    folder = tmp_path_factory.mktemp("crashes")
    sample.write_csv(folder / "crashes.csv", sample.rows(15_000, 3))
    take_files("crash_risk", [folder / "crashes.csv"], folder / "parts")
    return folder / "parts"


@pytest.fixture(scope="module")
def bucket(cloud, dataset) -> str:
    """A bucket with the code of this checkout and the dataset."""
    name = make_bucket(cloud)
    s3 = cloud.client("s3")
    s3.put_object(Bucket=name, Key="code/sourcedir.tar.gz", Body=code.archive(code.sources(*code.places())))
    for path in dataset.iterdir():
        s3.upload_file(str(path), name, f"data/{path.name}")
    return name


def start(cloud, bucket: str) -> str:
    """Start a spot training job with checkpoints of its own, and return its name."""
    name = unique("training")
    given = HYPERPARAMETERS | {"sagemaker_submit_directory": f"s3://{bucket}/code/sourcedir.tar.gz"}
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/data/"}
    cloud.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": "any", "TrainingInputMode": "File"},
        HyperParameters={key: json.dumps(value) for key, value in given.items()},
        InputDataConfig=[{"ChannelName": "dataset", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        CheckpointConfig={"S3Uri": f"s3://{bucket}/checkpoints/{name}"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 200, "MaxWaitTimeInSeconds": 250},
        Environment={"OMP_NUM_THREADS": "1"},
    )
    return name


def take_instance_away(cloud, bucket: str, job: str) -> None:
    """Kill all that belongs to a job, as soon as S3 has a checkpoint of it."""
    s3 = cloud.client("s3")
    until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"checkpoints/{job}/").get("Contents"))
    mark = f"TRAINING_JOB_NAME={job}".encode()
    sessions = set()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    sessions.add(os.getsid(int(process.name)))
            except OSError:
                continue
    assert len(sessions) == 1, "the job does not run any more"
    os.killpg(sessions.pop(), signal.SIGKILL)


def ended(cloud, job: str) -> dict:
    """Wait for the end of a training job and describe it."""
    client = cloud.client("sagemaker")

    def look():
        seen = client.describe_training_job(TrainingJobName=job)
        return seen if seen["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return until(look, every=0.2)


def model(cloud, described: dict, folder: Path) -> Path:
    """Unpack the trained model of a job."""
    bucket, _, key = described["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    data = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def epochs_logged(cloud, job: str) -> list[int]:
    """Numbers of the epochs that a job validated, in the order of its log."""
    logs = cloud.client("logs")
    group = "/aws/sagemaker/TrainingJobs"

    def look():
        found = []
        for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, logStreamNames=[stream["logStreamName"]], filterPattern="validation_loss"
            )
            found += [event["message"] for page in pages for event in page["events"]]
        numbers = [int(line.split()[0].removeprefix("epoch=")) for line in found if line.startswith("epoch=")]
        return numbers if numbers[-1:] == [EPOCHS] else None

    return until(look)


def test_interrupted_spot_training_reaches_the_same_weights(cloud, bucket, dataset, tmp_path):
    """SageMaker restarts the interrupted job from its checkpoint; model and bundle are those of an undisturbed run."""
    undisturbed, interrupted = (start(cloud, bucket) for _ in range(2))
    take_instance_away(cloud, bucket, interrupted)
    first, second = ended(cloud, undisturbed), ended(cloud, interrupted)
    assert (first["TrainingJobStatus"], second["TrainingJobStatus"]) == ("Completed", "Completed"), second
    assert [step["Status"] for step in second["SecondaryStatusTransitions"]] == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    done = epochs_logged(cloud, interrupted)
    assert done[0] == 1
    assert done.count(1) == 1, "it began again from nothing"
    models = [model(cloud, each, tmp_path / each["TrainingJobName"]) for each in (first, second)]
    names = sorted(path.name for path in models[0].iterdir())
    assert "model.safetensors" in names
    assert names == sorted(path.name for path in models[1].iterdir())
    assert [name for name in names if (models[0] / name).read_bytes() != (models[1] / name).read_bytes()] == []
    export = part_of("crash_risk", "export").export
    digests = {export(ExportJob(each, dataset, tmp_path / f"bundle-{each.name}")) for each in models}
    assert len(digests) == 1


def test_spot_training_needs_a_waiting_time(cloud):
    """SageMaker refuses a spot job that may wait less long than it may run."""
    client = cloud.client("sagemaker")
    with pytest.raises(client.exceptions.ClientError, match="Invalid MaxWaitTimeInSeconds"):
        client.create_training_job(
            TrainingJobName=unique("training"),
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": "any", "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": "s3://any/models"},
            ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 200, "MaxWaitTimeInSeconds": 199},
        )
