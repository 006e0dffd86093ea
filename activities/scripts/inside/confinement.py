"""What a process that runs scripts gives up before it reads the first one.

Limits hold everywhere. On Linux a filter in the kernel (seccomp) then answers EPERM to whatever
would reach beyond the process; it cannot be taken off again. Standard library only.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from typing import Final

from activities.errors import ActivityError

NOBODY: Final = 65_534

_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 1
_FILTER_ALL_THREADS: Final = 1
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000
_CLONE_THREAD: Final = 0x00010000

# Instructions of the filter: load a word of the call's data, compare, return.
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_ABOVE: Final = 0x35
_BITS: Final = 0x45
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0
_MACHINE_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = 16

# What is refused, by its number on each machine: opening, making, changing and removing files, and
# what mounts; sockets (a pair of them ends in this process, and V8 wants one); new processes,
# signals to others, others' memory and limits; and what programs the kernel. Reading, writing,
# memory, time and threads of its own are left.
_FILES_X86: Final = (
    *(2, 76, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 132, 133, 155, 161, 165, 166, 188),
    *(189, 190, 235, 257, 258, 259, 260, 261, 263, 264, 265, 266, 268, 280, 303, 304, 316),
)
_FILES_ARM: Final = (
    *(5, 6, 7, 33, 34, 35, 36, 37, 38, 39, 40, 41, 45, 51, 52, 53, 54, 55, 56, 88, 264, 265, 276),
)
# Since they came late, these have one number everywhere.
_FILES_ANY: Final = (428, 429, 430, 431, 432, 433, 437, 442, 452)
_SOCKETS_X86: Final = (41, 42, 49)
_SOCKETS_ARM: Final = (198, 200, 203)
_PROCESSES_X86: Final = (
    *(57, 58, 59, 62, 101, 109, 112, 129, 160, 200, 234, 272, 297, 302, 308, 310, 311, 322),
)
_PROCESSES_ARM: Final = (
    *(97, 117, 129, 130, 131, 138, 154, 157, 164, 221, 240, 261, 268, 270, 271, 281),
)
_PROCESSES_ANY: Final = (424, 434, 438)
_KERNEL_X86: Final = (164, 169, 175, 176, 227, 246, 248, 249, 250, 298, 313, 320, 321, 323)
_KERNEL_ARM: Final = (104, 105, 106, 112, 142, 170, 217, 218, 219, 241, 273, 280, 282, 294)
_KERNEL_ANY: Final = (425, 426, 427)
_ANY: Final = (*_FILES_ANY, *_PROCESSES_ANY, *_KERNEL_ANY)

_MACHINES: Final = {
    # Its name for the kernel, the calls `seccomp` and `clone`, and what is refused.
    "x86_64": (
        0xC000003E,
        317,
        56,
        (*_FILES_X86, *_SOCKETS_X86, *_PROCESSES_X86, *_KERNEL_X86, *_ANY),
    ),
    "aarch64": (
        0xC00000B7,
        277,
        220,
        (*_FILES_ARM, *_SOCKETS_ARM, *_PROCESSES_ARM, *_KERNEL_ARM, *_ANY),
    ),
}
_CLONE3: Final = 435
_FIRST_OF_ANOTHER_KIND: Final = 0x40000000
"""Numbers from here on are calls of 32 bit programs, which the list does not know."""


class Unconfined(ActivityError):
    """The process could not be confined, and must run nothing."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def limit(kind: int, most: int) -> None:
    """Lower a limit of this process; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (least, least))


def become_nobody() -> None:
    """Give up being root, where one is."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


class Confinement:
    """Shuts a process off, with all its threads. Prepared once, as a fork has no time for it.

    Raises Unconfined where no filter is known; elsewhere than on Linux there is none.
    """

    def __init__(self) -> None:
        self._code: bytes | None = None
        if sys.platform == "linux":
            known = _MACHINES.get(platform.machine())
            if known is None:
                raise Unconfined(f"no filter of system calls is known for {platform.machine()}")
            machine, self._seccomp, clone, refused = known
            self._code = b"".join(_filter(machine, clone, refused))
            self._libc = ctypes.CDLL(None, use_errno=True)

    def begin(self) -> None:
        """Give up what can be given up. Raises Unconfined."""
        limit(resource.RLIMIT_CORE, 0)
        limit(resource.RLIMIT_FSIZE, 0)
        become_nobody()
        if self._code is None:
            return
        program = _Program(len(self._code) // 8, self._code)
        call = (self._seccomp, _SECCOMP_MODE_FILTER, _FILTER_ALL_THREADS, ctypes.byref(program))
        if self._libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or self._libc.syscall(*call):
            raise Unconfined(f"no filter of system calls: {os.strerror(ctypes.get_errno())}")


def _filter(machine: int, clone: int, refused: Iterable[int]) -> Iterable[bytes]:
    refuse = _one(_RETURN, _ERRNO | errno.EPERM)
    yield _one(_LOAD, _MACHINE_AT)
    yield _one(_EQUAL, machine, yes=1)
    yield _one(_RETURN, _KILL)
    yield _one(_LOAD, _NUMBER_AT)
    yield _one(_ABOVE, _FIRST_OF_ANOTHER_KIND, no=1)
    yield refuse
    # Its flags are in memory, where a filter cannot look; the C library falls back to `clone`.
    yield _one(_EQUAL, _CLONE3, no=1)
    yield _one(_RETURN, _ERRNO | errno.ENOSYS)
    for call in refused:
        yield _one(_EQUAL, call, no=1)
        yield refuse
    yield _one(_EQUAL, clone, no=3)
    yield _one(_LOAD, _FIRST_ARGUMENT_AT)
    yield _one(_BITS, _CLONE_THREAD, yes=1)
    yield refuse
    yield _one(_RETURN, _ALLOW)


def _one(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)
