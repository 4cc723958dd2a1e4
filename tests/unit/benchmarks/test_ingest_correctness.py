"""What a reader loses, alters, keeps wrongly or does not tell is found, each fault planted once."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_benchmark import correctness, news_csv

NAMES = news_csv.HEADER


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Give a file of a thousand rows with enough dirt."""
    path = tmp_path_factory.mktemp("news") / "news.csv"
    usual = news_csv.RAGGED, news_csv.INVALID_BYTES
    news_csv.RAGGED, news_csv.INVALID_BYTES = 0.01, 0.02
    try:
        news_csv.generate(path, 750_000, seed=8)
    finally:
        news_csv.RAGGED, news_csv.INVALID_BYTES = usual
    return path


@pytest.fixture(scope="module")
def right(file):
    """Give the rows that a right reader keeps, bad bytes replaced."""
    text = file.read_bytes().decode("utf-8-sig", errors="replace")
    rows, seen = [], set()
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        if len(row) == 5 and row[2] and row[3] and row[0] not in seen:
            seen.add(row[0])
            rows.append(row)
    return rows


def findings(file, rows, tmp_path, rejects=None):
    """Write rows as a reader would and hold them against the truth."""
    kept = tmp_path / "kept.parquet"
    pq.write_table(pa.table(dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))), kept)
    if rejects is not None:
        with (tmp_path / "rejects.csv").open("w", newline="") as out:
            csv.writer(out).writerows([("where", "reason"), *((number, "x") for number in rejects)])
    truth = correctness.Truth(file)
    return correctness.check(truth, correctness.rows_as_they_were(truth, kept), tmp_path / "rejects.csv")


def test_right_reader(file, right, tmp_path):
    """Nothing is found in what is right, and replaced bytes are right."""
    found = findings(file, right, tmp_path)
    assert (found.lost, found.altered, found.wrongly_kept) == (0, 0, 0)
    assert found.kept == news_csv.answer_of(file).kept
    assert any("\ufffd" in row[2] for row in right)


def test_lost_row(file, right, tmp_path):
    """A row that is missing is lost."""
    assert findings(file, right[1:], tmp_path).lost == 1


@pytest.mark.parametrize("column", [1, 2, 3, 4])
def test_altered_row(file, right, tmp_path, column):
    """One changed character in any field is an altered row."""
    wrong = [list(row) for row in right]
    wrong[7][column] += "x"
    found = findings(file, wrong, tmp_path)
    assert (found.altered, found.lost, found.wrongly_kept) == (1, 0, 0)


def test_row_cut_off_at_a_bad_byte(file, right, tmp_path):
    """A row with invalid bytes is not compared byte for byte, but its letters have to be there."""
    place = next(number for number, row in enumerate(right) if "\ufffd" in row[2])
    cut = [list(row) for row in right]
    cut[place][2] = cut[place][2].split("\ufffd")[0]
    repaired = [list(row) for row in right]
    repaired[place][2] = repaired[place][2].replace("\ufffd", "\u2019")
    assert findings(file, cut, tmp_path).altered == 1
    assert findings(file, repaired, tmp_path).altered == 0


def test_second_copy(file, right, tmp_path):
    """A row that is there twice is kept wrongly."""
    assert findings(file, [*right, right[0]], tmp_path).wrongly_kept == 1


def test_ragged_row_kept(file, right, tmp_path):
    """A row that had to be rejected, cut to the right width, is kept wrongly, and so is one that nobody knows."""
    ragged = next(row for row in csv.reader(io.StringIO(file.read_text("utf-8-sig", "replace"))) if len(row) > 5)
    found = findings(file, [*right, ragged[:5], ["999999999", *right[0][1:]], ["x", *right[0][1:]]], tmp_path)
    assert (found.wrongly_kept, found.lost) == (3, 0)


def test_rejects_by_line(file, right, tmp_path):
    """Rejects told by their physical line are counted as such, and one that is left out is not."""
    truth = correctness.Truth(file)
    lines = [int(truth.lines[record]) for record in truth.rejected]
    found = findings(file, right, tmp_path, lines[1:])
    assert found.named_by_line == found.to_reject - 1 == len(lines) - 1


def test_rejects_by_record(file, right, tmp_path):
    """Rejects told by a count of records, the header counted, are not taken for lines."""
    truth = correctness.Truth(file)
    found = findings(file, right, tmp_path, [record + 2 for record in truth.rejected])
    assert found.named_by_record == found.to_reject
    assert found.named_by_line < found.to_reject


def test_no_rejects(file, right, tmp_path):
    """A reader without a list of rejects tells none."""
    found = findings(file, right, tmp_path)
    assert (found.named_by_line, found.named_by_record) == (0, 0)
    assert found.to_reject == news_csv.answer_of(file).wrong_columns + news_csv.answer_of(file).empty_fields


def part(tmp_path, rows, lines):
    """Write a part of ours."""
    path = tmp_path / "part.parquet"
    texts = [f"{row[1]}. {row[2]}".replace("&amp;", "&") for row in rows]
    pq.write_table(pa.table({"line": lines, "text": texts, "label": [row[3] for row in rows]}), path)
    return path


def test_cleaned_rows(file, right, tmp_path):
    """Ours is compared by letters and by the line a row comes from; a line that is off by one is found."""
    truth = correctness.Truth(file)
    starts = {row[0]: int(truth.lines[truth.find_id(row[0].encode())]) for row in right}
    rows = right[:50]
    lines = [starts[row[0]] - 10 for row in rows]
    good = list(correctness.cleaned_rows(truth, [(part(tmp_path, rows, lines), 10)]))
    assert good == [(truth.find_id(row[0].encode()), True) for row in rows]
    shifted = list(correctness.cleaned_rows(truth, [(part(tmp_path, rows, lines), 11)]))
    assert not any(same for _, same in shifted)
