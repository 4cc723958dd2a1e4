"""Every public data file has the same report as before: its counts stand in tests/golden/ingest, and no row of it.

    UPDATE_GOLDEN=1 pytest tests/integration/test_golden_reports.py      # writes them anew; look at the difference

Each file goes through the use case of the ingest function with a store in memory, alone in its dataset.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from infolens.contracts import keys
from infolens.tasks import schema_of
from infolens.usecases.ingest import ingest_upload
from ingest_fakes import DATA as BUCKET
from ingest_fakes import World

DATA = Path(__file__).parents[3] / "shared" / "data"
GOLDEN = Path(__file__).parents[1] / "golden" / "ingest"

FOLDERS = {
    "news_category": "news_category",
    "fake_news": "fake_news",
    "summarisation": "news_summary",
    "toxic_comments": "toxicity",
    "movielens": "movie_recommendation",
    "nyc_collisions": "crash_risk",
}
"""Folder of the data -> task that its files are dropped for. What the task cannot use has the report of a refusal."""

FILES = {
    "news_category": ("huffpost_articles.csv.gz", "huffpost_headlines_balanced.csv"),
    "fake_news": ("covid_posts.csv", "liar_statements.csv.gz", "news_articles.csv.gz"),
    "summarisation": ("bbc_news_summary.csv.gz", "cnn_dailymail.csv.gz", "inshorts_news_summary.csv.gz"),
    "toxic_comments": ("davidson_tweets.csv.gz", "jigsaw_binary.csv.gz", "jigsaw_multilabel.csv.gz"),
    "movielens": ("movies.csv", "ratings.csv", "users.csv"),
    "nyc_collisions": (
        "crashes_2016_2020.csv.gz",
        "crashes_202201.csv",
        "crashes_202301.csv",
        "crashes_2025_2026_dates.csv",
        "crashes_queens_2020_2023.csv.gz",
        "weather_central_park_daily.csv",
    ),
}

FIGURES = (
    "status",
    "reason",
    "rows_in",
    "rows_kept",
    "rows_duplicate",
    "rows_rejected",
    "rejected_by_reason",
    "label_counts",
    "bytes_in",
    "bytes_repaired",
    "bytes_replaced",
    "conflicting_labels",
    "near_duplicates",
    "text_lengths",
)
"""What is compared of a report. Names of parts and datasets are not: they change with the compression."""

LONGEST = 400
"""Characters of any text in a golden report: a reason quotes a value such as a label, and never a text of the data."""

SECTION_BYTES = 300_000
"""Cuts most of the files several times."""

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data sets are not beside the checkout ({DATA})"),
]


def report_of(task: str, path: Path, **more) -> dict[str, object]:
    """Ingest a file and give its figures, with a digest of the identities that were kept."""
    world = World()
    ports = replace(world.ports(), schema_of=schema_of, **more)
    report = ingest_upload(world.put(f"labelled/{task}/{path.name}", path.read_bytes()), ports).report
    assert report.rows_in == report.rows_kept + report.rows_duplicate + report.rows_rejected
    figures = {name: getattr(report, name) for name in FIGURES}
    for name in ("rejected_by_reason", "label_counts"):
        figures[name] = dict(sorted(figures[name].items()))
    form = report.format
    figures["format"] = form and f"{form.encoding}, {form.delimiter!r}, {form.packing or 'not packed'}"
    found = []
    splits: dict[str, int] = {}
    for part in report.parts:
        table = pq.read_table(
            io.BytesIO(world.store.objects[BUCKET, keys.part(task, part.part_id)]), columns=["identity", "split"]
        )
        found += table.column("identity").to_pylist()
        for split in table.column("split").to_pylist():
            splits[split] = splits.get(split, 0) + 1
    assert len(found) == len(set(found)) == report.rows_kept
    figures["identities"] = hashlib.sha256(b"".join(sorted(found))).hexdigest()
    figures["splits"] = dict(sorted(splits.items()))
    return figures


def golden_path(task: str, path: Path) -> Path:
    """Say where the golden report of a file is."""
    return GOLDEN / f"{task}--{path.name}.json"


CASES = [
    pytest.param(FOLDERS[folder], DATA / folder / name, id=f"{FOLDERS[folder]}-{name}")
    for folder, names in FILES.items()
    for name in names
]


@pytest.mark.parametrize(("task", "path"), CASES)
def test_report(task, path):
    """The figures of a file are those of its golden report."""
    found = json.dumps(report_of(task, path), indent=2, ensure_ascii=False) + "\n"
    golden = golden_path(task, path)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    expected = golden.read_text(encoding="utf-8") if golden.exists() else ""
    if found != expected:
        difference = difflib.unified_diff(
            expected.splitlines(), found.splitlines(), f"golden {golden.name}", "report now", lineterm="", n=1
        )
        pytest.fail("\n".join(difference), pytrace=False)


@pytest.mark.parametrize(("task", "path"), CASES)
def test_sections_change_nothing(task, path):
    """Read in sections of 300 kB, each file has the same figures: a cut loses, adds and alters no row."""
    assert report_of(task, path, section_bytes=SECTION_BYTES) == json.loads(golden_path(task, path).read_text())


def test_every_file_has_a_report():
    """No public file is forgotten, and no golden report is left over."""
    files = {(path.parent.name, path.name) for path in DATA.glob("*/*.csv*")}
    assert files == {(folder, name) for folder, names in FILES.items() for name in names}
    reports = {golden_path(FOLDERS[folder], Path(name)).name for folder, names in FILES.items() for name in names}
    assert {path.name for path in GOLDEN.iterdir()} == reports


def test_no_text_of_the_data():
    """Golden reports hold figures, labels and reasons: nothing in them is long enough to be a text."""
    for path in GOLDEN.iterdir():
        report = json.loads(path.read_text())
        assert set(report) == {*FIGURES, "format", "identities", "splits"}
        for text in strings(report):
            assert len(text) <= LONGEST, f"{path.name}: {text}"


def strings(value: object) -> list[str]:
    """List all texts in a JSON value, keys included."""
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (key, *strings(each))]
    return [value] if isinstance(value, str) else []
