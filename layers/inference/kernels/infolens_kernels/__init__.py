"""The library of kernels that onnxruntime gets for the operators of the domain "infolens" (operators.cc, ADR 0025).

It is built into this folder by layers/inference/Makefile, for Linux on x86_64 alone.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

LIBRARY = Path(__file__).with_name("libinfolens_kernels.so")


def in_use() -> str:
    """Name the kernels that this processor gets: "amx", "vnni", "avx2", or "none" where onnxruntime's own serve.

    The environment variable INFOLENS_KERNELS names the best that may be used; it is read once in a process.
    """
    library = ctypes.CDLL(str(LIBRARY))
    library.infolens_kernels.restype = ctypes.c_char_p
    name: bytes = library.infolens_kernels()
    return name.decode()
