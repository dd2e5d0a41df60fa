"""`python -m app.intake.child`: reads one request from stdin, ingests, answers on stdout; both are JSON.

Started by `app.intake.run`. It dies with the thread that started it and limits what it may take of the machine.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from app.intake.errors import IntakeError, IntakeFailedError, TooMuchMemoryError
from app.intake.model import IntakeLimits, ReadOptions

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
CPU_GRACE_SECONDS = 5


def main() -> None:
    """Answers one request and ends with status 0 whether the table was read or refused."""
    request = json.load(sys.stdin)
    limits = IntakeLimits(**request["limits"])
    die_with_parent(request["parent"])
    limit_resources(limits)
    reply_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not end up in the answer
    with os.fdopen(reply_to, "w", encoding="utf-8") as reply:
        json.dump(_answer(request, limits), reply)


def _answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:
    try:
        from app.intake.read import ingest  # noqa: PLC0415 - loaded under the limits that were just set

        intake = ingest(
            Path(request["source"]),
            Path(request["out"]),
            filename=request["filename"],
            limits=limits,
            options=ReadOptions(**request["options"]),
            key=None if request["key"] is None else bytes.fromhex(request["key"]),
        )
    except IntakeError as error:
        return _failure(error)
    except MemoryError:
        return _failure(TooMuchMemoryError("expected a table that can be read in the memory set aside for it"))
    except Exception as error:  # noqa: BLE001 - its text may quote the table, so only its kind may leave
        return _failure(IntakeFailedError(f"reading the table failed ({type(error).__name__})"))
    return {"intake": intake.to_json()}


def _failure(error: IntakeError) -> dict[str, Any]:
    return {"error": {"code": error.code, "detail": error.detail}}


def die_with_parent(parent: int) -> None:
    """Asks the kernel for SIGKILL when the thread that started us ends; it may have ended before we asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def limit_resources(limits: IntakeLimits) -> None:
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


if __name__ == "__main__":
    main()
