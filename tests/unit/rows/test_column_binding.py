"""Columns are found whatever their case, order and known name, and never guessed."""

import pytest

from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_columns, bind_titled_text, column_name

NAMES = {"text": ("text", "short_description"), "label": ("label", "class_name")}


@pytest.mark.parametrize(
    "raw", ["class_name", "Class Name", "CLASS-NAME", " class  name ", "\ufeffclass_name", '"class.name"']
)
def test_spellings_of_a_name(raw):
    """Case, blanks, hyphens, points, quotes and a byte-order mark do not matter."""
    assert column_name(raw) == "class_name"


def test_positions():
    """Fields are found in any order; columns that nobody asks for are passed over; missing fields are left out."""
    assert bind_columns(["LABEL", "link", "Short Description"], NAMES) == {"text": 2, "label": 0}
    assert bind_columns(["text", "date"], NAMES) == {"text": 0}


def test_a_field_given_twice():
    """Two columns for one field are refused, and both are named."""
    with pytest.raises(RowRejected, match="'Label' and 'class_name'") as refusal:
        bind_columns(["Label", "text", "class_name"], NAMES)
    assert refusal.value.field == "label"


def test_titled_text():
    """Either column will do for the text, both become apart; a label is asked for where there has to be one."""
    names = (["title"], ["text", "body"], ["label"])
    assert bind_titled_text(["Label", "BODY", "title"], *names) == {"title": 2, "text": 1, "label": 0}
    assert bind_titled_text(["title"], names[0], names[1], []) == {"text": 0}
    for header, field in ((["label"], "text"), (["title"], "label")):
        with pytest.raises(RowRejected, match="no such column") as refusal:
            bind_titled_text(header, *names)
        assert refusal.value.field == field
