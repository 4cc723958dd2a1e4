"""Takes files to a judged bundle on one machine: ingest's own reading, then the very job scripts, one after the other.

For benchmarks and tests of a task on real files. Nothing here decides anything: each step is the product's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from infolens import codec
from infolens.code import places
from infolens.contracts.evaluation import EvaluationReport
from infolens.gates import judge
from infolens.ingest import parts
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.file_format import open_content
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.merging import ExistingPart, Merging, refusal
from infolens.ingest.section_processes import staged_sections
from infolens.ingest.survey import binds_to, survey
from infolens.ml.bundle import digest_of, verify
from infolens.ml.parity import REFERENCE_NAME, compare
from infolens.ml.training.quantisation import EXACT
from infolens.tasks import part_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from infolens.contracts.bundle import BundleManifest
    from infolens.contracts.evaluation import ParityReport, Verdict
    from infolens.contracts.task import LoadPredictor, Schema
    from infolens.ingest.sections import StagedSection
    from infolens.ingest.survey import Survey


class RehearsalError(RuntimeError):
    """A file was refused or a job failed; the message is its own reason."""


@dataclass(frozen=True)
class Taken:
    """What ingest made of the files: rows_in == kept + duplicates + rejected."""

    rows_in: int
    kept: int
    duplicates: int
    rejected: int
    splits: dict[str, int]


@dataclass(frozen=True)
class Rehearsal:
    """One candidate with everything that was found out about it."""

    manifest: BundleManifest
    report: EvaluationReport
    parity: ParityReport
    verdict: Verdict
    bundle: Path
    training_log: str
    """Standard output of the training job."""
    seconds: dict[str, float]
    """Wall-clock time of each job's process ("train", "export", "evaluate"), and "answer": one input, one at a time."""


def take_files(task: str, files: Sequence[Path], dataset: Path, *, rows_of_each: int | None = None) -> Taken:
    """Read labelled files in the order of their upload and write what ingest keeps as Parquet parts below `dataset`.

    Args:
        task: name of the task.
        files: any that ingest takes.
        dataset: directory for the parts; it is made.
        rows_of_each: keep only the first so many new rows of each file, for a quick trial.

    Raises:
        RehearsalError: ingest refuses a file as a whole.
    """
    schema = schema_of(task)
    dataset.mkdir(parents=True, exist_ok=True)
    existing: list[ExistingPart] = []
    rows_in = kept = rejected = 0
    splits: Counter[str] = Counter()
    for number, path in enumerate(files):
        found, sections = _staged(path, schema)
        merging = Merging(schema, found, path.name, [section.counts for section in sections], _InMemory(sections))
        merging.compare(existing)
        left = rows_of_each
        for place, final in enumerate(merging.parts()):
            table = parts.read_part(final.data).slice(0, left)
            index = IdentityIndex.of(final.index)
            if left is not None:
                left -= table.num_rows
                taken = np.isin(index.records().line, table.column(parts.LINE).to_numpy())
                index = IdentityIndex.of(index.only(taken))
            existing.append(ExistingPart(path.name, final.part, index))
            splits.update(table.column(parts.SPLIT).to_pylist())
            kept += table.num_rows
            # Numbered: jobs read parts by the order of their names, and a trial is to be the same each time.
            name = f"{number:03}-{place:04}.parquet"
            (dataset / name).write_bytes(parts.part_bytes(parts.arrow_schema(schema.columns), table.to_batches()))
        rows_in += sum(section.counts.rows_in for section in sections)
        rejected += sum(section.counts.rows_rejected for section in sections)
    return Taken(rows_in, kept, rows_in - kept - rejected, rejected, dict(splits))


class _InMemory:
    """`infolens.ingest.merging.StagedParts` of a file that is small enough."""

    def __init__(self, sections: Sequence[StagedSection]) -> None:
        self._sections = sections

    def index(self, number: int) -> IdentityIndex:
        return IdentityIndex.of(self._sections[number].index)

    def part(self, number: int) -> bytes:
        return self._sections[number].part

    def rejects(self, number: int) -> bytes:
        return self._sections[number].rejects


def _staged(path: Path, schema: Schema) -> tuple[Survey, list[StagedSection]]:
    try:
        with path.open("rb") as stream:
            content, file_format = open_content(stream, path.name, binds_to(schema))
            found = survey(content, file_format, schema)
        with path.open("rb") as stream:
            content, _ = open_content(stream, path.name, binds_to(schema))
            content.read(found.data_start)
            sections = list(staged_sections(content, found, schema, path.name))
    except FileRefused as error:
        raise RehearsalError(f"{path.name}: {error.reason}") from error
    if reason := refusal(schema, [section.counts for section in sections]):
        raise RehearsalError(f"{path.name}: {reason}")
    return found, sections


def rehearse(task: str, dataset: Path, work: Path, *, profile: str = "cpu", options: Sequence[str] = ()) -> Rehearsal:
    """Train, export, compare, evaluate and judge a candidate of `task`, each as in a run on SageMaker.

    Args:
        task: name of the task.
        dataset: directory with Parquet parts, see `take_files`.
        work: an empty or missing directory; it gets the shape of /opt/ml and keeps everything.
        profile: the task's training profile.
        options: more options for train.py, such as ("--seed", "20").

    Raises:
        RehearsalError: a job failed.
    """
    _, jobs = places()
    model, exported, evaluated = work / "model", work / "processing/output", work / "processing/report"
    env = os.environ | {"SM_MODEL_DIR": str(model), "SM_OUTPUT_DIR": str(work / "output")}
    named = ("--task", task, "--run-id", "rehearsal", "--dataset-id", "rehearsal")
    how = ("--profile", profile, "--code-version", "rehearsal", *options)
    run = _Jobs(jobs, env)
    log = run("train", *named, *how, "--dataset", dataset)
    run("export", "--task", task, "--model", model, "--dataset", dataset, "--output", exported)
    bundle = exported / "bundle"
    run(
        "evaluate", *named, "--bundle", bundle, "--exact", exported / EXACT, "--dataset", dataset, "--output", evaluated
    )
    digest = digest_of(bundle)
    manifest = verify(bundle, digest)
    predictor = cast("LoadPredictor", part_of(task, "predict").load)(bundle, manifest)
    reference = json.loads((exported / REFERENCE_NAME).read_text())
    began = time.perf_counter()
    parity = compare(predictor.scores(reference["inputs"]), reference["scores"], digest)
    answer = (time.perf_counter() - began) / max(1, len(reference["inputs"]))
    report = codec.from_json(EvaluationReport, (evaluated / "report.json").read_bytes())
    demands = part_of(task, "gates")
    verdict = judge(report, parity, demands.GATES, demands.PARITY, bundle_digest=digest, champion_digest="")
    return Rehearsal(manifest, report, parity, verdict, bundle, log, run.seconds | {"answer": answer})


class _Jobs:
    """Runs job scripts as processes and keeps their times."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder = folder
        self._env = env
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, *arguments: str | Path) -> str:
        command = [sys.executable, str(self._folder / f"{name}.py"), *map(str, arguments)]
        began = time.perf_counter()
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        self.seconds[name] = time.perf_counter() - began
        if done.returncode:
            raise RehearsalError(f"{name}.py ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout
