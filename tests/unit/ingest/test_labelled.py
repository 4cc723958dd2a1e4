"""Unit tests of `infolens.ingest.labelled`."""

from __future__ import annotations

import collections
import csv
import gzip
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.contracts.dataset import Reject
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.labelled import read_labelled, reasons_of, reject_table
from infolens.rows.split import split_of
from ingest_fakes import PetSchema


def read(text: str | bytes, budget: float = 0.5):
    """Read a file of the task `pets`."""
    data = text.encode() if isinstance(text, str) else text
    return read_labelled(io.BytesIO(data), "pets.csv", PetSchema(bad_row_budget=budget))


def test_rows_are_kept_dropped_or_rejected():
    """Columns are found in any order; a copy is a duplicate; a wrong row keeps line, column, reason and fields."""
    found = read("Label,extra,Text\ncat,1,purrs\ndog,2,barks\ncat,3,PURRS\nfish,4,swims\ndog,5\n", budget=0.5)
    assert [(row.line, row.split, row.values) for row in found.kept] == [
        (2, split_of("purrs"), ("purrs", "cat", None)),
        (3, split_of("barks"), ("barks", "dog", None)),
    ]
    assert (found.rows_in, found.duplicates, found.refused) == (5, 1, "")
    assert found.rejects == [
        Reject(5, "Label", "no known pet; known: cat, dog", ("fish", "4", "swims")),
        Reject(6, "", "the row has 2 fields, the header has 3", ("dog", "5")),
    ]


def test_reject_names_the_column_as_the_file_does():
    """An editor looks for the name that stands in the file's own header."""
    found = read("TEXT,LABEL\nok text,cat\nx,dog\n")
    assert found.rejects[0].column == "TEXT"


def test_replaced_bytes_are_counted():
    """Broken bytes are counted for the report while their row is kept."""
    found = read(b"text,label\ncaf\xe9 cat,cat\n")
    assert (len(found.kept), found.replaced) == (1, 1)


@pytest.mark.parametrize(
    ("text", "rows_in", "reason"),
    [
        ("", 0, "the file is empty (0 bytes); a header line and at least one row are needed"),
        ("\n\n", 0, "the file has no header; a header line and at least one row are needed"),
        ("text,label\n", 0, "the file has a header and no row below it; at least one row is needed"),
        ("text,category\na cat,cat\n", 1, "column label: no such column; label is needed"),
        ("text,label,text\na cat,cat,b\nc,d,e\n", 2, "column text: is given twice"),
        (
            'text,"lab"el\na,b\n',
            1,
            "the header (line 1) cannot be read: a quoted field goes on after its closing quote",
        ),
    ],
)
def test_files_that_are_refused_whole(text, rows_in, reason):
    """The reason names the field or the limit, and the rows are still counted."""
    found = read(text)
    assert found.refused.startswith(reason)
    assert found.rows_in == rows_in


@pytest.mark.parametrize(("bad", "refused"), [(2, False), (3, True)])
def test_bad_row_budget(bad, refused):
    """A share of rejected rows at the budget passes, one row more refuses the file with both numbers."""
    good = "".join(f"sentence {number},cat\n" for number in range(10 - bad))
    found = read("text,label\n" + good + "x,cat\n" * bad, budget=0.2)
    assert bool(found.refused) is refused
    if refused:
        assert found.refused == (
            "3 of 10 rows (30.0%) were rejected, at most 20.0% may be; "
            "most often (3 rows): text: is shorter than 3 characters"
        )


def test_duplicates_do_not_count_against_the_budget():
    """A file of copies is no wrong file."""
    found = read("text,label\n" + "the same,cat\n" * 9, budget=0.0)
    assert (found.refused, len(found.kept), found.duplicates) == ("", 1, 8)


def test_file_that_breaks_off_is_refused_with_its_rows_counted():
    """What had been read of a broken gzip file is counted, none of it is kept."""
    rng = random.Random(3)
    packed = gzip.compress(("text,label\n" + "".join(f"t{rng.random()},cat\n" for _ in range(9000))).encode())
    found = read_labelled(io.BytesIO(packed[: len(packed) // 2]), "pets.csv.gz", PetSchema())
    assert "gzip packing is broken" in found.refused
    assert 0 < found.rows_in < 9000


def test_reasons_beyond_the_thirtieth_are_summed_up():
    """A file with a reason per row gives a report of readable size, and its counts still add up."""
    rejects = [Reject(line, "text", f"reason {line}", ()) for line in range(50)]
    reasons = reasons_of([*rejects, rejects[7]])
    assert len(reasons) == 31
    assert reasons["text: reason 7"] == 2
    assert reasons["other reasons"] == 20
    assert sum(reasons.values()) == 51


def test_reject_table_can_be_corrected_and_uploaded_again():
    """The rejects keep the file's own header behind line, column and reason; formulas are escaped."""
    found = read("text,label\n=1+1 cats,bird\nok text,cat\n")
    again = csv_bytes(reject_table(found))
    table = list(csv.reader(io.StringIO(again.decode(), newline="")))
    assert table == [
        ["reject_line", "reject_column", "reject_reason", "text", "label"],
        ["2", "label", "no known pet; known: cat, dog", "'=1+1 cats", "bird"],
    ]
    corrected = read(again.replace(b",bird", b",cat"))
    assert [row.values[0] for row in corrected.kept] == ["'=1+1 cats"]


CELLS = st.sampled_from(
    ["cat", "dog", "bird", "", "x", "meow", "Meow", 'a "quote"', "line\nbreak", "=1", "7", "\ufeff"]
)
DIRT = st.sampled_from([b'"', b'""', b"\x00", b"\xff", b"\n", b"\r\n", b",", b"\r", b'"\n'])


@st.composite
def dirty_files(draw) -> bytes:
    """A CSV file of pets with wrong rows, ragged rows, and bytes of dirt anywhere below the header."""
    table = draw(st.lists(st.lists(CELLS, min_size=0, max_size=4), max_size=12))
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))).writerows(table)
    data = out.getvalue().encode()
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(DIRT) + data[at:]
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + b"text,label,age\n" + data


@given(dirty_files())
def test_no_row_is_lost(data):
    """Rows in = kept + duplicates + rejected, each row in one place, whatever the dirt; line numbers are true."""
    found = read(data, budget=1.0)
    assert found.rows_in == len(found.kept) + found.duplicates + len(found.rejects)
    assert len({row.digest for row in found.kept}) == len(found.kept)
    lines = sorted([row.line for row in found.kept] + [reject.line for reject in found.rejects])
    assert len(set(lines)) == len(lines)
    assert all(2 <= line <= 1 + collections.Counter(data)[10] + collections.Counter(data)[13] + 1 for line in lines)
    assert sum(reasons_of(found.rejects).values()) == len(found.rejects)


@given(dirty_files())
def test_every_letter_lands_somewhere(data):
    """Each word of the file is found again in a kept row, a reject, or a copy of a kept row."""
    found = read(data, budget=1.0)
    kept = " ".join(str(value) for row in found.kept for value in row.values)
    rejected = " ".join(field for reject in found.rejects for field in reject.raw)
    for word in ("meow", "quote", "bird", "break"):
        if word in data.decode(errors="replace").lower():
            assert word in (kept + " " + rejected).lower()
