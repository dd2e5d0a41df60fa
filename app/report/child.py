"""`python -m app.report.child`: reads a request and a report from stdin, writes the file that was asked for.

Started by `app.report.run`. It dies with the process that started it, and limits what it may take of the machine.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

from app.report.audience import FAILED, NO_REPORT, Audience, Kind

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
MOST_BYTES, CPU_SECONDS = 3 << 30, 120


def main() -> int:
    """Answer one request. What goes wrong is told by the exit status alone: words could quote the report."""
    request = json.loads(sys.stdin.buffer.readline())
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != request["parent"]:
        return FAILED
    for what, most in (
        (resource.RLIMIT_DATA, MOST_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not end up in the file
    from pydantic import ValidationError  # noqa: PLC0415 - all this is loaded under the limits that were just set

    from app.report.rendition import rendition  # noqa: PLC0415
    from app.report.share import ShareError  # noqa: PLC0415

    try:
        made = rendition(sys.stdin.buffer.read(), Audience(request["audience"]), Kind(request["kind"]))
    except (ShareError, ValidationError, KeyError):
        return NO_REPORT
    except Exception:  # noqa: BLE001 - its text may quote the report, so only that it failed may leave
        return FAILED
    with out:
        out.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
