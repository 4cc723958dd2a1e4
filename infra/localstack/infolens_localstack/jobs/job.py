"""What all kinds of jobs have in common: a folder, a thread, a status that moves on, a log stream."""

import copy
import logging
import os
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from localstack import config
from localstack.aws.connect import connect_to

from infolens_localstack.cloudwatch_sink import LogStream, ship
from infolens_localstack.functions.output import LogRecord
from infolens_localstack.jobs.failure import JobFailed

LOG = logging.getLogger(__name__)
_REASON_LIMIT: Final = 1024
TERMINAL: Final = frozenset({"Completed", "Failed", "Stopped"})


class Job:
    """One job: create, `start`, then read `described`; `stop` asks it to end early."""

    kind: ClassVar[str]  # such as "TrainingJob": names fields and the log group

    def __init__(self, request: dict[str, Any], account: str, region: str) -> None:
        self.request = request
        self.account = account
        self.region = region
        self.name: str = request[f"{self.kind}Name"]
        self.arn = f"arn:aws:sagemaker:{region}:{account}:{_dashed(self.kind)}/{self.name}"
        self.root = Path(config.dirs.tmp) / "jobs" / f"{_dashed(self.kind)}-{account}-{region}-{self.name}" / "ml"
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        now = datetime.now(UTC)
        self._state: dict[str, Any] = {
            f"{self.kind}Arn": self.arn,
            f"{self.kind}Status": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        self._stream = LogStream(
            account, region, f"/aws/sagemaker/{self.kind}s", f"{self.name}/algo-1-{int(now.timestamp())}"
        )

    @property
    def status(self) -> str:
        """Return the job's status."""
        with self._lock:
            return str(self._state[f"{self.kind}Status"])

    def described(self) -> dict[str, Any]:
        """Return what Describe answers: the request's own fields and the state."""
        with self._lock:
            return copy.deepcopy(self.request | self._state)

    def start(self) -> None:
        """Run in the background."""
        threading.Thread(target=self._run, name=f"job-{self.name}", daemon=True).start()

    def stop(self) -> None:
        """Ask the job to end; nothing happens to one that has ended."""
        with self._lock:
            if self._state[f"{self.kind}Status"] == "InProgress":
                self._state[f"{self.kind}Status"] = "Stopping"
                self._state["LastModifiedTime"] = datetime.now(UTC)
        self.stopping.set()

    def update(self, **fields: object) -> None:
        """Change what Describe answers."""
        with self._lock:
            self._state.update(fields, LastModifiedTime=datetime.now(UTC))

    def client(self, service: str) -> Any:  # noqa: ANN401 (a boto3 client)
        """Return a client that acts in the job's account and region."""
        return connect_to(aws_access_key_id=self.account, region_name=self.region).get_client(service)

    def log(self, records: list[LogRecord]) -> None:
        """Put lines into the job's log stream."""
        ship(self._stream, records)

    def base_environment(self) -> dict[str, str]:
        """Return what every container has: endpoint, credentials, a home; nothing of this machine's own shell."""
        home = self.root.parent / "home"
        scratch = self.root.parent / "tmp"
        home.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)
        return {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(_job_python()).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(scratch),
        }

    def work(self) -> dict[str, Any]:
        """Do the job and return the state's last fields; raise JobFailed when it fails."""
        raise JobFailed("InternalServerError: this kind of job does nothing")

    def on_failure(self, _reason: str) -> dict[str, Any]:
        """Return more fields for a job that failed."""
        return {}

    def _run(self) -> None:
        try:
            shutil.rmtree(self.root.parent, ignore_errors=True)
            self.root.mkdir(parents=True)
            last = self.work()
        except JobFailed as failure:
            reason = str(failure)[:_REASON_LIMIT]
            last = {f"{self.kind}Status": "Failed", "FailureReason": reason, **self.on_failure(reason)}
        except Exception as error:
            LOG.exception("Job %s", self.name)
            reason = f"InternalServerError: {error}"[:_REASON_LIMIT]
            last = {f"{self.kind}Status": "Failed", "FailureReason": reason, **self.on_failure(reason)}
        shutil.rmtree(self.root.parent, ignore_errors=True)
        self.update(**last)


def _job_python() -> str:
    from infolens_localstack.jobs.command import interpreter  # noqa: PLC0415

    return interpreter()


def _dashed(kind: str) -> str:
    return {
        "TrainingJob": "training-job",
        "ProcessingJob": "processing-job",
        "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    }[kind]
