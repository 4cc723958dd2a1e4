"""Unit tests of `infolens.ingest.row_metrics`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from infolens.contracts.dataset import UploadRef, UploadReport
from infolens.ingest.row_metrics import count_rows, upload_counts

REPORT = UploadReport(
    upload_id="u1",
    task="pets",
    source=UploadRef("uploads", "labelled/pets/a.csv", "v1"),
    status="accepted",
    reason="",
    rows_in=10,
    rows_kept=7,
    rows_duplicate=2,
    rows_rejected=1,
    rejected_by_reason={"label: no known pet": 1},
    label_counts={},
    parts=(),
    dataset_id="d1",
    bytes_in=321,
    conflicting_labels=1,
    near_duplicates=3,
    uploaded_at="2026-05-01T12:00:00+00:00",
    settled_at="2026-05-01T12:00:02.500000+00:00",
)


def test_metrics_of_an_upload():
    """Rows by their fate, doubtful rows, bytes, and the time from the upload to the dataset."""
    assert upload_counts(REPORT) == {
        "RowsIn": 10,
        "RowsKept": 7,
        "RowsDuplicate": 2,
        "RowsRejected": 1,
        "Conflicts": 1,
        "NearDuplicates": 3,
        "BytesIn": 321,
        "SecondsToDataset": 2.5,
    }


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [({"uploaded_at": ""}, None), ({"settled_at": ""}, None), ({"settled_at": "2026-05-01T11:59:59+00:00"}, 0.0)],
)
def test_time_to_the_dataset(changes, seconds):
    """It is not made up when an end of it is missing, and clocks that disagree make no negative time."""
    assert upload_counts(replace(REPORT, **changes)).get("SecondsToDataset") == seconds


def test_a_metric_line(capsys):
    """The task is the only dimension, and seconds and bytes have their units."""
    count_rows("pets", upload_counts(REPORT))
    line = json.loads(capsys.readouterr().out)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    units = {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}
    assert described["Dimensions"] == [["task"]]
    assert (units["RowsIn"], units["BytesIn"], units["SecondsToDataset"]) == ("Count", "Bytes", "Seconds")
    assert (line["task"], line["SecondsToDataset"]) == ("pets", [2.5])
