"""Unit tests of `infolens.ingest.worker_processes`."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal

import pytest

from infolens.ingest.worker_processes import Crew, WorkerDiedError


def work(head, bodies):
    """Do what is asked, and say by whom it was done."""
    if head == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if head == "fail":
        raise ValueError("no such work")
    if head == "odd":
        raise UnicodeDecodeError("utf-8", b"x", 0, 1, "an error of five arguments")
    return (head, os.getpid()), [body.read()[::-1] for body in bodies]


def all_of(crew, count):
    """Wait for so many outcomes."""
    done = []
    while len(done) < count:
        done += crew.finished()
    return done


def test_work_is_done_by_other_processes():
    """Two pieces at the same time, each with bytes in and out, larger than any buffer between processes."""
    large = bytes(range(256)) * 40_000
    with Crew(work, 2) as crew:
        crew.begin("a", 1, large)
        crew.begin("b", 2, b"", memoryview(b"xyz"))
        assert not crew.idle
        done = {about: (head, bodies) for about, head, bodies in all_of(crew, 2)}
        assert crew.idle
    assert done["a"][1] == [large[::-1]]
    assert done["b"][1] == [b"", b"zyx"]
    assert (done["a"][0][0], done["b"][0][0]) == (1, 2)
    assert len({os.getpid(), *(head[1] for head, _ in done.values())}) == 3
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("shared", [0, 64, 100, 1 << 12])
def test_bytes_are_the_same_by_file_and_by_socket(shared):
    """Whether all, some or none of them have room; in one piece or several, time and again."""
    with Crew(work, 2, shared) as crew:
        for size in (0, 1, 30, 64, 90, 5000):
            one, other = bytes(range(size % 256)) * 3, b"y" * size
            crew.begin("a", 1, [one[:7], memoryview(one)[7:]], other, by=0)
            crew.begin("b", 2, other, [], by=1)
            done = {about: bodies for about, _, bodies in all_of(crew, 2)}
            assert done == {"a": [one[::-1], other], "b": [other, b""]}


def test_processes_are_used_again():
    """One process does one piece after the other."""
    with Crew(work, 1) as crew:
        pids = set()
        for number in range(5):
            crew.begin(number, number)
            ((about, head, _),) = all_of(crew, 1)
            assert about == head[0] == number
            pids.add(head[1])
    assert len(pids) == 1


@pytest.mark.parametrize(
    ("asked", "error", "text"),
    [
        ("die", WorkerDiedError, "worked at it ended with code -9"),
        ("fail", ValueError, "no such"),
        ("odd", UnicodeDecodeError, "five"),
    ],
)
def test_death_and_faults_reach_the_parent(asked, error, text):
    """Nobody waits for ever, and no process is left."""

    def ask():
        with Crew(work, 2) as crew:
            crew.begin("it", asked)
            all_of(crew, 1)

    with pytest.raises(error, match=text):
        ask()
    assert not multiprocessing.active_children()


def test_end_of_the_block_ends_work_under_way():
    """A parent that has enough does not wait for what is still being done."""
    with Crew(lambda *_: signal.pause(), 2) as crew:
        crew.begin("it", 0)
    assert not multiprocessing.active_children()


def refuse(*_):
    """Stand for a file in memory when there is none left."""
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


@pytest.mark.parametrize(("write", "why"), [(refuse, "allocate memory"), (lambda *_: 4, "there was room for 4")])
def test_bytes_that_find_no_room_fail(monkeypatch, write, why):
    """Memory that runs out in the middle of a section is an error here, never a shorter section there."""
    monkeypatch.setattr(os, "pwritev", write)
    with Crew(work, 1, 64) as crew, pytest.raises(MemoryError, match=f"5 bytes for another process: .*{why}"):
        crew.begin("it", 0, b"12345")
