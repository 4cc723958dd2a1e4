"""The fuzz target of `make nightly` finds nothing in a short run: any bytes are read to their end, or refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TARGET = Path(__file__).resolve().parents[1] / "fuzz" / "fuzz_csv_reading.py"


def test_short_run(tmp_path):
    """Four thousand inputs raise nothing, lose no line, and read the same in blocks and sections of any size."""
    pytest.importorskip("atheris", reason="atheris has wheels for Linux only")
    command = [sys.executable, str(TARGET), "--runs", "4000"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 4000 runs" in done.stderr
