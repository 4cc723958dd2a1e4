"""Unit tests of `infolens.ingest.merging`."""

from __future__ import annotations

import csv
import io
import random

import pyarrow.parquet as pq
import pytest

from infolens.contracts.dataset import Conflict
from infolens.ingest import merging
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.merging import ExistingPart, Merging, refusal, rejected_by_reason
from infolens.ingest.parts import part_id_of
from pets import PetSchema
from section_fakes import merged_with, taken

FILE = b'text,label\npurrs softly,cat\n"barks\nloudly",dog\nx,cat\nPURRS softly,dog\nhisses,cat\nbarks loudly,dog\n'
"""Lines 2 to 8; line 5 is too short, lines 6 and 8 are copies, and line 6 has another label."""


def existing(file, upload_id="up0"):
    """Give the parts of a file as a dataset has them."""
    return [ExistingPart(upload_id, final.part, IdentityIndex.of(final.index)) for final in file.parts]


def rows(file):
    """Give text and line of the rows that a file brings."""
    return [
        (row["text"], row["line"] + final.part.lines_before)
        for final in file.parts
        for row in pq.read_table(io.BytesIO(final.data)).to_pylist()
    ]


@pytest.mark.parametrize("section_bytes", [1000, 20])
def test_first_of_equal_rows_stays(section_bytes):
    """A copy in the same section and one in a later section go alike; lines are those of the file."""
    file = taken(FILE, section_bytes)
    assert rows(file) == [("purrs softly", 2), ("barks loudly", 3), ("hisses", 7)]
    merged = file.merged
    assert (merged.rows_in, merged.rows_kept, merged.rows_duplicate, merged.rows_rejected) == (6, 3, 2, 1)
    assert merged.label_counts == {"cat": 2, "dog": 1}
    assert sum(merged.split_counts.values()) == sum(merged.length_bins.values()) == 3
    assert merged.parts == tuple(final.part for final in file.parts)
    assert all(final.part.part_id == part_id_of(final.data) for final in file.parts)


@pytest.mark.parametrize("section_bytes", [1000, 20])
def test_conflict_in_the_file_names_both_rows(section_bytes):
    """The row that is dropped and has another label, and the row that stays."""
    merged = taken(FILE, section_bytes).merged
    assert merged.conflicting_labels == 1
    assert merged.conflicts == (Conflict(6, "dog", 2, "cat", "up1"),)


def test_rows_that_the_dataset_has_go():
    """Compared with a part of another upload, only what is new stays, and a conflict names that upload."""
    before = taken(b"label,text\ndog,howls\ndog,purrs SOFTLY\n", upload_id="up0")
    file = taken(FILE, 20, existing=existing(before))
    assert rows(file) == [("barks loudly", 3), ("hisses", 7)]
    assert file.merged.conflicting_labels == 1
    assert file.merged.conflicts == (Conflict(2, "cat", 3, "dog", "up0"),)
    assert file.merged.label_counts == {"cat": 1, "dog": 1}


def test_same_file_again_brings_nothing():
    """No part, no row kept, each row that is no reject a duplicate."""
    first = taken(FILE, 20, upload_id="up0")
    again = taken(FILE, 20, existing=existing(first))
    assert again.parts == []
    assert (again.merged.parts, again.merged.rows_kept, again.merged.rows_duplicate) == ((), 0, 5)
    assert again.merged.label_counts == again.merged.split_counts == again.merged.length_bins == {}


def test_part_without_drops_is_the_staged_one():
    """Its bytes are used as they are; a part from which a row went is what it would be without that row."""
    staged = taken(b"text,label\npurrs,cat\nhisses,cat\n")
    assert staged.parts[0].data == staged.held.sections[0].part
    assert staged.parts[0].staged_as == 0
    one = taken(b"text,label\npurrs,cat\n", upload_id="up0")
    less = taken(b"text,label\npurrs,cat\nhisses,cat\n", existing=existing(one))
    rejected = taken(b"text,label\npurrs,x\nhisses,cat\n")
    assert (less.parts[0].data, less.parts[0].index) == (rejected.parts[0].data, rejected.parts[0].index)
    assert (less.parts[0].staged_as, rejected.parts[0].staged_as) == (None, 0)


def test_only_new_parts_are_compared_when_the_head_has_moved():
    """A second comparison adds to the first, and only parts that it changes are given again."""
    file = taken(FILE, 20)
    one = taken(b"text,label\nhisses,cat\n", upload_id="up2")
    two = taken(b"text,label\nhowls,dog\n", upload_id="up3")
    merging_of = Merging(PetSchema(), file.survey, "up1", file.held.counts, file.held)
    assert len(list(merging_of.parts())) == 3
    merging_of.compare(existing(two))
    assert list(merging_of.parts()) == []
    merging_of.compare(existing(one))
    assert list(merging_of.parts()) == []  # the part with "hisses" has no row left
    assert [part.rows for part in merging_of.result().parts] == [1, 1]
    both = merged_with(file.survey, file.held, [*existing(two), *existing(one)])
    assert both.merged == merging_of.result()


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_ranges_change_nothing(monkeypatch, at_once):
    """Many ranges of digests or one: the same rows, conflicts and near duplicates."""
    texts = [f"animal {number % 60} of the zoo" for number in range(90)]
    data = "text,label\n" + "".join(f"{text},{'cat' if n < 60 else 'dog'}\n" for n, text in enumerate(texts))
    whole = taken(data.encode(), 200)
    assert (whole.merged.rows_kept, whole.merged.conflicting_labels, len(whole.merged.conflicts)) == (60, 30, 10)
    assert [conflict.line for conflict in whole.merged.conflicts] == list(range(62, 72))
    monkeypatch.setattr(merging, "_ROWS_AT_ONCE", at_once)
    assert taken(data.encode(), 200).outcome == whole.outcome
    assert taken(data.encode(), 200, existing=existing(whole)).merged.rows_kept == 0


def test_near_duplicates_in_the_file_and_in_the_dataset():
    """A text with a word changed is kept, counted, and shown with the one it is like and where that is."""
    rng = random.Random(3)
    words, other = (["".join(rng.choices("abcdefghij", k=6)) for _ in range(120)] for _ in range(2))
    changed = [*words[:50], "changed", *words[51:]]
    line = ",cat\n"
    data = f"text,label\n{' '.join(words)}{line}short one{line}{' '.join(changed)}{line}{' '.join(other[1:])}{line}"
    before = taken(f"text,label\n{' '.join(other)}{line}".encode(), upload_id="up0")
    for section_bytes in (10_000, 700):
        merged = taken(data.encode(), section_bytes, existing=existing(before)).merged
        assert (merged.rows_kept, merged.near_duplicates) == (4, 2)
        found = [(pair.line, pair.other_line, pair.other_upload_id) for pair in merged.near_duplicate_pairs]
        assert found == [(4, 2, "up1"), (5, 2, "up0")]
        assert all(0.75 <= pair.similarity <= 1 for pair in merged.near_duplicate_pairs)


def test_near_duplicates_are_looked_for_again_when_the_head_has_moved():
    """Looked for beside the writing of parts, they are those of what the dataset holds at last."""
    rng = random.Random(3)
    words, other = (["".join(rng.choices("abcdefghij", k=6)) for _ in range(120)] for _ in range(2))
    texts = [words, [*words[:50], "changed", *words[51:]], other[1:]]
    data = "text,label\n" + "".join(f"{' '.join(each)},cat\n" for each in texts)
    before = taken(f"text,label\n{' '.join(other)},cat\n".encode(), upload_id="up0")
    file = taken(data.encode())
    merging_of = Merging(PetSchema(), file.survey, "up1", file.held.counts, file.held, workers=2)
    list(merging_of.parts())
    assert merging_of.result().near_duplicates == 1
    merging_of.compare(existing(before))
    list(merging_of.parts())
    assert merging_of.result() == merged_with(file.survey, file.held, existing(before)).merged
    assert merging_of.result().near_duplicates == 2


@pytest.mark.parametrize(("bad", "refused"), [(2, False), (3, True)])
def test_bad_row_budget(bad, refused):
    """A share of rejected rows at the budget passes, one row more refuses the file with both numbers."""
    good = "".join(f"sentence {number},cat\n" for number in range(10 - bad))
    file = taken(("text,label\n" + good + "x,cat\n" * bad).encode(), 30)
    reason = refusal(PetSchema(bad_row_budget=0.2), file.held.counts)
    assert bool(reason) is refused
    if refused:
        assert reason == (
            "3 of 10 rows (30.0%) were rejected, at most 20.0% may be; "
            "most often (3 rows): text: is shorter than 3 characters"
        )


def test_file_without_rows_is_refused_and_copies_are_not():
    """A header alone is no file; a file of copies is no wrong file."""
    empty = taken(b"text,label\n")
    assert "no row below it" in refusal(PetSchema(), empty.held.counts)
    assert (empty.parts, empty.merged.rows_in) == ([], 0)
    copies = taken(b"text,label\n" + b"the same,cat\n" * 9)
    assert refusal(PetSchema(bad_row_budget=0.0), copies.held.counts) == ""


def test_rejects_can_be_mended_and_dropped_again():
    """Line, column and reason stand before the file's own cells; the mended file is taken as if it were the first."""
    file = taken(b'Text,Label\n=1+1 cats,bird\nok text,cat\n\'=2 cats,cat,7\n"a"b,cat\n', 20)
    table = list(csv.reader(io.StringIO(file.rejects.decode(), newline="")))
    assert table == [
        ["reject_line", "reject_column", "reject_reason", "Text", "Label"],
        ["2", "Label", "no known pet; known: cat, dog", "'=1+1 cats", "bird"],
        ["4", "", "the row has 3 fields, the header has 2", "''=2 cats", "cat", "7"],
        ["5", "", table[3][2], '"a"b,cat'],
    ]
    mended = file.rejects.replace(b",bird", b",cat").replace(b",cat,7", b",cat").replace(b'"""a""b,cat"', b"ab c,cat")
    again = taken(mended, 60)
    assert [text for text, _ in rows(again)] == ["=1+1 cats", "'=2 cats", "ab c"]
    assert again.merged.rows_rejected == 0


def test_rejects_of_a_mended_file_have_one_set_of_our_columns():
    """What is still wrong comes back with its new line and reason, not with two sets of them."""
    file = taken(b"text,label\n=1 cats,bird\n")
    again = taken(file.rejects)
    assert again.rejects == file.rejects


def test_reasons_of_all_sections_are_added_up():
    """A file with a reason per row gives a report of readable size, and its counts still add up."""
    data = b"id,text,label\n" + b"".join(b"%d,ok text,cat%s\n" % (n, b",y" * n) for n in range(1, 51))
    reasons = rejected_by_reason(taken(data, 100).held.counts)
    assert len(reasons) == 31
    assert reasons["other reasons"] == 20
    assert sum(reasons.values()) == 50
