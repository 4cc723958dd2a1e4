"""The table of readers says what was measured, and does not hide what failed or what was not told."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ingest_benchmark import correctness, measure, resident_memory

FOUND = correctness.Findings(
    kept=980_050, lost=12, altered=3, wrongly_kept=205, to_reject=9_968, named_by_line=9_968, named_by_record=40
)
HELD = resident_memory.Held(328.4, 310.2, 290.1)


def outcome(seconds, peak=HELD):
    """Give one run."""
    return measure.Outcome(seconds, 2 * seconds, 980_050, peak, {})


def test_row_of_the_table():
    """Median, range, rate, the highest peak, and what became of the rows."""
    runs = [outcome(9.0), outcome(7.0, replace(HELD, resident=331.0)), outcome(7.5)]
    rows = measure.table(700_000_000, [("csv.reader", runs, FOUND, None)]).splitlines()
    assert rows[2] == (
        "| csv.reader | 7.50 (7.00 to 9.00) | 93 | 15.0 | 331 | 310 (290) | 980,050 | 12 | 3 | 205 "
        "| 9,968 by line, of 9,968 |"
    )
    assert len({row.count("|") for row in rows}) == 1


@pytest.mark.parametrize(
    ("by_line", "by_record", "told"),
    [(0, 0, "0, of 9,968"), (5, 5_380, "5,380 by record number, of 9,968"), (7, 7, "7 by line, of 9,968")],
)
def test_rejects_told(by_line, by_record, told):
    """What is told by a count of records only is not called a line."""
    assert measure.rejects_told(replace(FOUND, named_by_line=by_line, named_by_record=by_record)) == told


def test_failure_is_told():
    """A reader that failed keeps its place in the table, with the reason."""
    rows = measure.table(1, [("pandas", [], None, "ended with 1: MemoryError")]).splitlines()
    assert "failed: ended with 1: MemoryError" in rows[2]
    assert len({row.count("|") for row in rows}) == 1


def script(tmp_path, monkeypatch, text):
    """Put a reader of one script in place of the real ones."""
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers" / "toy.py").write_text(text)
    monkeypatch.setattr(measure, "HERE", tmp_path)
    (tmp_path / "file").write_bytes(b"some rows")
    (tmp_path / "out").mkdir()
    return measure.Reader("toy", "toy", "fast", ours=True), tmp_path / "file", tmp_path / "out"


def test_run_of_a_reader(tmp_path, monkeypatch):
    """A reader gets file, folder and variant, and its last line is its outcome."""
    text = """
import json, sys
print("hello")
print(json.dumps({"seconds": 1.5, "rows": 3, "arguments": sys.argv[1:]}))
"""
    reader, file, out = script(tmp_path, monkeypatch, text)
    found = measure.run(reader, file, out)
    assert (found.seconds, found.rows) == (1.5, 3)
    assert 0 < found.processor_seconds < 30
    assert found.told["arguments"] == [str(file), str(out), "fast"]


def test_run_that_fails(tmp_path, monkeypatch):
    """The error of a failed reader is the reason, whatever advice comes with it."""
    reader, file, out = script(tmp_path, monkeypatch, "raise MemoryError('too large\\n\\nSee also the documentation')")
    with pytest.raises(measure.ReaderFailedError, match="ended with 1: MemoryError: too large"):
        measure.run(reader, file, out)


def test_run_that_hangs(tmp_path, monkeypatch):
    """A reader that takes too long is told as such."""
    reader, file, out = script(tmp_path, monkeypatch, "import os\nos.read(os.pipe()[0], 1)")
    monkeypatch.setattr(measure, "TIMEOUT_S", 0.5)
    with pytest.raises(measure.ReaderFailedError, match=r"more than 0\.5 s"):
        measure.run(reader, file, out)


def test_nothing_is_left_running():
    """A reader is ended with all that it has started."""
    text = f"""
import os, subprocess
child = subprocess.Popen([{sys.executable!r}, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
os.read(os.pipe()[0], 1)
"""
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, start_new_session=True)
    with process:
        child = Path("/proc") / process.stdout.readline().decode().strip() / "status"
        assert child.exists()
        measure._end(process)
        assert process.returncode == -signal.SIGKILL
        limit = time.monotonic() + 20
        while child.exists() and "zombie" not in child.read_text():
            assert time.monotonic() < limit, "the child goes on"
            time.sleep(0.01)


def test_generated_once(tmp_path):
    """A file that an earlier call has made is taken as it is."""
    made = measure.generated(tmp_path, 0.05, 4)
    stamp = made.stat().st_mtime_ns
    assert measure.generated(tmp_path, 0.05, 4) == made
    assert made.stat().st_mtime_ns == stamp
    assert json.loads(made.with_name(made.name + ".answer.json").read_text())["seed"] == 4


def test_every_reader_has_its_script():
    """The readers of the table are there."""
    assert all((measure.HERE / "readers" / f"{reader.script}.py").is_file() for reader in measure.READERS.values())


def test_limits_of_the_function(tmp_path):
    """Time-out and memory are the ingest function's own, or those of all functions."""
    template = tmp_path / "template.yaml"
    template.write_text(
        """
Globals: {Function: {Timeout: 60, MemorySize: 512}}
Resources:
  IngestUpload:
    Properties: {FunctionName: !Sub "${AWS::StackName}-ingest", Timeout: 900, Layers: [!Ref Layer]}
"""
    )
    assert measure.function_limits(template) == (900, 512)


def test_ours_runs_with_the_settings_of_the_function():
    """Of its variables those that Arrow reads, and no bucket."""
    assert measure.function_settings() == {"ARROW_DEFAULT_MEMORY_POOL": "system"}


def test_limits_of_the_real_template():
    """The product's function has at most Lambda's 15 minutes and 10 GB."""
    seconds, memory = measure.function_limits()
    assert 0 < seconds <= 900
    assert 128 <= memory <= 10_240
