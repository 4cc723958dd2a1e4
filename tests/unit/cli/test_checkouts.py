"""Datasets brought onto this machine."""

import csv
import hashlib
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli_fakes import Objects
from dataset_records import TASK, manifest, part, source
from infolens import codec
from infolens.contracts.dataset import DatasetManifest, Part
from infolens_cli import checkouts
from infolens_cli.trouble import Trouble


def parquet(*rows, hexadecimal=False):
    """A part of (text, label, line) as ingest writes it; the first datasets had hexadecimal identities."""
    digests = [hashlib.sha256(text.encode()).digest() for text, _, _ in rows]
    table = pa.table(
        {
            "text": [text for text, _, _ in rows],
            "label": [label for _, label, _ in rows],
            "watched": pa.array([[1, 2]] * len(rows), pa.list_(pa.int64())),
            "identity": [one.hex() for one in digests] if hexadecimal else pa.array(digests, pa.binary(32)),
            "split": ["train"] * len(rows),
            "line": [line for _, _, line in rows],
            "upload_id": ["u1"] * len(rows),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


class Bucket:
    """Parts of a task in a bucket."""

    def __init__(self, *files, lines_before=(1, 1, 1)):
        self.parts = tuple(
            Part(hashlib.sha256(data).hexdigest(), pq.ParquetFile(io.BytesIO(data)).metadata.num_rows, before)
            for data, before in zip(files, lines_before, strict=False)
        )
        keys = [("data", f"parts/{TASK}/{one.part_id}.parquet") for one in self.parts]
        self.objects = Objects(dict(zip(keys, files, strict=True)))
        self.source = checkouts.Source(self.objects, "data", TASK)


ONE = parquet(("a text", "Sports", 1), ("=SUM(A1)", "Business", 3))
TWO = parquet(("-73.98", "Sports", 2))


def test_parts_arrive_as_they_are(tmp_path):
    """Numbered in their order, and named by what was checked."""
    bucket, seen = Bucket(ONE, TWO), []
    paths = checkouts.fetch(bucket.source, bucket.parts, tmp_path / "parts", seen.append)
    assert [path.read_bytes() for path in paths] == [ONE, TWO]
    assert [path.name for path in paths] == [
        f"00001-{bucket.parts[0].part_id}.parquet",
        f"00002-{bucket.parts[1].part_id}.parquet",
    ]
    assert sorted(seen) == [1, 2]


def test_a_part_that_was_changed_is_refused(tmp_path):
    """One byte is enough; nothing of it stays here."""
    bucket = Bucket(ONE)
    (key,) = bucket.objects.content
    bucket.objects.content[key] = ONE[:-1] + b"!"
    with pytest.raises(Trouble, match="is not what its name says"):
        checkouts.fetch(bucket.source, bucket.parts, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_gone_is_named(tmp_path):
    """With its place in the bucket."""
    bucket = Bucket(ONE)
    bucket.objects.content.clear()
    with pytest.raises(Trouble, match=f"the part {bucket.parts[0].part_id} is missing: s3://data/parts/{TASK}/"):
        checkouts.fetch(bucket.source, bucket.parts, tmp_path)


def test_what_is_here_and_right_is_not_fetched_again(tmp_path):
    """A checkout that broke off goes on; a file that was cut short is not taken for the part."""
    bucket = Bucket(ONE, TWO)
    first, second = checkouts.fetch(bucket.source, bucket.parts, tmp_path)
    second.write_bytes(TWO[:50])
    del bucket.objects.content["data", f"parts/{TASK}/{bucket.parts[0].part_id}.parquet"]
    checkouts.fetch(bucket.source, bucket.parts, tmp_path)
    assert (first.read_bytes(), second.read_bytes()) == (ONE, TWO)


def test_a_csv_has_all_rows_and_no_formula(tmp_path):
    """Lines are those of the uploaded file; a number with a sign stays one."""
    bucket = Bucket(ONE, TWO, lines_before=(1, 100))
    paths = checkouts.fetch(bucket.source, bucket.parts, tmp_path)
    out = tmp_path / "rows.csv"
    assert checkouts.write_csv(paths, bucket.parts, out) == 3
    assert list(csv.reader(io.StringIO(out.read_text("utf-8"), newline=""))) == [
        ["text", "label", "watched", "split", "line", "upload_id"],
        ["a text", "Sports", "[1, 2]", "train", "2", "u1"],
        ["'=SUM(A1)", "Business", "[1, 2]", "train", "4", "u1"],
        ["-73.98", "Sports", "[1, 2]", "train", "102", "u1"],
    ]
    assert not list(tmp_path.glob("*.partial"))


def test_a_folder_is_made_with_the_manifest_in_it(tmp_path):
    """So that it says what the parts are."""
    dataset = manifest("1", source("u1", part("a")))
    checkouts.prepare(tmp_path / "new" / "one", dataset)
    checkouts.prepare(tmp_path / "new" / "one", dataset)  # the same again goes on
    data = (tmp_path / "new" / "one" / "manifest.json").read_bytes()
    assert codec.from_json(DatasetManifest, data) == dataset


def test_a_folder_with_another_dataset_is_left_alone(tmp_path):
    """Parts of two datasets in one folder would be a third one."""
    checkouts.prepare(tmp_path, manifest("1", source("u1", part("a"))))
    with pytest.raises(Trouble, match="holds 1000"):
        checkouts.prepare(tmp_path, manifest("2", source("u2", part("b"))))


@pytest.mark.parametrize("name", ["thesis.txt", "manifest.json"])
def test_a_folder_with_other_things_is_left_alone(tmp_path, name):
    """A manifest that is none of ours is one of them."""
    (tmp_path / name).write_text("{}")
    with pytest.raises(Trouble, match=r"holds"):
        checkouts.prepare(tmp_path, manifest("1", source("u1", part("a"))))
    assert (tmp_path / name).read_text() == "{}"


def differ(tmp_path, before, after, most=10):
    """Compare the rows of two buckets."""
    old = checkouts.fetch(before.source, before.parts, tmp_path / "old")
    new = checkouts.fetch(after.source, after.parts, tmp_path / "new")
    return checkouts.differing_rows(old, before.parts, new, after.parts, most=most)


def test_rows_are_told_apart_by_identity(tmp_path):
    """A row that moved to another part, line and label is the same row; the first datasets' parts are read too."""
    before = Bucket(parquet(("same", "Sports", 1), ("gone", "Sports", 2), hexadecimal=True))
    after = Bucket(parquet(("come", "Arts", 1)), parquet(("same", "Arts", 7)), lines_before=(1, 50))
    found = differ(tmp_path, before, after)
    assert (found.only_before, found.only_after, found.both) == (1, 1, 1)
    assert [(row["text"], row["line"]) for row in found.first_before] == [("gone", "3")]
    assert [(row["text"], row["label"]) for row in found.first_after] == [("come", "Arts")]


@pytest.mark.parametrize(("most", "shown"), [(0, 0), (2, 2), (9, 3)])
def test_all_differing_rows_are_counted_and_the_first_are_shown(tmp_path, most, shown):
    """However many there are."""
    before = Bucket(parquet(("a", "x", 1), ("b", "x", 2)), parquet(("c", "x", 1)))
    found = differ(tmp_path, before, Bucket(), most=most)
    assert found.only_before == 3
    assert [row["text"] for row in found.first_before] == ["a", "b", "c"][:shown]


def test_rows_are_found_again_in_a_later_batch(tmp_path, monkeypatch):
    """A part is read in batches; a row's number goes on over them."""
    monkeypatch.setattr(checkouts, "_BATCH_ROWS", 2)
    before = Bucket(parquet(*((f"text {number}", "x", number) for number in range(7))))
    after = Bucket(parquet(*((f"text {number}", "x", 1) for number in (0, 1, 2, 4, 6))))
    found = differ(tmp_path, before, after)
    assert [row["text"] for row in found.first_before] == ["text 3", "text 5"]
