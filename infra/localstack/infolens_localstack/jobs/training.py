"""A training job: channels in, the script or the container's command, checkpoints kept, model.tar.gz out."""

import json
import re
import shutil
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from infolens_localstack.functions.output import LogRecord
from infolens_localstack.jobs import script_mode
from infolens_localstack.jobs.checkpoints import CheckpointSync
from infolens_localstack.jobs.command import Cut, Ending, run_command
from infolens_localstack.jobs.failure import JobFailed
from infolens_localstack.jobs.folder import (
    download_input,
    local,
    split_uri,
    upload_tarball,
)
from infolens_localstack.jobs.job import Job

_DEFAULT_MAX_SECONDS: Final = 86_400
_MESSAGES: Final = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training image",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "Interrupted": "Training job interrupted: its spot instance was taken away",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class TrainingJob(Job):
    """CreateTrainingJob as a process."""

    kind: ClassVar[str] = "TrainingJob"

    def __init__(self, request: dict[str, Any], account: str, region: str) -> None:
        super().__init__(request, account, region)
        self._transitions: list[dict[str, Any]] = []
        definitions = request["AlgorithmSpecification"].get("MetricDefinitions", [])
        self._metric_patterns = [(d["Name"], re.compile(d["Regex"])) for d in definitions]
        self._final_metrics: dict[str, dict[str, Any]] = {}
        self._metric_values: dict[str, list[float]] = {name: [] for name, _ in self._metric_patterns}
        self._move("Starting")

    def stop(self) -> None:
        """Ask the job to end, and say so in its transitions."""
        was_running = self.status == "InProgress"
        super().stop()
        if was_running:
            self._move("Stopping")

    def log(self, records: list[LogRecord]) -> None:
        """Put lines into the log stream, and read the metrics that the job defined out of them."""
        super().log(records)
        for record in records:
            for name, pattern in self._metric_patterns:
                for found in pattern.finditer(record.text):
                    self._metric_values[name].append(float(found.group(1)))
                    self._final_metrics[name] = {
                        "MetricName": name,
                        "Value": float(found.group(1)),
                        "Timestamp": datetime.fromtimestamp(record.timestamp / 1000, UTC),
                    }
        if self._final_metrics:
            self.update(FinalMetricDataList=list(self._final_metrics.values()))

    def metric_values(self, name: str) -> list[float]:
        """Return all values of a metric so far, in the order of the log."""
        return list(self._metric_values.get(name, []))

    def work(self) -> dict[str, Any]:
        """Download, train, upload; return the last state.

        A spot job whose instance is taken away starts again from its checkpoints, as often as its waiting time allows.
        """
        s3 = self.client("s3")
        limits = self.request["StoppingCondition"]
        most = limits.get("MaxRuntimeInSeconds", _DEFAULT_MAX_SECONDS)
        spot = self.request.get("EnableManagedSpotTraining", False)
        give_up = time.monotonic() + limits.get("MaxWaitTimeInSeconds", float("inf"))
        trained = 0.0
        while True:
            left = give_up - time.monotonic()
            command, ending, seconds = self._attempt(s3, min(most - trained, left))
            trained += seconds
            self.update(
                TrainingEndTime=datetime.now(UTC),
                TrainingTimeInSeconds=int(trained),
                BillableTimeInSeconds=int(trained),
            )
            if ending.cut is not Cut.INTERRUPTED:
                return self._finish(s3, command, ending, waited_too_long=left < most - (trained - seconds))
            if not spot:
                raise JobFailed("InternalServerError: We encountered an internal error. Please try again.")
            self._move("Interrupted")
            shutil.rmtree(self.root)
            self.root.mkdir()
            if time.monotonic() >= give_up:
                return {"TrainingJobStatus": "Stopped", **self._closed("MaxWaitTimeExceeded")}
            self._move("Starting")

    def _attempt(self, s3: Any, max_seconds: float) -> tuple[list[str], Ending, float]:  # noqa: ANN401
        """Train on one instance; gives the command, how it ended, and how long it ran."""
        self._move("Downloading")
        command, environment, folder = self._prepare(s3)
        checkpoints = self._checkpoints(s3)
        self.update(TrainingStartTime=datetime.now(UTC))
        if not self.stopping.is_set():
            self._move("Training")
        if checkpoints is not None:
            checkpoints.start()
        began = time.monotonic()
        ending = run_command(command, environment, folder, max_seconds=max_seconds, stop=self.stopping, log=self.log)
        seconds = time.monotonic() - began
        if checkpoints is not None:
            checkpoints.finish(lost=ending.cut is Cut.INTERRUPTED)
        return command, ending, seconds

    def on_failure(self, reason: str) -> dict[str, Any]:
        """Close the transitions with the reason."""
        self._move("Failed", reason)
        return {"TrainingEndTime": datetime.now(UTC)}

    def _finish(self, s3: Any, command: list[str], ending: Ending, *, waited_too_long: bool) -> dict[str, Any]:  # noqa: ANN401
        output = f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"
        failed = ending.cut is None and ending.status != 0
        if not failed and self.status != "Stopping":
            self._move("Uploading")
        self._upload(s3, self.root / "output" / "data", f"{output}/output.tar.gz", even_if_empty=False)
        if failed:
            raise JobFailed(self._failure_reason(command, ending))
        self._upload(s3, self.root / "model", f"{output}/model.tar.gz", even_if_empty=True)
        artifacts = {"ModelArtifacts": {"S3ModelArtifacts": f"{output}/model.tar.gz"}}
        if ending.cut is None:
            return {"TrainingJobStatus": "Completed", **artifacts, **self._closed("Completed")}
        late = "MaxWaitTimeExceeded" if waited_too_long else "MaxRuntimeExceeded"
        secondary = "Stopped" if ending.cut is Cut.STOPPED else late
        return {"TrainingJobStatus": "Stopped", **artifacts, **self._closed(secondary)}

    def _failure_reason(self, command: list[str], ending: Ending) -> str:
        written = self.root / "output" / "failure"
        if written.exists():
            text = written.read_text("utf-8", "replace")
        elif "sagemaker_program" in self.request.get("HyperParameters", {}):
            text = script_mode.failure_text(command, ending.status, ending.last_lines)
        else:
            text = ""
        return f"AlgorithmError: {text}, exit code: {ending.status}"

    def _prepare(self, s3: Any) -> tuple[list[str], dict[str, str], Path]:  # noqa: ANN401
        for name in ("input/config", "input/data", "model", "output/data", "code", "checkpoints"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        channels = {}
        for channel in self.request.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            target = self.root / "input" / "data" / channel["ChannelName"]
            download_input(s3, source, target, self.region)
            channels[channel["ChannelName"]] = {
                "TrainingInputMode": "File",
                "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
        raw = {name: local(value, self.root) for name, value in self.request.get("HyperParameters", {}).items()}
        configuration = self.root / "input" / "config"
        (configuration / "hyperparameters.json").write_text(json.dumps(raw), "utf-8")
        (configuration / "inputdataconfig.json").write_text(json.dumps(channels), "utf-8")
        (configuration / "resourceconfig.json").write_text(
            json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}), "utf-8"
        )
        given = {name: local(value, self.root) for name, value in self.request.get("Environment", {}).items()}
        environment = {
            **self.base_environment(),
            "TRAINING_JOB_NAME": self.name,
            "TRAINING_JOB_ARN": self.arn,
        }
        algorithm = self.request["AlgorithmSpecification"]
        hyperparameters = script_mode.decoded(raw)
        program = hyperparameters.get("sagemaker_program", "")
        own = script_mode.user_hyperparameters(hyperparameters)
        environment |= script_mode.variables(
            self.root,
            job_name=self.name,
            program=program,
            hyperparameters=own,
            channels=channels,
            module_uri=hyperparameters.get("sagemaker_submit_directory", ""),
            gpus=len(list(Path("/dev").glob("nvidia[0-9]*"))),
        )
        code = self.root / "code"
        if "ContainerEntrypoint" in algorithm:
            words = [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])]
            return [local(word, self.root) for word in words], environment | given, code
        if not program:
            raise JobFailed(
                "ClientError: a job without a container needs sagemaker_program and sagemaker_submit_directory "
                "among its hyperparameters, or AlgorithmSpecification.ContainerEntrypoint"
            )
        self._unpack_code(s3, hyperparameters.get("sagemaker_submit_directory", ""), code)
        starter = ["/bin/sh"] if program.endswith(".sh") else ["python3"]
        return [*starter, program, *script_mode.arguments(own)], environment | given, code

    def _unpack_code(self, s3: Any, uri: str, code: Path) -> None:  # noqa: ANN401
        if not uri.startswith("s3://"):
            raise JobFailed(f"ClientError: sagemaker_submit_directory must be an S3 URI of a .tar.gz, not {uri!r}")
        bucket, key = split_uri(uri)
        packed = self.root.parent / "sourcedir.tar.gz"
        try:
            s3.download_file(bucket, key, str(packed))
        except s3.exceptions.ClientError as error:
            raise JobFailed(f"ClientError: cannot read the code at {uri}: {error}") from error
        with tarfile.open(packed) as archive:
            archive.extractall(code, filter="data")
        packed.unlink()

    def _checkpoints(self, s3: Any) -> CheckpointSync | None:  # noqa: ANN401
        settings = self.request.get("CheckpointConfig")
        if settings is None:
            return None
        folder = Path(local(settings.get("LocalPath", "/opt/ml/checkpoints"), self.root))
        return CheckpointSync(s3, folder, settings["S3Uri"])

    def _upload(self, s3: Any, source: Path, uri: str, *, even_if_empty: bool) -> None:  # noqa: ANN401
        if even_if_empty or any(source.iterdir()):
            upload_tarball(s3, source, uri, self.root.parent)

    def _move(self, secondary: str, message: str | None = None) -> None:
        self.update(**self._closed(secondary, message, still_open=secondary != "Failed"))

    def _closed(self, secondary: str, message: str | None = None, *, still_open: bool = False) -> dict[str, Any]:
        now = datetime.now(UTC)
        if self._transitions:
            self._transitions[-1].setdefault("EndTime", now)
        entry = {"Status": secondary, "StartTime": now, "StatusMessage": message or _MESSAGES[secondary]}
        if not still_open:
            entry["EndTime"] = now
        self._transitions.append(entry)
        return {"SecondaryStatus": secondary, "SecondaryStatusTransitions": list(self._transitions)}
