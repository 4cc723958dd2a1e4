"""Measures the accuracy of news_category on a real CSV: what would be served, beside TF-IDF and logistic regression.

    python infra/benchmarks/news_category/accuracy.py huffpost_articles.csv.gz [--base-model DIRECTORY]

Rows are read and split by ingest's own code; training, export and evaluation are the very job scripts that SageMaker
runs. Choices (of the baseline's settings too) are made on the validation split; the test split is looked at once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from infolens.ingest.labelled import ReadFile, read_labelled
from infolens.ml.bundle import digest_of, verify
from infolens.ml.parity import compare
from infolens.tasks import part_of, schema_of

TASK = "news_category"
JOBS = Path(__file__).parents[3] / "training_jobs"


def read_rows(path: Path) -> tuple[list[dict[str, object]], ReadFile]:
    """Rows with their splits as ingest keeps them, and what it counted."""
    schema = schema_of(TASK)
    with path.open("rb") as stream:
        found = read_labelled(stream, path.name, schema)
    if found.refused:
        sys.exit(f"{path}: {found.refused}")
    rows = [{**dict(zip(schema.columns, row.values, strict=True)), "split": row.split} for row in found.kept]
    return rows, found


def linear_baseline(rows: list[dict[str, object]]) -> dict[str, object]:
    """Accuracy on the test split of the TF-IDF + logistic regression that validated best."""
    texts = {split: [str(r["text"]) for r in rows if r["split"] == split] for split in ("train", "validation", "test")}
    labels = {split: [str(r["label"]) for r in rows if r["split"] == split] for split in texts}
    began = time.perf_counter()
    tried = []
    for longest, strength in itertools.product((1, 2), (1, 10, 50)):
        words = TfidfVectorizer(ngram_range=(1, longest), sublinear_tf=True)
        model = LogisticRegression(C=strength, max_iter=1_000)
        model.fit(words.fit_transform(texts["train"]), labels["train"])
        score = model.score(words.transform(texts["validation"]), labels["validation"])
        tried.append((score, -longest, -strength, words, model))
    validation, longest, strength, words, model = max(tried, key=lambda one: one[:3])
    answers = model.predict(words.transform(texts["test"]))
    right = sum(a == b for a, b in zip(answers, labels["test"], strict=True))
    return {
        "model": f"TF-IDF (1 to {-longest} words) + logistic regression (C={-strength})",
        "validation": validation,
        "accuracy": right / len(answers),
        "macro_f1": f1_score(labels["test"], answers, average="macro"),
        "seconds": time.perf_counter() - began,
        "megabytes": (model.coef_.nbytes + sum(len(word) + 8 for word in words.vocabulary_)) / 1e6,
    }


def served_model(work: Path, profile: str, base_model: str, seed: int) -> dict[str, object]:
    """Train, export and evaluate with the job scripts; the figures are those of the int8 bundle."""
    env = os.environ | {"SM_MODEL_DIR": str(work / "model"), "SM_OUTPUT_DIR": str(work / "output")}
    dataset, output = work / "dataset", work / "processing/output"
    run = ("--task", TASK, "--run-id", "benchmark", "--dataset-id", "benchmark")
    given = ("--profile", profile, "--base-model", base_model, "--seed", str(seed), "--code-version", "benchmark")
    seconds, log = _job(env, "train", *run, *given, "--dataset", dataset)
    _job(env, "export", "--task", TASK, "--model", work / "model", "--dataset", dataset, "--output", output)
    bundle = output / "bundle"
    report_folder = work / "processing/report"
    _job(env, "evaluate", *run, "--bundle", bundle, "--dataset", dataset, "--output", report_folder)
    report = json.loads((report_folder / "report.json").read_text())
    manifest = verify(bundle, digest_of(bundle))
    predictor = part_of(TASK, "predict").load(bundle, manifest)
    reference = json.loads((output / "reference.json").read_text())
    began = time.perf_counter()
    scores = predictor.scores(reference["inputs"])
    each = (time.perf_counter() - began) / len(scores)
    return {
        "model": f"profile {profile}{f', base model {Path(base_model).name}' if base_model else ''}, int8 bundle",
        "validation": manifest.metrics["validation_accuracy"],
        **report["metrics"],
        "seconds": seconds,
        "megabytes": sum(file.size for file in manifest.files) / 1e6,
        "ms_per_text": each * 1e3,
        "parity": compare(scores, reference["scores"], ""),
        "slices": report["slices"],
        "parameters": int(re.findall(r"parameters=(\d+)", log)[0]),
    }


def _job(env: dict[str, str], name: str, *arguments: str | Path) -> tuple[float, str]:
    began = time.perf_counter()
    command = [sys.executable, str(JOBS / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        if "epochs=" in line:
            print(f"  {line}")
    return time.perf_counter() - began, done.stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path, help="labelled rows, .csv or .csv.gz")
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--base-model", default="", help="directory or hub id of a pretrained encoder to fine-tune")
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()

    rows, found = read_rows(given.csv)
    splits = dict(Counter(str(row["split"]) for row in rows))
    print(f"{given.csv.name}: {found.rows_in} rows = {len(rows)} kept {splits} + ", end="")
    print(f"{found.duplicates} duplicates + {len(found.rejects)} rejected")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "dataset").mkdir()
        pq.write_table(pa.Table.from_pylist(rows), work / "dataset" / "part.parquet")
        served = served_model(work, given.profile, given.base_model, given.seed)
    baseline = linear_baseline(rows)

    print(f"\n{'':58}{'validation':>11}{'test':>8}{'macro-F1':>10}{'train s':>9}{'MB':>7}")
    for one in (served, baseline):
        print(
            f"{one['model']:58}{one['validation']:>11.4f}{one['accuracy']:>8.4f}{one['macro_f1']:>10.4f}"
            f"{one['seconds']:>9.0f}{one['megabytes']:>7.1f}"
        )
    print(
        f"\n{served['parameters']} parameters, {served['ms_per_text']:.2f} ms a text, one at a time; {served['parity']}"
    )
    for name, values in served["slices"].items():
        print(f"  {name:26} recall {values['recall']:.2f} of {values['rows']:.0f}")


if __name__ == "__main__":
    main()
