"""Unit tests of `infolens.ingest.report_text`."""

from __future__ import annotations

from dataclasses import replace

from infolens.contracts.dataset import Conflict, NearDuplicate, Part, UploadFormat, UploadRef, UploadReport
from infolens.ingest.report_text import report_text

REPORT = UploadReport(
    upload_id="u1",
    task="pets",
    source=UploadRef("uploads", "labelled/pets/a.csv.gz", "v1"),
    status="accepted",
    reason="",
    rows_in=12_345,
    rows_kept=12_000,
    rows_duplicate=300,
    rows_rejected=45,
    rejected_by_reason={"age: is no\nwhole number": 5, "label: no known pet": 40},
    label_counts={"cat": 5_000, "dog": 7_000},
    parts=(Part("p" * 64, 12_000, 1),),
    dataset_id="d1",
    bytes_replaced=2,
    bytes_repaired=17,
    bytes_in=1_234_567,
    format=UploadFormat("gzip", "utf-8", ";"),
    conflicting_labels=2,
    conflicts=(Conflict(9, "cat", 4, "dog", "u1"), Conflict(11, "cat", 0, "", "u0")),
    near_duplicates=1,
    near_duplicate_pairs=(NearDuplicate(20, 3, "u0", 0.92),),
    text_lengths={"p05": 10, "p50": 100, "p95": 400, "max": 900},
    uploaded_at="2026-05-01T12:00:00+00:00",
    settled_at="2026-05-01T12:00:02.500000+00:00",
    replay_of="u9",
)


def test_everything_that_the_record_says_is_there():
    """The rows add up before the reader's eyes, the most frequent reason stands first, and no reason breaks a line."""
    assert (
        report_text(REPORT)
        == """\
labelled/pets/a.csv.gz: accepted

rows in             12,345
  kept              12,000
  duplicate            300
  rejected              45
                        40  label: no known pet
                         5  age: is no whole number

size            1,234,567 bytes
format          utf-8, fields between semicolons, packed with gzip
repaired        17 bytes that are no UTF-8 were read as Windows-1252
replaced        2 bytes without a meaning became U+FFFD
uploaded        2026-05-01T12:00:00+00:00
settled         2026-05-01T12:00:02.500000+00:00 (2.5 s later)

labels kept     dog 7,000, cat 5,000
text lengths    p05 10, p50 100, p95 400, max 900 characters

label conflicts 2 rows have the text of a kept row, but another label
                line 9 (cat) and line 4 (dog)
                line 11 (cat) and a row of upload u0
near-duplicates 1 kept rows are almost the same as another
                line 20 and line 3 of upload u0: 92% alike

upload          u1, a replay of u9
dataset         d1
rejected rows   rejects/pets/u1.csv, to be mended and dropped again
"""
    )


def test_a_refused_file_says_why_and_names_no_dataset():
    """What is not known is not there."""
    bare = UploadReport(
        "u1", "pets", REPORT.source, "refused", "the file is empty (0 bytes)", 0, 0, 0, 0, {}, {}, (), ""
    )
    text = report_text(bare)
    assert text.startswith("labelled/pets/a.csv.gz: refused\nthe file is empty (0 bytes)\n\nrows in ")
    assert text.endswith("size            0 bytes\n\nupload          u1\n")


def test_rows_that_nobody_counted_are_no_zero():
    """Of a large file that is refused for its header the report says so."""
    text = report_text(replace(REPORT, status="refused", rows_in=0, rows_counted=False))
    assert "rows in         not counted: a large file, refused before its rows were read\n\nsize" in text


def test_rows_refused_with_their_file_are_in_no_file_of_rejects():
    """Nobody is sent to a file that is not there."""
    bare = replace(REPORT, status="refused", rejected_by_reason={"the file as a whole was refused": 12_345})
    assert "mended and dropped again" not in report_text(bare)


def test_no_bytes_mended_no_word_about_it():
    """A clean file's report does not speak of repairs."""
    text = report_text(replace(REPORT, bytes_repaired=0, bytes_replaced=0))
    assert "repaired" not in text
    assert "replaced" not in text
