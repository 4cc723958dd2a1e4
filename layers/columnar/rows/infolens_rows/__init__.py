"""Compiled code for what ingest does with every byte: see split.cc, clean.cc, sketch.cc and near.cc (ADR 0026).

It is built into this folder by layers/columnar/Makefile, for Linux on x86_64 and arm64. Addresses are those of arrays
in one piece, whose owner holds them meanwhile.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

WIDTH = 32
"""Bytes that are written at a time, so that as much room is needed behind the texts of `clean_rows`."""

_ADDRESS = ctypes.c_void_p
_NUMBER = ctypes.c_int64


class Marks(ctypes.Structure):
    """See split.cc."""

    _fields_ = (
        ("delimiters", _ADDRESS),
        ("ends", _ADDRESS),
        ("last_lines", _ADDRESS),
        ("doubled", _ADDRESS),
        ("room", _NUMBER),
        ("doubled_room", _NUMBER),
        ("delimiter_count", _NUMBER),
        ("end_count", _NUMBER),
        ("doubled_count", _NUMBER),
        ("feed_count", _NUMBER),
        ("regular", _NUMBER),
    )


class Characters(ctypes.Structure):
    """See clean.cc."""

    _fields_ = (("kinds", _ADDRESS), ("keys", _ADDRESS))


class Column(ctypes.Structure):
    """See clean.cc."""

    _fields_ = (
        ("data", _ADDRESS),
        ("apart", _ADDRESS),
        ("begins", _ADDRESS),
        ("ends", _ADDRESS),
        ("doubled", ctypes.c_int32),
    )


class Cleaned(ctypes.Structure):
    """See clean.cc."""

    _fields_ = (
        ("texts", _ADDRESS),
        ("text_ends", _ADDRESS),
        ("keys", _ADDRESS),
        ("key_ends", _ADDRESS),
        ("odd", _ADDRESS),
    )


_library = ctypes.CDLL(str(Path(__file__).with_name("libinfolens_rows.so")))

bad_place = _library.infolens_bad_place
bad_place.restype = _NUMBER
bad_place.argtypes = (_ADDRESS, _NUMBER, _NUMBER)

marks = _library.infolens_marks
marks.restype = ctypes.c_int32
marks.argtypes = (_ADDRESS, _NUMBER, ctypes.c_uint8, ctypes.POINTER(Marks))

clean_rows = _library.infolens_clean_rows
clean_rows.restype = _NUMBER
clean_rows.argtypes = (
    ctypes.POINTER(Characters),
    ctypes.POINTER(Column),
    ctypes.c_int32,
    *[_NUMBER] * 4,
    ctypes.POINTER(Cleaned),
    ctypes.POINTER(ctypes.c_int32),
)

sketches = _library.infolens_sketches
sketches.restype = None
sketches.argtypes = (_ADDRESS, _ADDRESS, _NUMBER, _ADDRESS)

text_lengths = _library.infolens_text_lengths
text_lengths.restype = None
text_lengths.argtypes = (_ADDRESS, _ADDRESS, _NUMBER, _ADDRESS)

near_rows = _library.infolens_near_rows
near_rows.restype = ctypes.c_int32
near_rows.argtypes = (_ADDRESS, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_int32, _ADDRESS)
