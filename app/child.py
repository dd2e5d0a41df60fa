"""The child process of one stage: reads its task from standard input, works, and says what it does on standard output.

python -m app.child PARENT < task.json
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from app.blobs import open_blobs
from app.config import Settings
from app.errors import ServiceError, StorageFullError
from app.pipeline import stage_named
from app.scratch import own_folder
from app.stage_context import StageContext
from app.storage import is_full
from app.task import Failure, Task, say
from privacy.errors import PrivacyError
from synth.errors import SynthError

PR_SET_PDEATHSIG = 1
NICENESS = 15
"""A stage takes minutes, and takes what a service on the same machine leaves."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that happens (Linux).

    The parent says itself who it is: where it has ended before this line, whoever inherited this process is not it.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the kernel was told
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Do one stage. Gives 0, or 1 after a failure that was said on standard output."""
    die_with_parent(int(sys.argv[1]))
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the table
    for ending in (signal.SIGTERM, signal.SIGINT):  # sent to every process of a service that stops: the worker decides
        signal.signal(ending, signal.SIG_IGN)
    task = Task.from_json(sys.stdin.readline())
    settings = Settings()
    out = sys.stdout
    try:
        # libraries that print must not get between the lines the worker reads
        with contextlib.redirect_stdout(io.StringIO()), own_folder(settings, task) as folder:
            context = StageContext(task=task, settings=settings, blobs=open_blobs(settings), folder=folder, out=out)
            importlib.import_module(stage_named(task.stage).module).run(context)
    except (ServiceError, SynthError, PrivacyError) as error:
        code = error.code if isinstance(error, ServiceError) else type(error).__name__
        out.write(say(Failure(code=code, detail=str(error))) + "\n")
        return 1
    except Exception as error:  # noqa: BLE001 - the last frame: say what kind of error, never its words
        if is_full(error):
            full = "expected room for the files of the stage on the disk of the worker, got none left"
            out.write(say(Failure(code=StorageFullError.code, detail=full)) + "\n")
            return 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}"
        out.write(say(Failure(code="stage_crashed", detail=detail)) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
