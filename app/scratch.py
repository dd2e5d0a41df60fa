"""The scratch space of attempts and uploads: a folder each, locked while its process lives, swept when it is dead."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import Settings
from app.home import private_folder
from app.task import Task

UPLOAD = "upload-"
"""How the folder of an upload is called."""


def attempts_folder(settings: Settings) -> Path:
    """Where every attempt has its folder."""
    return settings.scratch / "attempts"


def claim(parent: Path, prefix: str) -> tuple[Path, int]:
    """An empty folder that is this process's, and the descriptor whose lock says so for as long as it lives."""
    private_folder(parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # a sweep came between making and opening it
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():  # else a sweep came between opening and locking it
            return folder, descriptor
        os.close(descriptor)


def give_back(folder: Path, descriptor: int) -> None:
    """Delete a folder that was claimed."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(descriptor)


@contextmanager
def own_folder(settings: Settings, task: Task) -> Iterator[Path]:
    """An empty folder for this process and this attempt alone, deleted when the block ends."""
    folder, descriptor = claim(attempts_folder(settings), _prefix(task))
    try:
        yield folder
    finally:
        give_back(folder, descriptor)


def discard_attempt(settings: Settings, task: Task) -> None:
    """Delete what a killed process has left of its attempt."""
    for folder in attempts_folder(settings).glob(f"{_prefix(task)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def sweep(settings: Settings) -> int:
    """How many folders of attempts and uploads were deleted because their process is dead, whoever started it."""
    folders = [*attempts_folder(settings).glob("*"), *settings.scratch.glob(f"{UPLOAD}*")]
    return sum(_discard_if_dead(folder) for folder in folders)


def _discard_if_dead(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _prefix(task: Task) -> str:
    """What no other attempt has, not at another shard of the same table either."""
    attempt = task.prefix.rpartition("/")[2] if task.shard else task.attempt
    return f"{task.job_id}-{attempt}-"
