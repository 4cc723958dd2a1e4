"""Makes a process that reads sections give memory back, and take the same pages again for the next section."""

from __future__ import annotations

import ctypes
import functools

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of `mallopt(3)`, as in glibc's malloc.h."""

_KEPT_FREE = 16 << 20
_OWN_MAPPING_FROM = 4 << 20
"""What is as large goes back as soon as it is free; what is smaller finds pages that have been touched before."""


@functools.cache
def hold_little() -> None:
    """Let Arrow share the heap of all else, which is kept small; once per process. Without glibc only the former."""
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in (
        (_ARENA_MAX, 1),
        (_MMAP_THRESHOLD, _OWN_MAPPING_FROM),
        (_TRIM_THRESHOLD, _KEPT_FREE),
    ):
        mallopt(option, value)


def give_back_holes() -> None:
    """Give free pages back that lie between blocks in use, which the heap keeps else; without glibc nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
