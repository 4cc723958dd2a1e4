"""The list of gaps stays true to the tests that pin it."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def named_in_the_list():
    """Return the tests that GAPS.md names."""
    rows = (CHECKOUT / "infra" / "localstack" / "GAPS.md").read_text("utf-8").splitlines()
    return [re.findall(r"`(test_\w+)`", row) for row in rows if row.startswith("|") and "**" not in row][2:]


def defined_in(*modules):
    """Return the tests that modules of the embedded cloud's tests define."""
    folder = CHECKOUT / "tests" / "e2e" / "cloud"
    text = "\n".join(path.read_text("utf-8") for name in modules for path in folder.glob(name))
    return set(re.findall(r"^def (test_\w+)", text, flags=re.MULTILINE))


def test_every_row_names_a_test_that_exists():
    """No row of GAPS.md is without a test, and none names one that is gone."""
    rows = named_in_the_list()
    assert len(rows) > 20
    assert [row for row in rows if len(row) != 1] == []
    assert {name for row in rows for name in row} <= defined_in("test_*.py")


def test_every_pinning_test_has_its_row():
    """Each test of test_cloud_gaps.py is named in GAPS.md."""
    assert defined_in("test_cloud_gaps.py") <= {name for row in named_in_the_list() for name in row}
