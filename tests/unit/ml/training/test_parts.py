"""Rows of a split are read from all parts, wherever the channel put them."""

import pytest

from infolens.ml.training.job import TrainingError
from infolens.ml.training.parts import read_split
from ml_fakes import write_part


def row(text: str, split: str) -> dict[str, object]:
    """A row with a column that nobody asks for."""
    return {"text": text, "label": "Sports", "split": split, "line": 2}


def test_one_split_of_all_parts(tmp_path):
    """Parts are read in the order of their names; other splits, columns and files are left alone."""
    write_part(tmp_path / "parts", [row("c", "train"), row("d", "test")], name="b")
    write_part(tmp_path / "parts", [row("a", "train"), row("b", "validation")], name="a")
    (tmp_path / "channel.manifest").write_text("[]")
    assert read_split(tmp_path, "train", ("text",)) == [{"text": "a"}, {"text": "c"}]
    assert read_split(tmp_path, "test", ("text", "label")) == [{"text": "d", "label": "Sports"}]


def test_no_row_of_the_split(tmp_path):
    """A split without rows is empty, not an error."""
    write_part(tmp_path, [row("a", "train")])
    assert read_split(tmp_path, "test", ("text",)) == []


def test_no_part(tmp_path):
    """A channel without Parquet is an error that names the folder."""
    with pytest.raises(TrainingError, match=r"no \.parquet file"):
        read_split(tmp_path, "train", ("text",))
