"""The folder of an installation: of its owner's eyes alone, for real data lies in it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600


def private_folder(folder: Path) -> Path:
    """The folder, made where there is none, which nobody but its owner may enter.

    Where it is somebody else's, as volumes of containers may be, its rights stay as they are.
    """
    folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    _narrow(folder, FOLDER)
    return folder


def private_file(path: Path) -> Path:
    """The file, made empty where there is none, which nobody but its owner may read.

    SQLite gives the files that it puts beside a database the same rights.
    """
    # one that is there is not opened: to close it again would drop the locks that SQLite holds on it in this process
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE))
    _narrow(path, FILE)
    return path


def _narrow(path: Path, mode: int) -> None:
    with suppress(PermissionError):
        if path.stat().st_mode & 0o777 & ~mode:
            path.chmod(mode)
