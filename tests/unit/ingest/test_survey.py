"""Unit tests of `infolens.ingest.survey`."""

from __future__ import annotations

import io

import pytest

from infolens import codec
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.survey import Survey, survey
from pets import PetSchema
from section_fakes import PLAIN


class Slow(io.BytesIO):
    """Gives a few bytes at a time, as a connection may."""

    def read(self, size=-1):
        """Give at most 7 bytes."""
        return super().read(min(size, 7))


def look(data: bytes, stream=io.BytesIO) -> Survey:
    """Look at a file of the task `pets`."""
    return survey(stream(data), PLAIN, PetSchema())


@pytest.mark.parametrize("stream", [io.BytesIO, Slow])
@pytest.mark.parametrize(
    ("data", "header", "start", "lines"),
    [
        (b"text,label\npurrs,cat\n", ("text", "label"), 11, 1),
        (b"\xef\xbb\xbftext,label\r\npurrs,cat\r\n", ("text", "label"), 15, 1),
        (b"\n\r\n\rtext,label\npurrs,cat\n", ("text", "label"), 15, 4),
        (b"\xef\xbb\xbf\n\ntext,label\n", ("text", "label"), 16, 3),
        (b"sep=,\r\ntext,label\r\npurrs,cat\r\n", ("text", "label"), 19, 2),
        (b'\xef\xbb\xbf"sep=,"\n\ntext,label\n', ("text", "label"), 23, 3),
        (b"sep=,text,label\n", ("sep=", "text", "label"), 16, 1),
        (b'"a\nb",TEXT,Label\nx,purrs,cat\n', ("a\nb", "TEXT", "Label"), 17, 2),
        (b"text,label", ("text", "label"), 10, 1),
        (b"text,label" + b",x" * 4000 + b"\n", ("text", "label", *["x"] * 4000), 8011, 1),
        (b"\n" * 70_000 + b"text,label\n", ("text", "label"), 70_011, 70_001),
    ],
)
def test_header_and_beginning_of_rows(data, header, start, lines, stream):
    """Whatever stands before the header, and however it is quoted, the first row is found."""
    found = look(data, stream)
    assert (found.header, found.data_start, found.data_lines) == (header, start, lines)
    assert [header[at].casefold() for at in found.positions.values()] == list(found.positions)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"sep=,", "the file has no header; a header line and at least one row are needed"),
        (b"\n\n", "the file has no header; a header line and at least one row are needed"),
        (b"\xef\xbb\xbf", "the file has no header"),
        (b"text,category\na cat,cat\n", "column label: no such column; label is needed"),
        (b"text,label,text\n", "column text: is given twice"),
        (
            b'\ntext,"lab"el\na,b\n',
            "the header (line 2) cannot be read: a quoted field goes on after its closing quote",
        ),
        (b"text,label" + b",x" * 4095 + b"\n", "the header has 4,097 columns, at most 4,096 are read"),
        (b'text,"label\n' + b"a,b\n" * 50_000, "the header (line 1) cannot be read"),
    ],
)
def test_files_without_a_usable_header_are_refused(data, reason):
    """The reason names the column or the limit."""
    with pytest.raises(FileRefused) as refused:
        look(data)
    assert refused.value.reason.startswith(reason)


def test_columns_of_a_rejects_file_are_known_in_any_order():
    """Our own three columns are no part of the rows; two of them alone are an editor's own."""
    found = look(b"Reject_Reason,text,reject_line,label,reject_column\n")
    assert (found.reject_columns, found.own_header) == ((0, 2, 4), ("text", "label"))
    assert found.positions == {"text": 1, "label": 3}
    assert look(b"reject_line,text,label,reject_reason\n").reject_columns == ()


def test_survey_travels_as_json():
    """A step of a state machine hands it to the next."""
    found = look(b"label,text\n")
    assert codec.from_json(Survey, codec.to_json(found)) == found
    assert (found.column("text"), found.column("age")) == ("text", "age")
