"""The generated file is what its answer says, as the standard library's reader sees it, and the same for ever."""

import csv
import io

import pytest

from infolens.tasks.news_category.schema import LABELS, SCHEMA
from ingest_benchmark import correctness, news_csv

SIZE = 1_500_000


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Give a file with more ragged rows than usual, for one in 5,000 would be none here."""
    path = tmp_path_factory.mktemp("news") / "news.csv"
    usual, news_csv.RAGGED = news_csv.RAGGED, 0.01
    try:
        news_csv.generate(path, SIZE, seed=4)
    finally:
        news_csv.RAGGED = usual
    return path


def table(path):
    """Read all rows with the standard library."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_rules_give_the_answer(file):
    """Counted by the three simple rules, kept, duplicate and rejected rows are those of the answer."""
    answer = news_csv.answer_of(file)
    header, *rows = table(file)
    right_width = [row for row in rows if len(row) == len(header)]
    filled = [row for row in right_width if row[2] and row[3]]
    kept = {(row[1], row[2]) for row in filled}
    assert tuple(header) == news_csv.HEADER
    assert answer.rows == len(rows) == answer.kept + answer.duplicates + answer.wrong_columns + answer.empty_fields
    assert answer.wrong_columns == len(rows) - len(right_width) > 5
    assert answer.empty_fields == len(right_width) - len(filled) > 5
    assert answer.kept == len(kept)
    assert answer.duplicates == len(filled) - len(kept) > 5


def test_shares(file):
    """Quoted line ends, invalid bytes and control characters are as frequent as said; texts have 600 characters."""
    answer = news_csv.answer_of(file)
    _, *rows = table(file)
    texts = [row[2] for row in rows if len(row) == 5 and row[2]]
    assert sum("\n" in text for text in texts) / len(texts) == pytest.approx(0.2, abs=0.03)
    assert answer.newlines / answer.rows == pytest.approx(0.2, abs=0.03)
    assert answer.invalid_bytes / answer.rows == pytest.approx(0.005, abs=0.004)
    assert sum("\ufffd" in row[2] for row in rows if len(row) == 5) >= answer.invalid_bytes
    assert answer.controls / answer.rows == pytest.approx(0.01, abs=0.006)
    assert sum(map(len, texts)) / len(texts) == pytest.approx(600, rel=0.06)


def test_size_and_beginning(file):
    """The file begins with a byte-order mark and ends with the row that reached the size."""
    data = file.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfid,title,text,label,date\r\n")
    assert SIZE <= len(data) == news_csv.answer_of(file).bytes < SIZE + 15_000
    assert data.endswith(b"\r\n")


def test_lines_of_records(file):
    """Each record knows the physical line at which its row starts."""
    truth = correctness.Truth(file)
    lines = file.read_bytes().splitlines()
    _, *rows = table(file)
    assert len(truth.lines) == len(rows)
    for line, row in zip(truth.lines, rows, strict=True):
        assert lines[line - 1].split(b",")[0].decode() == row[0]


def test_seed_fixes_the_bytes(tmp_path):
    """One seed gives one file, another seed another; a longer file begins with the shorter one."""
    files = {}
    for name, size, seed in (("a", 60_000, 4), ("again", 60_000, 4), ("longer", 90_000, 4), ("other", 60_000, 5)):
        news_csv.generate(tmp_path / name, size, seed)
        files[name] = (tmp_path / name).read_bytes()
    assert files["a"] == files["again"] != files["other"]
    assert files["longer"].startswith(files["a"])


def test_words_fall_off():
    """The most frequent word is much more frequent than the tenth, and that one than the hundredth."""
    rows = news_csv.rows(4)
    words = b" ".join(next(rows).written for _ in range(300)).split()
    counts = sorted((words.count(word) for word in set(words)), reverse=True)
    assert counts[0] > 3 * counts[10] > 6 * counts[100] > 0


def test_real_schema_takes_it():
    """Labels and header are those of news_category, so that the real pipeline reads the file."""
    assert news_csv.LABELS == LABELS
    assert SCHEMA.bind(news_csv.HEADER, labelled=True) == {"title": 1, "text": 2, "label": 3}
