"""A generated file with every kind of dirt comes out of ingest row by row as it was meant, however it is cut."""

import json

import pytest

from ingest_benchmark import measure, news_csv


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Give a file of 4,200 rows, with more ragged rows and bad bytes than the benchmark's own."""
    path = tmp_path_factory.mktemp("news") / "news.csv"
    usual = news_csv.RAGGED, news_csv.INVALID_BYTES
    news_csv.RAGGED, news_csv.INVALID_BYTES = 0.01, 0.02
    try:
        news_csv.generate(path, 3_000_000, seed=11)
    finally:
        news_csv.RAGGED, news_csv.INVALID_BYTES = usual
    return path


@pytest.mark.parametrize("variant", ["1", "1:100003", "2:100003", "2:700001"])
def test_every_row(file, tmp_path, variant):
    """No row is lost, altered or kept wrongly; every reject is told by its line; all counts are those of the file."""
    found = measure.run(measure.READERS["ours"], file, tmp_path, variant)
    answer = news_csv.answer_of(file)
    right = {
        "rows": answer.kept,
        "rows_in": answer.rows,
        "duplicates": answer.duplicates,
        "rejected": answer.wrong_columns + answer.empty_fields,
        "conflicts": 0,
    }
    assert {name: found.told[name] for name in right} == right
    rows = measure.hold_against(measure.correctness.Truth(file), measure.READERS["ours"], tmp_path)
    assert (rows.lost, rows.altered, rows.wrongly_kept) == (0, 0, 0)
    assert rows.named_by_line == rows.to_reject == answer.wrong_columns + answer.empty_fields
    sections = len(json.loads((tmp_path / "parts.json").read_text()))
    assert sections == 1 if variant == "1" else sections > 3
