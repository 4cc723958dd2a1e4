"""Unit tests of `infolens.ingest.unlabelled`."""

from __future__ import annotations

import csv
import gzip
import io

import pytest

from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.unlabelled import Answer, Counts, Question, counts_of, read_unlabelled, result_table
from pets import PetSchema


def read(data: str | bytes, name: str = "pets.csv"):
    """Read a file of the task `pets`; gives its header and its rows."""
    sheet = read_unlabelled(io.BytesIO(data.encode() if isinstance(data, str) else data), name, PetSchema())
    return sheet.header, list(sheet.questions)


def counted(data: bytes) -> Counts:
    """Count a result file."""
    return counts_of(io.StringIO(data.decode(), newline=""))


def test_rows_that_cannot_be_asked_stay_in_place():
    """A wrong row keeps its place with a reason; the others carry what the predict function is asked."""
    header, questions = read('id,Text,Age\n1,purrs,3\n2,x,\n3\n4,barks,old\n5,"a"b\n6,howls,,more\n7,hisses,\n')
    assert header == ("id", "Text", "Age")
    assert questions == [
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
    ]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("id;text\n1;é purrs, softly\n".encode("cp1252"), "pets.csv"),
        ("id\ttext\r\n1\té purrs, softly\r\n".encode("utf-16"), "pets.txt"),
        (gzip.compress('\ufeffid,text\r1,"é purrs, softly"'.encode(), mtime=0), "pets.csv.gz"),
    ],
)
def test_any_csv_is_taken(data, name):
    """Encodings, delimiters and packings are those of labelled files."""
    header, questions = read(data, name)
    assert header == ("id", "text")
    assert questions == [Question(("1", "é purrs, softly"), {"text": "é purrs, softly"}, "")]


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\r\n'])
def test_a_line_that_names_the_delimiter_is_no_header(line):
    """Excel writes none, but is told by one; lines stay those of the file."""
    header, questions = read(f'{line}id;text\r\n1;purrs\r\n2;"a"b\r\n')
    assert header == ("id", "text")
    assert questions[0].payload == {"text": "purrs"}
    assert questions[1].problem.startswith("line 4: ")


def test_rows_are_read_as_they_are_asked_for():
    """Opening a file reads its beginning only."""
    stream = io.BytesIO(b"text\n" + b"purrs and purrs\n" * 500_000)
    sheet = read_unlabelled(stream, "pets.csv", PetSchema())
    assert next(sheet.questions).payload == {"text": "purrs and purrs"}
    assert stream.tell() < 4_000_000


def test_file_that_breaks_off():
    """The refusal comes with the row that cannot be read; whoever reads must be ready for it."""
    table = b"text\n" + (b"purrs" * 30 + b"\n") * 40_000
    sheet = read_unlabelled(io.BytesIO(gzip.compress(table)[:-9]), "pets.csv.gz", PetSchema())
    with pytest.raises(FileRefused, match="gzip packing is broken"):
        list(sheet.questions)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty (0 bytes)"),
        ("text\n", "a header and no row below it"),
        ("\n\n", "the file has no header"),
        ('text"x\n"te"xt\n', "column text: no such column"),
        ('"te"xt\n', "the header (line 1) cannot be read"),
        ("text,Text\na,b\n", "column text: is given twice"),
        ("text," * 5000 + "\n", "more than 4,096 columns"),
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
    header, questions = read("text,Label\npurrs,=1\nx,\nbarks,\n")
    answers = [
        Answer({"label": "cat", "confidence": 0.5}, "7", ""),
        Answer({}, "", "text: is shorter than 3 characters"),
        Answer({"label": "dog", "scores": [1, 2], "sure": True}, "8", ""),
    ]
    names = ["label", "confidence", "scores", "sure"]
    data = csv_bytes(result_table(header, names, zip(questions, answers, strict=True)))
    assert list(csv.reader(io.StringIO(data.decode(), newline=""))) == [
        ["text", "Label", "answer_label", "confidence", "scores", "sure", "model_version", "problem"],
        ["purrs", "'=1", "cat", "0.5", "", "", "7", ""],
        ["x", "", "", "", "", "", "", "text: is shorter than 3 characters"],
        ["barks", "", "dog", "", "[1, 2]", "true", "8", ""],
    ]
    assert counted(data) == Counts(3, 2, {"text: is shorter than 3 characters": 1}, {"7": 1, "8": 1})


def test_counts_of_long_cells():
    """A row that could not be read may fill one cell with a whole line; its result file is counted all the same."""
    header, questions = read("text\n" + "x" * 400_000 + "\npurrs\n")
    answers = [Answer({}, "", "too long"), Answer({"label": "cat"}, "7", "")]
    data = csv_bytes(result_table(header, ["label"], zip(questions, answers, strict=True)))
    assert counted(data) == Counts(2, 1, {"too long": 1}, {"7": 1})


def test_counts_of_very_many_reasons():
    """Line numbers stand in reasons: memory is bounded, the frequent ones are listed, the rest summed up."""
    lines = ["text,model_version,problem\r\n"]
    for number in range(50_000):
        lines += (f"x,,line {number}: broken\r\n", "x,,too long\r\n")
    counts = counts_of(lines)
    assert (counts.rows_in, counts.rows_answered) == (100_000, 0)
    assert counts.failed_by_reason["too long"] == 50_000
    assert len(counts.failed_by_reason) == 31
    assert sum(counts.failed_by_reason.values()) == 100_000
