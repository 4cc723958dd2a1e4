"""Unit tests of `infolens.ingest.process_memory`."""

from __future__ import annotations

import multiprocessing

import pyarrow as pa

from infolens.ingest.process_memory import hold_little


def used_pool(line):
    """Say in which pool Arrow takes memory afterwards."""
    hold_little()
    hold_little()
    line.send((pa.default_memory_pool().backend_name, pa.array([1, 2]).to_pylist()))


def test_arrow_shares_the_heap():
    """In a process of its own, as it is used; asking twice changes nothing."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=used_pool, args=(there,))
    process.start()
    assert here.poll(20)
    assert here.recv() == ("system", [1, 2])
    process.join(20)
    assert process.exitcode == 0
