"""Takes from a process that parses a stranger's bytes what it could do to other processes of its user.

A process that such bytes have taken over could otherwise stop or kill the service, or read its memory. The kernel
refuses it with EPERM by a filter of system calls (seccomp, see Documentation/userspace-api/seccomp_filter.rst of
Linux), which needs no privilege, holds for children too and cannot be taken back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from dataclasses import dataclass

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER = 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of a classic BPF program: from linux/bpf_common.h, for words of 32 bits and constants."""
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where `struct seccomp_data` has them; the lower half of the argument, smallest byte first."""
OTHER_ABI = 0x40000000
"""Numbers of system calls from here on are those of x32, by which all others could be called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Calls:
    """The numbers of system calls on one architecture."""

    architecture: int
    to_itself: tuple[int, ...]
    """Allowed where the first argument is the process itself: kill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo."""
    limits: int
    """prlimit64: allowed for the process itself, which 0 stands for too."""
    never: tuple[int, ...]
    """ptrace, tkill, process_vm_readv, process_vm_writev, pidfd_send_signal, pidfd_open, pidfd_getfd."""


CALLS = {
    "x86_64": _Calls(
        architecture=0xC000003E,
        to_itself=(62, 234, 129, 297),
        limits=302,
        never=(101, 200, 310, 311, 424, 434, 438),
    ),
    "aarch64": _Calls(
        architecture=0xC00000B7,
        to_itself=(129, 131, 138, 240),
        limits=261,
        never=(117, 130, 270, 271, 424, 434, 438),
    ),
}


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine() -> bool:
    """Whether this process can do nothing to any other one from now on. Its threads to come cannot either.

    Call it while the process has one thread. On other systems, other processors and kernels without filters it can.
    """
    calls = CALLS.get(platform.machine()) if sys.platform == "linux" else None
    if calls is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    instructions = _program(calls, os.getpid())
    program = _Program(len(instructions) // 8, instructions)
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def hide_memory() -> None:
    """Let no process of the same user read or write the memory of this one and its children, nor its environment."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _program(calls: _Calls, pid: int) -> bytes:
    """The filter: each block ends with an answer, or leaves the number of the system call where it was."""
    refuse, allow = _step(RETURN, REFUSE), _step(RETURN, ALLOW)
    steps = [_step(LOAD, ARCHITECTURE), _step(EQUAL, calls.architecture, yes=1), refuse]
    steps += [_step(LOAD, NUMBER), _step(AT_LEAST, OTHER_ABI, no=1), refuse]
    for call in calls.never:
        steps += [_step(EQUAL, call, no=1), refuse]
    for call, allowed in (*((call, (pid,)) for call in calls.to_itself), (calls.limits, (0, pid))):
        compared = [step for each in allowed for step in (_step(EQUAL, each, no=1), allow)]
        steps += [_step(EQUAL, call, no=len(compared) + 2), _step(LOAD, FIRST_ARGUMENT), *compared, refuse]
    return b"".join([*steps, allow])


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """`struct sock_filter`: an instruction, and how many to leave out where its test holds and where it does not."""
    return struct.pack("=HBBI", code, yes, no, value)
