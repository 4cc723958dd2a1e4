"""Memory of a process is summed over all that it has started, and the highest moment counts."""

import os
import subprocess
import sys
import time

import pytest

from ingest_benchmark import resident_memory

ROLLUP = "00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss: {rss} kB\nPss: {pss} kB\nPss_Anon: {anon} kB\n"


def process(proc, pid, children, *, rss, pss, anon):
    """Make what the kernel tells of a process."""
    task = proc / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    (task / "children").write_text(children)
    (proc / str(pid) / "smaps_rollup").write_text(ROLLUP.format(rss=rss, pss=pss, anon=anon))
    (proc / str(pid) / "statm").write_text(f"9999 {rss * 1024 // os.sysconf('SC_PAGE_SIZE')} 3 4 0 5 0\n")


def test_children_count(tmp_path):
    """Children and grandchildren are summed up; one that has just ended holds nothing."""
    process(tmp_path, 10, "11 99 ", rss=1024, pss=800, anon=700)
    process(tmp_path, 11, "12", rss=512, pss=400, anon=300)
    process(tmp_path, 12, "", rss=64, pss=40, anon=30)
    process(tmp_path, 13, "", rss=7, pss=7, anon=7)
    found = resident_memory.held(10, tmp_path)
    assert found.resident == pytest.approx(1600 * 1.024e-3)
    assert found.proportional == pytest.approx(1240 * 1.024e-3)
    assert found.anonymous == pytest.approx(1030 * 1.024e-3)
    assert resident_memory.resident(10, tmp_path) == resident_memory.Held(found.resident)


def test_highest_of_each():
    """Figures of two moments give the higher one of each."""
    earlier, later = resident_memory.Held(5, 4, 1), resident_memory.Held(3, 2, 2)
    assert earlier.highest(later) == resident_memory.Held(5, 4, 2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_real_child_is_seen():
    """A process whose child holds 64 MB is seen to hold more than 64 MB."""
    child = "kept = bytearray(b'x') * (64 << 20); print('held', flush=True); input()"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", starts], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"held\n"
        with resident_memory.Watch(parent.pid) as watch:
            limit = time.monotonic() + 10
            while not watch.peak.resident and time.monotonic() < limit:
                time.sleep(0.01)
        parent.communicate(b"\n")
    assert 64 * 1.04 < watch.peak.anonymous < 200
    assert watch.peak.resident > watch.peak.anonymous


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux has files in memory")
def test_files_in_memory_count_once():
    """What two processes share by a file that nobody has mapped is held all the same."""
    with (
        os.fdopen(os.memfd_create("shared"), "wb") as file,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(file.fileno(),)) as other,
    ):
        before = resident_memory.resident(os.getpid())
        os.pwrite(file.fileno(), b"x" * (64 << 20), 0)
        more = resident_memory.resident(os.getpid()).resident - before.resident
        other.communicate(b"")
    assert more == pytest.approx(64 * 1.048576, abs=20)
