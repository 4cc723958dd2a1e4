"""Starting and stopping the embedded cloud, and what happens when it is killed."""

import os
import signal
import socket
import tempfile
from pathlib import Path

import pytest

from cloud_parts import ROLE, Cloud, invoke, make_bucket, make_function, tarball_of, until
from infolens_cli import cloud as cloud_process

pytestmark = pytest.mark.cloud


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def own(tmp_path):
    """A cloud of the test's own: its folder and its port; stopped whatever the test did."""
    state_dir, port = tmp_path / "state", free_port()
    running = cloud_process.start(state_dir, port)
    yield running
    cloud_process.stop(state_dir)


def children_of(running):
    """Return the processes that belong to a cloud, itself left out."""
    mark = cloud_process._mark(Path(running.state_dir))
    return [pid for pid in cloud_process._marked(mark) if pid != running.pid]


def busy(running):
    """Let the cloud run a function and a job; return once both processes are there."""
    cloud = Cloud(running.endpoint_url, Path(running.state_dir))
    assert invoke(cloud, make_function(cloud, "def handler(e, c): return 1\n")) == (None, 1)
    bucket = make_bucket(cloud)
    script = "import time\ntime.sleep(300)\n"
    cloud.client("s3").put_object(Bucket=bucket, Key="code.tar.gz", Body=tarball_of({"train.py": script}))
    cloud.client("sagemaker").create_training_job(
        TrainingJobName="endless",
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": "any", "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/code.tar.gz",
        },
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    # The function's environment, the job's leash and the job itself.
    until(lambda: len(children_of(running)) >= 3)


def test_start_twice_and_stop(own):
    """A second start is refused with the endpoint or the port's holder; a stop ends all, frees all, removes all."""
    with pytest.raises(cloud_process.AlreadyRunningError, match=rf"{own.endpoint_url} .*infolens down") as refusal:
        cloud_process.start(Path(own.state_dir), free_port())
    assert refusal.value.running == own
    with pytest.raises(cloud_process.CloudError, match=rf"port {own.port} is taken by pid {own.pid} \(.*localstack"):
        cloud_process.start(Path(own.state_dir).with_name("second"), own.port)
    assert cloud_process.status(Path(own.state_dir)) == own
    busy(own)
    assert cloud_process.stop(Path(own.state_dir)) is True
    assert cloud_process._marked(cloud_process._mark(Path(own.state_dir))) == []
    assert not Path(own.state_dir).exists()
    assert list(Path(tempfile.gettempdir()).glob("localstack*")) == []  # where LocalStack would keep S3's objects
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of this test linger in TIME_WAIT
        probe.bind(("127.0.0.1", own.port))
    assert cloud_process.stop(Path(own.state_dir)) is False


def test_killed_cloud_takes_its_processes_along_and_starts_again(own):
    """After kill -9 functions and jobs end by themselves, and a new start works, with nothing of before."""
    busy(own)
    os.kill(own.pid, signal.SIGKILL)
    until(lambda: not children_of(own))
    assert cloud_process.status(Path(own.state_dir)) is None
    again = cloud_process.start(Path(own.state_dir), own.port, settings={"LAMBDA_KEEPALIVE_MS": "1000"})
    assert again.pid != own.pid
    assert cloud_process.answers(again)
    assert Cloud(again.endpoint_url, Path(again.state_dir)).client("s3").list_buckets()["Buckets"] == []
    # An environment that nobody calls any more is ended.
    cloud = Cloud(again.endpoint_url, Path(again.state_dir))
    assert invoke(cloud, make_function(cloud, "def handler(e, c): return 1\n")) == (None, 1)
    until(lambda: not children_of(again))
    # And a stop right after a kill, while the rest still ends by itself.
    os.kill(again.pid, signal.SIGKILL)
    assert cloud_process.stop(Path(own.state_dir)) is True
    assert cloud_process._marked(cloud_process._mark(Path(own.state_dir))) == []
    assert not Path(own.state_dir).exists()
