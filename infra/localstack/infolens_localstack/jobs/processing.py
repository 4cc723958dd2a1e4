"""A processing job: inputs in, the container's command as a process, outputs out."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from infolens_localstack.jobs.command import Cut, run_command
from infolens_localstack.jobs.failure import JobFailed
from infolens_localstack.jobs.folder import download_input, local, upload_tree
from infolens_localstack.jobs.job import Job

_DEFAULT_MAX_SECONDS: Final = 86_400


class ProcessingJob(Job):
    """CreateProcessingJob as a process."""

    kind: ClassVar[str] = "ProcessingJob"

    def work(self) -> dict[str, Any]:
        """Download, run, upload; return the last state."""
        s3 = self.client("s3")
        for entry in self.request.get("ProcessingInputs", []):
            source = entry["S3Input"]
            download_input(s3, source, Path(local(source["LocalPath"], self.root)), self.region)
        outputs = [output["S3Output"] for output in self.request.get("ProcessingOutputConfig", {}).get("Outputs", [])]
        for output in outputs:
            Path(local(output["LocalPath"], self.root)).mkdir(parents=True, exist_ok=True)
        (self.root / "output").mkdir(exist_ok=True)
        self._write_configuration()
        self.update(ProcessingStartTime=datetime.now(UTC))
        specification = self.request["AppSpecification"]
        if not specification.get("ContainerEntrypoint"):
            raise JobFailed("ClientError: a job without a container needs AppSpecification.ContainerEntrypoint")
        words = [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
        ending = run_command(
            [local(word, self.root) for word in words],
            {
                **self.base_environment(),
                "PROCESSING_JOB_NAME": self.name,
                "PROCESSING_JOB_ARN": self.arn,
                **{name: local(value, self.root) for name, value in self.request.get("Environment", {}).items()},
            },
            self.root,
            max_seconds=self.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_SECONDS),
            stop=self.stopping,
            log=self.log,
        )
        message = self.root / "output" / "message"
        if message.exists():
            self.update(ExitMessage=message.read_text("utf-8", "replace")[:1024])
        if ending.cut is None and ending.status != 0:
            raise JobFailed(f"AlgorithmError: See job logs for more information, exit code: {ending.status}")
        for output in outputs:
            upload_tree(s3, Path(local(output["LocalPath"], self.root)), output["S3Uri"])
        state: dict[str, Any] = {"ProcessingEndTime": datetime.now(UTC)}
        if ending.cut is None:
            return {**state, "ProcessingJobStatus": "Completed"}
        if ending.cut is Cut.MAX_RUNTIME:
            state["FailureReason"] = "ClientError: Processing job runtime exceeded MaxRuntimeInSeconds provided"
        return {**state, "ProcessingJobStatus": "Stopped"}

    def on_failure(self, _reason: str) -> dict[str, Any]:
        """Say when it ended."""
        return {"ProcessingEndTime": datetime.now(UTC)}

    def _write_configuration(self) -> None:
        configuration = self.root / "config"
        configuration.mkdir(exist_ok=True)
        described = json.dumps(self.request, default=str)
        (configuration / "processingjobconfig.json").write_text(described, "utf-8")
        (configuration / "resourceconfig.json").write_text(
            json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}), "utf-8"
        )
