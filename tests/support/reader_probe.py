"""What a reader that is asked about itself answers. Runs in the processes that `app.intake.readers` makes."""

from __future__ import annotations

import builtins
import os
import resource
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from app.intake.model import IntakeLimits

MARK = "mark_of_a_request"


def answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:
    """What was asked for: all that this process has, or an end of its own."""
    if "signal" in request:
        os.kill(os.getpid(), signal.Signals[request["signal"]])
    if "seconds_of_sleep" in request:
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
            "threads_of_parent": len(list(Path(f"/proc/{os.getppid()}/task").iterdir())),
            "parent_says": Path(f"/proc/{os.getppid()}/environ").read_text(),
        }
    }


def _open_files() -> list[str]:
    """Their targets, without the folder that is open while they are listed."""
    listing = Path(f"/proc/{os.getpid()}/fd")
    targets = [str(each.readlink()) for each in listing.iterdir() if each.is_symlink()]
    return [target for target in targets if target != str(listing)]
