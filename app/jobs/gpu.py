"""How full the GPU is on which a worker's trainings run, as the driver's own program tells."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

PROGRAM = "nvidia-smi"
SECONDS = 10.0
NAMED = re.compile(r"[0-9]+|GPU-[0-9a-f-]+")
"""What CUDA_VISIBLE_DEVICES calls a whole GPU. Of parts of one (MIG) the program tells no memory."""
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuMemory:
    """Memory of a GPU, in bytes: what all its processes use together, and what it has."""

    used: int
    total: int


def gpu_memory() -> GpuMemory | None:
    """The memory of the first GPU that this process may use, or None where there is none or its driver does not say."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0].strip()
    if NAMED.fullmatch(first) is None:
        return None
    query = [PROGRAM, "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits", f"--id={first}"]
    try:
        done = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=True, text=True
        )
        used, total = done.stdout.split(",")
        return GpuMemory(used=int(used) * MIB, total=int(total) * MIB)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
