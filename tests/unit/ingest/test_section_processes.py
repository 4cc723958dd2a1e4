"""Unit tests of `infolens.ingest.section_processes`: who reads which section when changes nothing."""

from __future__ import annotations

import collections
import contextlib
import csv
import io
import json
import multiprocessing
import os
import random
import signal
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infolens.ingest import section_processes
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.parts import part_id_of
from infolens.ingest.record_starts import guess_record_start
from infolens.ingest.section_processes import staged_sections
from infolens.ingest.sections import NOTHING, stage_section
from infolens.ingest.survey import survey
from infolens.ingest.worker_processes import WorkerDiedError
from pets import PetSchema
from section_fakes import PLAIN, Held, content_at, merged_with, taken

quick = settings(max_examples=60, deadline=None)

CELLS = st.sampled_from(
    ["cat", "dog", "bird", "", "x", "meow", "Meow", 'a "quote"', "line\nbreak", "two\r\nlines\r", "=1", "7", "\ufeff"]
)
DIRT = st.sampled_from([b'"', b'""', b"\x00", b"\xff", b"\n", b"\r\n", b",", b"\r", b'"\n', b"caf\xe9 \x92"])


@st.composite
def dirty_files(draw) -> bytes:
    """A CSV file of pets with wrong rows, ragged rows, copies, and bytes of dirt anywhere below the header."""
    rows = st.lists(CELLS, min_size=0, max_size=4) | st.tuples(CELLS, st.sampled_from(["cat", "dog"]), st.just("7"))
    table = draw(st.lists(rows, max_size=14))
    table += draw(st.lists(st.sampled_from(table), max_size=6)) if table else []
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"]))).writerows(table)
    data = out.getvalue().encode()
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(DIRT) + data[at:]
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\r\n"])) + b"text,label,age\n" + data


def news(rows: int, seed: int = 5) -> bytes:
    """A file of pets with quoted newlines, copies far apart, other labels, missing texts and a wrong byte."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(300)]
    lines = [b"text,label,age\n"]
    for number in range(rows):
        text = " ".join(rng.choices(words, k=rng.randint(3, 60)))
        if rng.random() < 0.2:
            text = text.replace(" ", "\r\n", 1) + ', "" she said'
        row = f'"{text}",{rng.choice(["cat", "dog"])},{rng.randint(0, 20)}\n'.encode()
        chance = rng.random()
        if chance < 0.05 and number > 10:
            row = rng.choice(lines[1:])
        elif chance < 0.08:
            row = b",cat,1\n"
        elif chance < 0.1:
            row = row.replace(b" ", b"\xe9", 1)
        lines.append(row)
    return b"".join(lines)


@quick
@given(dirty_files(), st.integers(7, 90))
def test_no_row_is_lost(data, section_bytes):
    """Rows in = kept + duplicates + rejected, each row in one place, however small the sections; lines are true."""
    found = taken(data, section_bytes)
    merged = found.merged
    assert merged.rows_in == merged.rows_kept + merged.rows_duplicate + merged.rows_rejected
    for section in found.held.counts:
        assert section.rows_in == section.rows_kept + section.rows_duplicate + section.rows_rejected
    kept, identities = [], []
    for final in found.parts:
        table = pq.read_table(io.BytesIO(final.data))
        assert table.num_rows == final.part.rows
        kept += [line + final.part.lines_before for line in table.column("line").to_pylist()]
        identities += table.column("identity").to_pylist()
    assert (len(kept), len(set(identities))) == (merged.rows_kept, merged.rows_kept)
    rejected = [int(row[0]) for row in csv.reader(io.StringIO(found.rejects.decode(), newline="")) if row[0].isdigit()]
    assert len(rejected) == merged.rows_rejected == sum(merged.rejected_by_reason.values())
    assert len({*kept, *rejected}) == len(kept) + len(rejected)
    total = len(data.splitlines())
    assert all(2 <= line <= total for line in [*kept, *rejected])
    assert found.held.counts[-1].end == len(data)
    assert found.survey.data_lines + sum(section.lines for section in found.held.counts) == total


@quick
@given(dirty_files())
def test_kept_and_rejected_rows_begin_where_they_say(data):
    """The line of a kept row is the one on which its text begins, that of a reject the one on which it stands."""
    found = taken(data, 40)
    lines = [line.decode("utf-8", "replace") for line in data.splitlines()]
    for final in found.parts:
        for row in pq.read_table(io.BytesIO(final.data)).to_pylist():
            word = row["text"].split()[0].strip('"')
            there = "\n".join(lines[row["line"] + final.part.lines_before - 1 :])
            assert word.replace('"', "") in there.replace('"', "").replace("\0", "\ufffd").replace(
                "\ufffd", ""
            ) or not (word.isascii())
    for number, section in found.held.sections.items():
        before = found.survey.data_lines + sum(c.lines for c in found.held.counts if c.number < number)
        for text in section.rejects.splitlines():
            line, _, reason, raw = json.loads(text)
            if "quote" in reason and raw[0].isascii():
                assert raw[0] == lines[before + line - 1]


@quick
@given(dirty_files(), st.integers(7, 90))
def test_sections_may_be_staged_apart_and_in_any_order(data, section_bytes):
    """One after the other over a range of bytes each, last first: the same in the end, and but for parts before it."""
    found = taken(data, section_bytes)
    apart = []
    for section in reversed(found.held.counts):
        stop = (section.number + 1) * section_bytes
        content = content_at(data, section.start)
        apart.append(stage_section(content, found.survey, PetSchema(), section.number, section.start, stop, "up1"))
    for section in apart:
        same = found.held.sections[section.counts.number]
        assert (section.index, section.rejects) == (same.index, same.rejects)
        assert section.counts == replace(same.counts, earlier=NOTHING, part_id=section.counts.part_id)
        assert (section.counts.part_id == same.counts.part_id) == (not same.counts.earlier.rows)
        assert same.counts.part_id == part_id_of(same.part)
    counts = found.held.counts
    assert [section.start for section in counts] == [found.survey.data_start, *(section.end for section in counts[:-1])]
    assert merged_with(found.survey, Held(apart)).outcome == found.outcome


@quick
@given(dirty_files())
def test_another_size_of_section_keeps_the_same_rows(data):
    """Sections are a matter of parts: which rows are kept, rejected and doubtful does not depend on their size."""
    one, many = taken(data).merged, taken(data, 11).merged
    for name in ("rows_in", "rows_kept", "rows_rejected", "rejected_by_reason", "label_counts", "split_counts"):
        assert getattr(one, name) == getattr(many, name)
    assert (one.length_bins, one.conflicting_labels, one.conflicts) == (
        many.length_bins,
        many.conflicting_labels,
        many.conflicts,
    )
    assert taken(data).rejects == taken(data, 11).rejects


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(dirty_files(), st.integers(20, 90), st.integers(0, 3))
def test_wrong_guesses_change_nothing(monkeypatch, data, section_bytes, kind):
    """Workers that are sent to any wrong place, or to none, give what one reader gives."""
    whole = taken(data, section_bytes)
    guesses = [lambda *_: None, lambda *_: 1, lambda window, *_: len(window) // 2 + 1, lambda window, *_: len(window)]
    monkeypatch.setattr(section_processes, "guess_record_start", guesses[kind])
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 16)
    monkeypatch.setattr(section_processes, "_READ_BYTES", 8)  # so that what was handed out is put away
    assert taken(data, section_bytes, workers=2).outcome == whole.outcome


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_change_nothing(monkeypatch, workers):
    """Two or three processes give byte for byte what one gives, on a file of a hundred sections."""
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 2048)
    monkeypatch.setattr(section_processes, "_READ_BYTES", 1024)
    data = news(1500)
    whole = taken(data, 4096)
    assert len(whole.held.counts) > 50
    assert whole.merged.rows_duplicate > 20 < whole.merged.rows_rejected
    assert sum(counts.earlier.rows > 0 for counts in whole.held.counts) > 20
    assert [final.data for final in whole.parts] == [section.part for section in whole.held.sections.values()]
    assert taken(data, 4096, workers=workers).outcome == whole.outcome
    assert not multiprocessing.active_children()


def test_a_start_that_few_bytes_do_not_show_is_looked_for_in_more(monkeypatch):
    """Records are guessed by a few bytes at first, by all of the window where these show none."""
    looked_at = []

    def guess(window, *rest):
        looked_at.append(len(window))
        return guess_record_start(window, *rest) if len(window) > 300 else None

    monkeypatch.setattr(section_processes, "guess_record_start", guess)
    monkeypatch.setattr(section_processes, "_FIRST_WINDOW_BYTES", 200)
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 2048)
    data, here = news(300), section_processes._read_whole
    one = taken(data, 4096)
    read_here = []
    monkeypatch.setattr(section_processes, "_read_whole", lambda *given: read_here.append(given) or here(*given))
    assert taken(data, 4096, workers=2).outcome == one.outcome
    assert {201, 2049} <= set(looked_at)
    assert len(read_here) < 3 < len(one.held.counts)  # the last one, and where a guess was wrong


def test_small_content_starts_no_process(monkeypatch):
    """What is hardly more than a section is staged here, whatever the number of workers."""
    monkeypatch.setattr(section_processes, "Crew", None)
    assert taken(b"text,label\npurrs,cat\n", workers=4).merged.rows_kept == 1


def test_what_was_staged_before_is_not_staged_again(monkeypatch):
    """A second attempt yields the rest only; what does not hang together is staged again."""
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 2048)
    data = news(400)
    whole = taken(data, 4096)
    counts = whole.held.counts

    def rest(known, workers):
        content = content_at(data, whole.survey.data_start)
        got = staged_sections(
            content, whole.survey, PetSchema(), "up1", section_bytes=4096, workers=workers, known=known.get
        )
        return [section.counts.number for section in got]

    first = {section.number: section for section in counts[:5]}
    everyone = {section.number: section for section in counts}
    numbers = list(everyone)
    for workers in (1, 2):
        assert rest(first, workers) == numbers[5:]
        assert rest(everyone, workers) == []
    assert rest({number: everyone[number] for number in numbers if number != 3}, 1) == [3]
    wrong = {**first, 2: counts[3]}
    assert rest(wrong, 1)[0] == 2


class BreaksOff(io.BytesIO):
    """A packed file whose end is missing."""

    def read(self, size=-1):
        """Give what there is, then refuse."""
        data = super().read(size)
        if not data:
            raise FileRefused("the gzip packing is broken")
        return data

    def seekable(self):
        """Say that it is read once."""
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_content_that_breaks_off_is_refused_after_its_rows(monkeypatch, workers):
    """All rows up to the break are yielded, so that the report can count them."""
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 2048)
    data = news(300)
    found = survey(io.BytesIO(data), PLAIN, PetSchema())
    content = BreaksOff(data)
    content.seek(found.data_start)
    seen = []
    sections = staged_sections(content, found, PetSchema(), "up1", section_bytes=4096, workers=workers)
    with pytest.raises(FileRefused, match="gzip packing"):
        seen.extend(section.counts.rows_in for section in sections)
    assert sum(seen) == taken(data).merged.rows_in


class Deadly(PetSchema):
    """Cleaning that ends its own process, as the kernel does when memory runs out."""

    def clean_block(self, columns):
        """Die in a worker."""
        if multiprocessing.parent_process():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().clean_block(columns)


class Failing(PetSchema):
    """Cleaning with a fault."""

    def clean_block(self, columns):
        """Raise."""
        raise ZeroDivisionError("a fault in the schema")


@pytest.mark.parametrize(
    ("schema", "error", "text"),
    [
        (Deadly(), WorkerDiedError, "section 0 ended with code -9|section 1 ended with code -9"),
        (Failing(), ZeroDivisionError, "a fault in the schema"),
    ],
)
def test_death_and_faults_of_workers_are_told(monkeypatch, schema, error, text):
    """The parent does not hang: it raises, says why, and no process is left."""
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 2048)
    data = news(300)
    found = survey(io.BytesIO(data), PLAIN, PetSchema())
    content = content_at(data, found.data_start)
    with pytest.raises(error, match=text):
        list(staged_sections(content, found, schema, "up1", section_bytes=4096, workers=2))
    assert not multiprocessing.active_children()


def test_leaving_early_leaves_nothing_behind(monkeypatch):
    """A consumer that stops after the first section ends the workers."""
    monkeypatch.setattr(section_processes, "WINDOW_BYTES", 2048)
    data = news(300)
    found = survey(io.BytesIO(data), PLAIN, PetSchema())
    content = content_at(data, found.data_start)
    with contextlib.closing(
        staged_sections(content, found, PetSchema(), "up1", section_bytes=4096, workers=2)
    ) as sections:
        assert next(sections).counts.number == 0
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()


@quick
@given(dirty_files())
def test_every_letter_lands_somewhere(data):
    """Each word of the file is found again in a kept row, a reject, or a copy of a kept row."""
    found = taken(data, 30)
    kept = " ".join(
        str(value)
        for final in found.parts
        for row in pq.read_table(io.BytesIO(final.data)).to_pylist()
        for value in row.values()
    )
    there = collections.Counter()
    for word in ("meow", "quote", "bird", "break"):
        there[word] = word in data[15:].decode(errors="replace").lower()
        if there[word]:
            assert word in (kept + found.rejects.decode()).lower()
