"""Unit tests of `infolens.usecases.overlapped_writes`."""

from __future__ import annotations

import threading

import pytest

from infolens.usecases.overlapped_writes import OverlappedWrites


def test_one_at_a_time_is_done_at_its_place():
    """With one thread a write is through, or has failed, before the next line."""
    done: list[int] = []
    with OverlappedWrites(1) as writes:
        writes.do(lambda: done.append(1))
        assert done == [1]
        with pytest.raises(ZeroDivisionError):
            writes.do(lambda: [1 / 0][0] and None)


def test_writes_overlap():
    """The second begins while the first waits; at the end of the block both are through."""
    second = threading.Event()
    done: list[str] = []
    with OverlappedWrites(2) as writes:
        writes.do(lambda: done.append("first" if second.wait(10) else "waited in vain"))
        writes.do(second.set)
    assert done == ["first"]


def test_no_more_are_held_than_threads():
    """What waits to be written takes memory: the third write waits until the first is through."""
    let_go = threading.Event()
    running: list[int] = []
    with OverlappedWrites(2) as writes:
        for number in range(2):
            writes.do(lambda number=number: running.append(number) if let_go.wait(10) else None)
        threading.Timer(0.05, let_go.set).start()
        writes.do(lambda: running.append(2))
        assert 0 in running


def test_a_failed_write_is_an_error_of_the_block():
    """At the latest at its end; an error of the block itself is the one that is raised."""

    def fail() -> None:
        raise OSError("the store is gone")

    with pytest.raises(OSError, match="the store is gone"), OverlappedWrites(2) as writes:
        writes.do(fail)

    def both() -> None:
        with OverlappedWrites(2) as writes:
            writes.do(fail)
            raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"):
        both()
