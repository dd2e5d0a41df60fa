"""File systems of their own, so small that they can be filled. Only root may mount one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoMountError(Exception):
    """Mounting a file system is not allowed here."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """The folder with a file system of 16 MiB. Raises NoMountError."""
    folder.mkdir()
    mounted = subprocess.run(
        [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        raise NoMountError
    try:
        yield folder
    finally:
        subprocess.run([shutil.which("umount") or "umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not one byte more can be written while the block runs."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            for size in (1024 * 1024, 4096, 1):
                try:
                    while True:
                        file.write(b"0" * size)
                except OSError:
                    continue
            yield
        finally:
            filler.unlink()
