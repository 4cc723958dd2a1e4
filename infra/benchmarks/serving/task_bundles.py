"""Makes the bundle of each task as its cpu profile does, from the task's own sample rows, and what is asked of it.

The rows are of the project's own making, so the answers are no measure of quality; how long they take depends on the
sizes that the profile states. Beside the bundle stands a scikit-learn model of the same inputs where one is usual.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [path for path in (str(ROOT / "layers" / "platform"),) if path not in sys.path]

from cases import SCIKIT  # noqa: E402 - after the path to it

from infolens.ml.training.rehearsal import rehearse, take_files  # noqa: E402
from infolens.tasks import part_of, schema_of  # noqa: E402

ROWS = {"crash_risk": 16_500, "movie_recommendation": 4_000}
"""Crashes of sixty days, and ratings of two hundred users; of the others 1,200."""

ITEMS = 20
SEED = 20


def make(task: str, work: Path) -> None:
    """Train, export and keep one task's bundle, unless it is there for this state of the project's code."""
    folder = work / task
    stamp, version = folder / "made", project_code()
    if stamp.is_file() and stamp.read_text() == version:
        return
    began = time.perf_counter()
    print(f"{task}: rows, training and export by the cpu profile …", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sample: Any = part_of(task, "sample")
    rows = ROWS.get(task, 1_200)
    files = {"rows.csv": sample.rows(rows, SEED)}
    if hasattr(sample, "weather_rows"):
        files["weather.csv"] = sample.weather_rows(rows, SEED)
    for name, made in files.items():
        sample.write_csv(folder / name, made)
    take_files(task, [folder / name for name in files], folder / "dataset")
    rehearse(task, folder / "dataset", folder / "ml", options=("--seed", str(SEED)))
    _scikit(task, folder)
    stamp.write_text(version)
    print(f"{task}: {time.perf_counter() - began:.0f} s", flush=True)


def items(task: str) -> list[dict[str, object]]:
    """Give inputs that the task's schema has checked, as its predictor takes them."""
    sample: Any = part_of(task, "sample")
    schema = schema_of(task)
    checked = []
    for row in sample.unlabelled(ITEMS, SEED + 1):
        values = list(row.values())
        bound = schema.bind(list(row), labelled=False)
        checked.append(schema.check({name: values[at] for name, at in bound.items()}))
    return checked


def project_code() -> str:
    """Digest of the project's code that makes and serves the tasks' models."""
    digest = hashlib.sha256()
    for name in ("ml", "tasks"):
        for path in sorted((ROOT / "layers" / "platform" / "infolens" / name).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _scikit(task: str, folder: Path) -> None:
    """Fit the usual model of scikit-learn on the same examples."""
    import joblib  # noqa: PLC0415 - only when a model is made
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    if task not in SCIKIT:
        return
    train = part_of(task, "examples").examples(folder / "dataset", "train")
    labels = [str(one["label"]) for one in train]
    if task == "crash_risk":
        predict: Any = part_of(task, "predict")
        tables = predict.read_tables(folder / "ml" / "model")
        model = HistGradientBoostingClassifier(random_state=SEED)
        model.fit([predict.features(one, tables)[0] for one in train], labels)
    else:
        model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10.0, max_iter=1_000))
        model.fit([str(one["text"]) for one in train], labels)
    joblib.dump(model, folder / "scikit.joblib")
