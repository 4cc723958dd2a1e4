"""`make task NAME=x` stamps a folder that holds the contract, lints clean, and a stanza like the others."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "infra" / "scaffold" / "new_task.py"

_spec = importlib.util.spec_from_file_location("new_task", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
new_task = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(new_task)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of what the scaffold reads and writes."""
    for name in ("layers/platform/infolens", "tests/contract"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "template.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_new_task(checkout):
    """The command ends with 0, says what is left to do, and what it wrote passes the linter and the formatter."""
    command = [sys.executable, str(SCRIPT), "hotel_mood", "--root", str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"\b1 passed", done.stdout)
    assert " passed" in done.stdout
    assert "  - `gates.py`: a floor with its source" in done.stdout
    folder = checkout / "layers/platform/infolens/tasks/hotel_mood"
    written = [str(folder), str(checkout / "tests/unit/tasks/hotel_mood")]
    for check in (["check", "-q"], ["format", "--check", "-q"]):
        command = [sys.executable, "-m", "ruff", *check, *written]
        ruff = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        assert ruff.returncode == 0, ruff.stdout
    template = (checkout / "template.yaml").read_text()
    assert template.count("  PredictHotelMood:\n") == 1
    assert "bundles/hotel_mood/*" in template
    assert 'predict-hotel_mood"' in template
    assert "  PredictHotelMoodLogs:" in template
    assert "  PredictHotelMoodLines:" in template
    assert template.count("!Ref PredictHotelMoodLogs") == 2
    assert template.count("PredictNewsCategory") == (ROOT / "template.yaml").read_text().count("PredictNewsCategory")


@pytest.mark.parametrize("name", ["", "Toxicity", "9lives", "a", "with-dash", "x" * 31, "../up"])
def test_a_name_that_will_not_do(checkout, name):
    """A name that no package, function and prefix can share is refused with the rule; nothing is written."""
    before = sorted(checkout.rglob("*"))
    with pytest.raises(new_task.ScaffoldError, match="lower-case"):
        new_task.check_name(name, checkout)
    assert sorted(checkout.rglob("*")) == before


@pytest.mark.parametrize("name", ["news_category", "evaluation"])
def test_a_name_that_is_taken(checkout, name):
    """A task, or a module beside the tasks, is not written over."""
    with pytest.raises(new_task.ScaffoldError, match="already"):
        new_task.check_name(name, checkout)


def test_a_template_without_the_stanza():
    """Where the stanza to copy is gone, the scaffold says so instead of leaving half a task."""
    with pytest.raises(new_task.ScaffoldError, match="PredictNewsCategory"):
        new_task.with_stanza("Resources:\n", "hotel_mood")
