"""Runs a command as on a processor without AMX.

    python without_amx.py COMMAND [ARGUMENT ...]

Linux gives a process the tiles of AMX only when it asks for them, by arch_prctl(ARCH_REQ_XCOMP_PERM). A seccomp filter
answers that one call with "not permitted", for the command and all that it starts, and a library that checks, as
onnxruntime, oneDNN and OpenVINO do, then takes AVX512-VNNI. Most of Lambda's processors have no AMX.

Standard library alone: it runs before every engine, in whatever environment. See the kernel's
Documentation/arch/x86/xstate.rst and Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

ARCH_X86_64 = 0xC000003E
ARCH_PRCTL = 158
ARCH_REQ_XCOMP_PERM = 0x1023
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ERROR, _ALLOW = 0x00050000, 0x7FFF0000
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
"""Offsets in `struct seccomp_data`."""


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_amx() -> None:
    """Let this process and its children ask in vain for AMX, for good.

    Raises:
        OSError: the kernel takes no filter, or this is not Linux on x86-64.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise OSError(errno.ENOSYS, "AMX can be hidden on Linux on x86-64 alone")
    steps = (
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_IF_EQUAL, 0, 5, ARCH_X86_64),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_IF_EQUAL, 0, 3, ARCH_PRCTL),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_JUMP_IF_EQUAL, 0, 1, ARCH_REQ_XCOMP_PERM),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    )
    packed = b"".join(struct.pack("HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(packed, len(packed))
    program = _Program(len(steps), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*call):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def main() -> None:
    """Become the command."""
    forbid_amx()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the benchmark's own worker


if __name__ == "__main__":
    main()
