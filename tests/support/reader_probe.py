"""What a reader that is asked about itself answers. Runs in the processes that `app.intake.readers` makes."""

from __future__ import annotations

import builtins
import ctypes
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.intake.confined import PR_SET_DUMPABLE
from app.intake.model import IntakeLimits

MARK = "mark_of_a_request"


def answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:
    """What was asked for: all that this process has, or an end of its own."""
    if "signal" in request:
        os.kill(os.getpid(), signal.Signals[request["signal"]])
    if "to_parent" in request:
        return {"done": {"refused": [_refused(*each) for each in _attacks(signal.Signals[request["to_parent"]])]}}
    if "seconds_of_sleep" in request and not Path("begun").exists():
        Path("begun").write_text(str(os.getpid()))
        time.sleep(request["seconds_of_sleep"])
    found = getattr(builtins, MARK, None)
    setattr(builtins, MARK, request.get("mark"))
    return {
        "done": {
            "mark": found,
            "pid": os.getpid(),
            "parent": os.getppid(),
            "files": _open_files(),
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "temporary": tempfile.gettempdir(),
            "niceness": os.nice(0),
            "memory": resource.getrlimit(resource.RLIMIT_DATA)[0],
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "most_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "status": Path("/proc/self/status").read_text(),
            "threads_of_parent": len(list(Path(f"/proc/{os.getppid()}/task").iterdir())),
            "parent_says": _environment_of(os.getppid()),
        }
    }


def _attacks(number: signal.Signals) -> list[tuple[Callable[..., object], *tuple[object, ...]]]:
    """What a process could do to another one of its user."""
    server = os.getppid()
    return [
        (os.kill, server, number),
        (os.pidfd_open, server),
        (resource.prlimit, server, resource.RLIMIT_CPU, (0, 0)),
    ]


def _refused(act: Callable[..., object], *arguments: object) -> bool:
    try:
        act(*arguments)
    except PermissionError:
        return True
    return False


def _environment_of(pid: int) -> str:
    """Empty where only root may read it."""
    try:
        return Path(f"/proc/{pid}/environ").read_text()
    except PermissionError:
        return ""


def _open_files() -> list[str]:
    """Their targets, without the folder that is open while they are listed."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else only root may list them
    listing = Path(f"/proc/{os.getpid()}/fd")
    targets = [str(each.readlink()) for each in listing.iterdir() if each.is_symlink()]
    return [target for target in targets if target != str(listing)]
