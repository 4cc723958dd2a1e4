"""Files become parts as ingest would make them, and a job that fails says why."""

import csv

import pyarrow.parquet as pq
import pytest

from infolens.ml.training.rehearsal import RehearsalError, rehearse, take_files
from infolens.tasks.news_category import sample


def csv_file(path, rows):
    """Write rows as CSV."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def files(tmp_path):
    """Two files: the second begins with ten rows of the first, and one row of it must be refused."""
    first, second = sample.rows(60, 1), sample.rows(40, 2)
    refused = sample.refused_rows()[0][0]
    return [
        csv_file(tmp_path / "b.csv", first),
        csv_file(tmp_path / "a.csv", [*first[:10], *second, refused]),
    ]


def test_every_row_is_counted(files, tmp_path):
    """Rows in are kept, duplicates (also of an earlier file) or rejected; the parts hold the kept ones with splits."""
    taken = take_files("news_category", files, tmp_path / "dataset")
    assert (taken.rows_in, taken.kept, taken.duplicates, taken.rejected) == (111, 100, 10, 1)
    parts = [pq.read_table(path) for path in sorted((tmp_path / "dataset").iterdir())]
    assert [part.num_rows for part in parts] == [60, 40]
    assert parts[0].column_names == ["text", "label", "identity", "split", "line", "upload_id"]
    assert sum(taken.splits.values()) == 100
    assert set(taken.splits) == {"train", "validation", "test"}


def test_part_of_each_file(files, tmp_path):
    """For a trial each file gives so many new rows at most."""
    taken = take_files("news_category", files, tmp_path / "dataset", rows_of_each=5)
    assert (taken.kept, taken.rejected) == (10, 1)


def test_refused_file(files, tmp_path):
    """A file that ingest refuses whole ends the rehearsal with the reason."""
    wrong = csv_file(tmp_path / "wrong.csv", [{"no": "1", "such": "2"}])
    with pytest.raises(RehearsalError, match=r"wrong\.csv: column text: no such column"):
        take_files("news_category", [*files, wrong], tmp_path / "dataset")


def test_job_that_fails(tmp_path):
    """A job that fails ends the rehearsal with its own reason."""
    (tmp_path / "dataset").mkdir()
    with pytest.raises(RehearsalError, match=r"train\.py ended with 1: (.|\n)*no \.parquet file"):
        rehearse("news_category", tmp_path / "dataset", tmp_path / "ml")
