"""Measures what users of the whole path see under load: API Gateway, the API's function, the alias, the model.

    make .venvs/stamps/bench-load && python infra/benchmarks/load/measure.py [--bundle FOLDER] [--results FOLDER]

Starts a cloud of its own and deploys the template's API with its tables around the product's predict function; beside
it an API with the same key and path before an empty handler, which shows what the emulator itself costs. Locust, in an
environment of its own (load.lock), asks both in one run. Users, emulator and functions share this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from load_figures import Figures, figures_of, table
from shapes import SHAPES

from infolens_cli import cloud
from infolens_cli.processor import processor_name

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests"))  # the parts that the end-to-end tests deploy

from api_cloud import Api  # noqa: E402
from cloud_parts import Cloud, make_bucket, of_the_product, unique, until  # noqa: E402
from infolens.aws.versions import LambdaVersions  # noqa: E402
from infolens.ml.bundle import digest_of  # noqa: E402
from tiny_bundles import tiny_bundle  # noqa: E402

TASK = "news_category"
PATH = f"/tasks/{TASK}/predictions"
EMPTY, WHOLE = "empty handler", "whole path"
PLAN = (
    (EMPTY, "S1 gate"),
    (EMPTY, "baseline"),
    (WHOLE, "S1 gate"),
    (WHOLE, "baseline"),
    (WHOLE, "burst"),
    (WHOLE, "stress"),
)

WARM_UPS = 3
"""How often users come at most until nobody waits for environments that start: a hundred of them on one machine."""

LONGEST_WARM_MS = 5000.0

KEEP_SECONDS = 3600
"""Environments outlive a wait for a quiet machine (`--before`)."""

EMPTY_API = f"""
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Gate:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Auth: {{ApiKeyRequired: true, UsagePlan: {{CreateUsagePlan: PER_API}}}}
  Empty:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return {{"statusCode": 200, "body": '{{"empty": true}}'}}
      Events:
        Ask: {{Type: Api, Properties: {{RestApiId: !Ref Gate, Path: "{PATH}", Method: post}}}}
Outputs:
  ApiId: {{Value: !Ref Gate}}
  KeyId: {{Value: !Ref GateApiKey}}
"""


class Whole(Api):
    """The API around the product's own predict function with a real bundle."""

    def __init__(self, running: Cloud, bundle: Path) -> None:
        """Deploy, and give the bundle's version all the traffic."""
        self._bundle = bundle
        super().__init__(running)

    def publish(self, task: str, answer: dict[str, object], *, fault: str = "", seconds: float = 0.0) -> str:
        """Publish the product's function for the task that is asked, and planted ones for the others."""
        if task != TASK:
            return str(super().publish(task, answer, fault=fault, seconds=seconds))
        of_the_product(self.cloud, "predict", self.function(task), TASK=task)
        bucket = make_bucket(self.cloud)
        for path in self._bundle.iterdir():
            self.cloud.client("s3").upload_file(str(path), bucket, f"bundle/{path.name}")
        pins = {
            "BUNDLE_URI": f"s3://{bucket}/bundle/",
            "BUNDLE_DIGEST": digest_of(self._bundle),
            "RUN_ID": "run",
            "DATASET_ID": "dataset",
        }
        return LambdaVersions(self.cloud.client("lambda")).publish(self.function(task), pins, "")


def empty_api(running: Cloud) -> tuple[str, str]:
    """Deploy the API before the empty handler; returns its address and its key."""
    formation, stack = running.client("cloudformation"), unique("empty")
    change = formation.create_change_set(
        StackName=stack,
        ChangeSetName=unique("change"),
        ChangeSetType="CREATE",
        TemplateBody=EMPTY_API,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )["Id"]
    until(lambda: formation.describe_change_set(ChangeSetName=change)["Status"] == "CREATE_COMPLETE")
    formation.execute_change_set(ChangeSetName=change)

    def outputs() -> dict[str, str] | None:
        seen = formation.describe_stacks(StackName=stack)["Stacks"][0]
        done = seen["StackStatus"] == "CREATE_COMPLETE"
        return {each["OutputKey"]: each["OutputValue"] for each in seen["Outputs"]} if done else None

    made = until(outputs)
    key = running.client("apigateway").get_api_key(apiKey=made["KeyId"], includeValue=True)["value"]
    return f"{running.endpoint_url}/_aws/execute-api/{made['ApiId']}/v1{PATH}", str(key)


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asked(locust: Path, name: str, place: tuple[str, str], pid: int, scratch: Path) -> Figures:
    """Let the users of a shape ask an address with its key, and sum up what they saw."""
    url, key = place
    out, users = scratch / "lines.json", Path(__file__).with_name("users.py")
    env = os.environ | {"LOAD_SHAPE": name, "LOAD_URL": url, "LOAD_KEY": key, "LOAD_OUT": str(out)}
    env.pop("PYTHONPATH", None)
    command = [str(locust), "-f", str(users), "--headless", "--only-summary", "--loglevel", "ERROR"]
    before = processor_seconds(pid)
    command += ["--stop-timeout", "35"]  # who has asked waits for the answer
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if not out.exists():
        raise RuntimeError(f"locust ended with {done.returncode}: {done.stderr[-2000:]}")
    lines = json.loads(out.read_text("utf-8"))
    out.unlink()
    return figures_of(lines, SHAPES[name], processor_seconds(pid) - before)


def machine() -> str:
    """Name what a figure needs beside it."""
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {processor_name()}, {system}, load {os.getloadavg()[0]:.1f}"


def report(rows: list[tuple[str, Figures]], where: str, bundle: str) -> str:
    """Write the results as Markdown."""
    shapes = "\n".join(f"- **{shape.name}**: {shape.why}." for shape in SHAPES.values() if shape.name != "warm-up")
    return (
        f"# The whole path under load, on the embedded cloud\n\n{where}; model: {bundle}. Written by measure.py.\n\n"
        f"{table(rows)}\n\n{shapes}\n"
    )


def run(given: argparse.Namespace, scratch: Path) -> tuple[str, list[tuple[str, Figures]]]:
    """Deploy both, and ask them; returns the machine as it was when the first figure was taken, and the figures."""
    bundle = given.bundle
    if bundle is None:
        bundle = scratch / "bundle"
        tiny_bundle(bundle)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        started = cloud.start(scratch / "cloud", port, settings={"LAMBDA_KEEPALIVE_MS": str(KEEP_SECONDS * 1000)})
        running = Cloud(started.endpoint_url, scratch / "cloud")
        whole = Whole(running, bundle)
        places = {EMPTY: empty_api(running), WHOLE: (f"{whole.url}{PATH}", whole.key)}
        print("deployed; the users come", flush=True)
        for what, place in places.items():
            for _ in range(WARM_UPS):
                found = asked(given.locust, "warm-up", place, started.pid, scratch)
                print(f"{what}, warm-up: {found}", flush=True)
                if not found.failures and found.p99_ms < LONGEST_WARM_MS:
                    break
        if given.before:
            subprocess.run(given.before, shell=True, check=False)  # noqa: S602 - the operator's own command
        where, rows = machine(), []
        print(where, flush=True)
        for what, name in PLAN:
            found = asked(given.locust, name, places[what], started.pid, scratch)
            print(f"{what}, {name}: {found}", flush=True)
            rows.append((f"{what}, {name}", found))
        return where, rows
    finally:
        cloud.stop(scratch / "cloud")


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--bundle", type=Path, help=f"folder of a bundle of {TASK}; without it one that counts words")
    options.add_argument("--results", type=Path, help="folder that gets results.md and results.json")
    options.add_argument("--before", help="command to run when all is warm, such as one that waits for a quiet machine")
    options.add_argument("--locust", type=Path, default=ROOT / ".venvs" / "bench-load" / "bin" / "locust")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where, rows = run(given, Path(folder))
    said = f"bundle {digest_of(given.bundle)[:12]}" if given.bundle else "a bundle that counts words"
    text = report(rows, where, said)
    print(text)
    if given.results:
        (given.results / "results.md").write_text(text, "utf-8")
        shapes = {what: asdict(found) for what, found in rows}
        seen: dict[str, Any] = {"machine": where, "model": said, "shapes": shapes}
        (given.results / "results.json").write_text(json.dumps(seen, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
