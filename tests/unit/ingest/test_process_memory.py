"""Unit tests of `infolens.ingest.process_memory`."""

from __future__ import annotations

import multiprocessing

import pyarrow as pa

from infolens.ingest.process_memory import give_back_holes, hold_little


def used_pool(line):
    """Say in which pool Arrow takes memory afterwards."""
    hold_little()
    hold_little()
    line.send((pa.default_memory_pool().backend_name, pa.array([1, 2]).to_pylist()))


def told_by(work):
    """What `work` sends from a process of its own."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there,))
    process.start()
    assert here.poll(20)
    told = here.recv()
    process.join(20)
    assert process.exitcode == 0
    return told


def test_arrow_shares_the_heap():
    """In a process of its own, as it is used; asking twice changes nothing."""
    assert told_by(used_pool) == ("system", [1, 2])


def resident_with_holes(line):
    """Say what is resident while a last block keeps the heap from shrinking, before and after giving holes back."""
    hold_little()
    blocks = [bytes(16 << 10) for _ in range(4000)]
    kept = blocks[-1]
    del blocks
    before = resident()
    give_back_holes()
    line.send((before, resident()))
    del kept


def resident():
    """Bytes of this process's own memory that are resident."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path is built while memory is counted
        return int(file.read().split()[1]) * 4096


def test_holes_go_back():
    """Of 64 MB that are free below a block in use, most goes back to the system."""
    before, after = told_by(resident_with_holes)
    assert before - after > 40e6
