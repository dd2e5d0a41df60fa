"""What child processes that answer one request have in common: a socket over which the request comes, and limits."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
import tempfile
from importlib import import_module
from typing import Any

from app.errors import ServiceError
from app.intake.confined import confine
from app.intake.model import IntakeLimits

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
CPU_GRACE_SECONDS = 5
FILES = 256
"""How many a child may have open."""


def answer_one(speech: socket.socket, parent: int) -> None:
    """Answer the request that comes over the socket, both in JSON, and end with the parent.

    It names the module whose `answer` gives the answer from the request and its limits, and the folder to work in.
    `answer` raises nothing: what went wrong stands in the answer.
    """
    _die_with_parent(parent)
    confine()
    with speech.makefile("rb") as sent:
        request = json.load(sent)
    limits = IntakeLimits(**request["limits"])
    _limit_resources(limits)
    _work_in(request["folder"])
    answer = import_module(request["module"]).answer  # loaded under the limits that were just set
    speech.sendall(json.dumps(answer(request, limits)).encode())


def failure_of(error: ServiceError) -> dict[str, Any]:
    """The answer that says why there is none."""
    return {"error": {"code": error.code, "detail": error.detail}}


def _die_with_parent(parent: int) -> None:
    """Asks the kernel for SIGKILL when the parent ends; it may have ended before we asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _work_in(folder: str) -> None:
    """Whatever a library writes without being asked to is in this folder, and vanishes with it."""
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": folder}
    tempfile.tempdir = None  # the folder that it has found before


def _limit_resources(limits: IntakeLimits) -> None:
    """Bounds memory, files, processor time and core dumps. RLIMIT_AS would count address space only reserved."""
    for what, most in (
        (resource.RLIMIT_DATA, limits.max_child_bytes),
        (resource.RLIMIT_FSIZE, 2 * limits.max_decompressed_bytes),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))
    # at the hard limit comes SIGKILL, which looks like too much memory; before it SIGXCPU
    resource.setrlimit(resource.RLIMIT_CPU, (limits.max_cpu_seconds, limits.max_cpu_seconds + CPU_GRACE_SECONDS))
