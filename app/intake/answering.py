"""What child processes have in common that answer one request: JSON on stdin, JSON on stdout, under limits."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from app.intake.model import IntakeLimits

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
CPU_GRACE_SECONDS = 5

Answering = Callable[[dict[str, Any], IntakeLimits], dict[str, Any]]
"""From a request and its limits to the answer. It raises nothing: what went wrong stands in the answer."""


def answer_one(answer: Answering) -> None:
    """Answer the request on stdin. It names its limits and the process that waits, with which this one ends."""
    request = json.load(sys.stdin)
    limits = IntakeLimits(**request["limits"])
    _die_with_parent(request["parent"])
    _limit_resources(limits)
    reply_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not end up in the answer
    with os.fdopen(reply_to, "w", encoding="utf-8") as reply:
        json.dump(answer(request, limits), reply)


def _die_with_parent(parent: int) -> None:
    """Asks the kernel for SIGKILL when the thread that started us ends; it may have ended before we asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _limit_resources(limits: IntakeLimits) -> None:
    """Bounds memory, files, processor time and core dumps. RLIMIT_AS would count address space only reserved."""
    for what, most in (
        (resource.RLIMIT_DATA, limits.max_child_bytes),
        (resource.RLIMIT_FSIZE, 2 * limits.max_decompressed_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))
    # at the hard limit comes SIGKILL, which looks like too much memory; before it SIGXCPU
    resource.setrlimit(resource.RLIMIT_CPU, (limits.max_cpu_seconds, limits.max_cpu_seconds + CPU_GRACE_SECONDS))
