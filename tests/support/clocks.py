"""The wall clock of processes that are started, which can be put forward and back while they run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
BYTES = 8


@contextmanager
def jumping_clock(folder: Path) -> Iterator[Callable[[int], None]]:
    """Puts the clock of all processes that this one starts meanwhile so many seconds before or behind the machine's.

    Needs a C compiler: the kernel has one wall clock for all, so the C library is made to tell another time.
    """
    library, offset = folder / "clock.so", folder / "offset"
    compiler = shutil.which("cc") or "cc"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    offset.write_bytes(bytes(BYTES))
    before = dict(os.environ)
    os.environ.update(LD_PRELOAD=str(library), CLOCK_OFFSET_FILE=str(offset))
    try:
        with offset.open("r+b", buffering=0) as file:
            yield lambda seconds: _put(file.fileno(), seconds)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _put(file: int, seconds: int) -> None:
    os.pwrite(file, seconds.to_bytes(BYTES, "little", signed=True), 0)
