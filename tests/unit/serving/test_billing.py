"""An answer's bill: Lambda's rounding, the init phase once, and snapshots apart."""

import os
import time

import pytest

from infolens.serving.billing import ON_DEMAND, PROVISIONED, SNAP_START, Bill, bill, process_milliseconds


@pytest.mark.parametrize(
    ("milliseconds", "gb_seconds"),
    [(250.0, 0.25), (250.1, 0.251), (249.0001, 0.25), (0.0, 0.0)],
)
def test_warm_answer(milliseconds, gb_seconds):
    """Begun milliseconds count whole; at 1024 MB a second is a GB-second."""
    made = bill(milliseconds, 1024, cold=False, init_milliseconds=900.0, initialization=ON_DEMAND)
    assert made == Bill(1.0, pytest.approx(gb_seconds), 0.0, restored=False)


@pytest.mark.parametrize("initialization", [ON_DEMAND, PROVISIONED])
def test_first_answer(initialization):
    """The init phase is billed with the first answer: (14 + 901) ms at 1792 MB are 0.915 s x 1.75 GB."""
    made = bill(13.2, 1792, cold=True, init_milliseconds=900.4, initialization=initialization)
    assert made == Bill(1.75, pytest.approx(1.60125), 900.4, restored=False)


def test_first_answer_after_a_restore():
    """A snapshot's init ran when its version was published; its restore is counted instead."""
    made = bill(14.0, 1024, cold=True, init_milliseconds=900.0, initialization=SNAP_START)
    assert made == Bill(1.0, pytest.approx(0.014), 0.0, restored=True)


def test_second_answer_after_a_restore():
    """One restore for each environment, not for each answer."""
    made = bill(14.0, 1024, cold=False, init_milliseconds=900.0, initialization=SNAP_START)
    assert made == Bill(1.0, pytest.approx(0.014), 0.0, restored=False)


def test_age_of_the_process(tmp_path):
    """From the start time that the kernel tells, whatever the program is called."""
    began = int((time.clock_gettime(time.CLOCK_BOOTTIME) - 5) * os.sysconf("SC_CLK_TCK"))
    stat = tmp_path / "stat"
    stat.write_text(f"7 (a (strange) name) S {' '.join('0' for _ in range(18))} {began} 0 0")
    assert 4_900 < process_milliseconds(stat) < 60_000


@pytest.mark.parametrize("content", ["", "7 (python) S 0", "no stat at all"])
def test_unknown_age(tmp_path, content):
    """What cannot be read is no time, and no error."""
    (tmp_path / "stat").write_text(content)
    assert process_milliseconds(tmp_path / "stat") == 0.0
    assert process_milliseconds(tmp_path / "missing") == 0.0
