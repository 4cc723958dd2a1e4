"""Sample rows reach a CSV file and come back unaltered."""

import csv

from infolens.rows.csv_files import write_csv

ROWS = [
    {"title": 'He said "no", twice', "body": "first line\r\nsecond, line", "label": "Sports"},
    {"title": "caf\u00e9", "body": "", "label": "Travel"},
]


def test_round_trip(tmp_path):
    """Quotes, commas, newlines and accents survive; the header is the first row's keys."""
    write_csv(tmp_path / "rows.csv", ROWS)
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == ROWS
