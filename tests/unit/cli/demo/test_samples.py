"""The demo's files come from the task's own generator."""

import csv

from infolens.tasks import schema_of
from infolens_cli.demo import samples


def test_the_labelled_file_has_every_row(tmp_path):
    """As many as were asked for, dirt included."""
    path = tmp_path / "deep" / "rows.csv"
    samples.labelled_file("news_category", path, rows=50, seed=1, dirt=0.2)
    with path.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 50


def test_the_batch_has_two_rows_that_cannot_be_answered(tmp_path):
    """So that the counts of the report have something to count."""
    path = tmp_path / "rows.csv"
    samples.batch_file("news_category", path, rows=9, seed=3)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [number for number, row in enumerate(rows) if not any(row.values())] == [3, 6]
    assert "label" not in rows[0]


def test_every_request_is_one_that_the_api_takes():
    """Names and lengths are those of the schema."""
    schema = schema_of("news_category")
    payloads = samples.requests("news_category", count=20, seed=4)
    assert len(payloads) == 20
    assert all(schema.check(payload) for payload in payloads)


def test_tasks_that_can_be_shown_are_found_by_their_folder():
    """Nothing names a task here but the folders themselves."""
    assert "news_category" in samples.tasks_with_samples()
