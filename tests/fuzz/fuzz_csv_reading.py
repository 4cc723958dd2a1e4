"""Fuzzes the reading of dropped files: `python tests/fuzz/fuzz_csv_reading.py --runs 100000 [--seconds 60] [corpus…]`.

For any bytes: nothing is raised but a refusal, each physical line is accounted for, and neither the size of blocks nor
that of sections changes a record, a line number or a count.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import zipfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "layers" / "platform"), str(ROOT / "tests")]

with atheris.instrument_imports(include=["infolens"]):
    from csv_reference import assert_every_line_is_accounted_for, reading, reading_by_sections, reference
    from infolens.ingest import csv_reading
    from infolens.ingest.csv_reading import FileRefused
    from infolens.ingest.file_format import DELIMITERS, EXTENSIONS, open_content
    from infolens.ingest.record_starts import guess_record_start

_SMALL = {"MAX_FIELD": 40, "MAX_RECORD": 200, "MAX_RECORD_LINES": 12, "MAX_BLOCK_LINES": 5}
"""Limits within the reach of short inputs."""

_USUAL = {name: getattr(csv_reading, name) for name in _SMALL}


def check_reading(data: bytes, delimiter: str, block_bytes: int, section_bytes: int) -> None:
    """Read the same bytes in several ways that must agree."""
    whole = reference(data, delimiter)
    assert reading(data, delimiter) == whole
    assert reading(data, delimiter, block_bytes=block_bytes, most=block_bytes) == whole
    assert reading_by_sections(data, section_bytes, delimiter, block_bytes=block_bytes) == whole
    assert_every_line_is_accounted_for(data, whole)


def check_limits(data: bytes, delimiter: str, block_bytes: int) -> None:
    """Where limits are reached, too, the size of blocks changes nothing."""
    vars(csv_reading).update(_SMALL)
    try:
        assert reading(data, delimiter, block_bytes=block_bytes, most=block_bytes) == reading(data, delimiter)
    finally:
        vars(csv_reading).update(_USUAL)


def check_guess(data: bytes, delimiter: str, columns: int) -> None:
    """A guess lies at the beginning of a line within the window."""
    guess = guess_record_start(data, delimiter, columns)
    assert guess is None or (0 < guess < len(data) and data[guess - 1] in b"\r\n")


def check_opening(data: bytes, name: str, columns: int) -> None:
    """Any file is read to its end, or refused."""
    try:
        content, found = open_content(io.BytesIO(data), name, lambda header: len(header) == columns)
        assert found.delimiter in DELIMITERS
        rows = list(csv_reading.rows(content, found.delimiter))
    except FileRefused:
        return
    assert [row.line for row in rows] == sorted({row.line for row in rows})


def packed(data: bytes, how: int, damage: int) -> bytes:
    """Pack a file, and flip a bit of the result."""
    if how == 1:
        whole = bytearray(gzip.compress(data, 1))
    else:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED if how == 2 else zipfile.ZIP_STORED) as writer:
            writer.writestr("a.csv", data)
        whole = bytearray(archive.getvalue())
    if damage:
        whole[damage * 37 % len(whole)] ^= 1 << damage % 8
    return bytes(whole)


def one_input(data: bytes) -> None:
    """Take the first five bytes for the choices, the rest for the file."""
    if len(data) < 5:
        return
    kind, block_bytes, section_bytes, columns, damage = data[0], 1 + data[1] % 64, 1 + data[2], 1 + data[3] % 8, data[4]
    data, delimiter = data[5:], DELIMITERS[kind % len(DELIMITERS)]
    check_reading(data, delimiter, block_bytes, section_bytes)
    check_limits(data, delimiter, block_bytes)
    check_guess(data, delimiter, columns)
    name = f"a{EXTENSIONS[kind % len(EXTENSIONS)]}"
    check_opening(packed(data, kind >> 6, damage) if kind >> 6 else data, name, columns)


def main() -> None:
    """Run for a number of inputs or of seconds; a failure leaves its input as a file and ends with an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=-1, help="inputs; -1: until it is stopped")
    parser.add_argument("--seconds", type=int, default=0, help="time; 0: no limit")
    parser.add_argument("--seed", type=int, default=1, help="of the first inputs; a nightly run takes another each day")
    parser.add_argument("corpus", nargs="*", help="folders of inputs; new ones are added to the first")
    chosen = parser.parse_args()
    options = [f"-runs={chosen.runs}", f"-max_total_time={chosen.seconds}", f"-seed={chosen.seed}"]
    words = Path(__file__).with_name("csv.dict")
    # No limit of memory: a process that was forked from a large one has that one's peak for its own, and instrumented
    # code leaves 25 KB behind with each input, 5 GB in ten minutes; without instruments it leaves nothing.
    limits = ["-max_len=600", "-timeout=20", "-rss_limit_mb=0"]
    atheris.Setup([sys.argv[0], *options, *limits, f"-dict={words}", *chosen.corpus], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
