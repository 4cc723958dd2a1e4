"""Unit tests of `infolens.ingest.unlabelled`."""

from __future__ import annotations

import csv
import io

import pytest

from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.unlabelled import Answer, Counts, Question, counts_of, read_unlabelled, result_table
from ingest_fakes import PetSchema


def read(text: str):
    """Read a file of the task `pets`."""
    return read_unlabelled(io.BytesIO(text.encode()), "pets.csv", PetSchema())


def test_rows_that_cannot_be_asked_stay_in_place():
    """A wrong row keeps its place with a reason; the others carry what the predict function is asked."""
    sheet = read('id,Text,Age\n1,purrs,3\n2,x,\n3\n4,barks,old\n5,"a"b\n6,howls,,more\n7,hisses,\n')
    assert sheet.header == ("id", "Text", "Age")
    assert sheet.questions == (
        Question(("1", "purrs", "3"), {"text": "purrs", "age": "3"}, ""),
        Question(("2", "x", ""), None, "Text: is shorter than 3 characters"),
        Question(("3", "", ""), None, "the row has 1 fields, the header has 3"),
        Question(("4", "barks", "old"), None, "Age: is no whole number"),
        Question(
            ('5,"a"b', "", ""),
            None,
            'line 6: a quoted field goes on after its closing quote ("); inside a field write it twice ("")',
        ),
        Question(("6", "howls", ""), None, "the row has 4 fields, the header has 3"),
        Question(("7", "hisses", ""), {"text": "hisses", "age": ""}, ""),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty (0 bytes)"),
        ("text\n", "a header and no row below it"),
        ("id,label\n1,cat\n", "column text: no such column; text is needed"),
    ],
)
def test_refused_files(text, reason):
    """A file without rows or without a needed column is refused; a label column is not needed."""
    with pytest.raises(FileRefused) as refused:
        read(text)
    assert reason in refused.value.reason


def test_result_table():
    """Own columns, then the answers', then who answered or why nobody did; taken names are kept apart."""
    sheet = read("text,Label\npurrs,=1\nx,\nbarks,\n")
    answers = [
        Answer({"label": "cat", "confidence": 0.5}, "7", ""),
        Answer({}, "", "text: is shorter than 3 characters"),
        Answer({"label": "dog", "scores": [1, 2], "sure": True}, "8", ""),
    ]
    data = csv_bytes(result_table(sheet, answers))
    assert list(csv.reader(io.StringIO(data.decode(), newline=""))) == [
        ["text", "Label", "answer_label", "confidence", "scores", "sure", "model_version", "problem"],
        ["purrs", "'=1", "cat", "0.5", "", "", "7", ""],
        ["x", "", "", "", "", "", "", "text: is shorter than 3 characters"],
        ["barks", "", "dog", "", "[1, 2]", "true", "8", ""],
    ]
    assert counts_of(data) == Counts(3, 2, {"text: is shorter than 3 characters": 1}, {"7": 1, "8": 1})


def test_counts_of_long_cells():
    """A row that could not be read may fill one cell with a whole line; its result file is counted all the same."""
    sheet = read("text\n" + "x" * 400_000 + "\npurrs\n")
    data = csv_bytes(result_table(sheet, [Answer({}, "", "too long"), Answer({"label": "cat"}, "7", "")]))
    assert counts_of(data) == Counts(2, 1, {"too long": 1}, {"7": 1})
