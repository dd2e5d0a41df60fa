"""The resident memory of the web process while a large CSV is uploaded.

    python benchmarks/upload_memory.py [--megabytes 500] [--multipart] [--home FOLDER]

Makes a CSV, starts the service on SQLite in a process of its own, sends the file to POST /v1/datasets and watches the
process (VmRSS and VmHWM in /proc). The child that reads the table is a process of its own and is not counted; its
highest memory is printed beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2

from app.auth import create_tenant_and_key
from app.config import Settings
from app.db import connect, migrate
from app.states import Scope

WATCH_SECONDS = 0.05


def make_csv(path: Path, megabytes: int) -> None:
    """A table about people who do not exist, of this size."""
    drawn = random.Random(1)  # noqa: S311 - no secret
    cities = ["Oslo", "Bergen", "Tromso", "Bodo", "Molde"]
    lines = [
        f"{drawn.randint(18, 90)},{drawn.choice(cities)},{drawn.gauss(300, 90):.2f},{drawn.randint(0, 99999):05d},"
        f"2026-{drawn.randint(1, 12):02d}-{drawn.randint(1, 28):02d},"
        f"{'yes' if drawn.random() < 0.3 else 'no'},note {drawn.randint(0, 99)}\n"
        for _ in range(20_000)
    ]
    block = "".join(lines).encode()
    with path.open("wb") as file:
        file.write(b"age,city,income,code,seen,smoker,note\n")
        while file.tell() < megabytes * 1_000_000:
            file.write(block)


def resident(pid: int) -> dict[str, int]:
    """VmRSS and VmHWM of a process, in megabytes."""
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            fields[name] = int(value.split()[0]) * 1024 // 1_000_000
    return fields


def children(pid: int) -> list[int]:
    """The process ids of the direct children."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def watch(pid: int, stop: threading.Event, peaks: dict[str, int]) -> None:
    """Keep the highest memory of the process and of its children until told to stop."""
    while not stop.wait(WATCH_SECONDS):
        peaks["web"] = max(peaks["web"], resident(pid).get("VmRSS", 0))
        for child in children(pid):
            try:
                peaks["child"] = max(peaks["child"], resident(child).get("VmRSS", 0))
            except OSError:
                continue


def start(settings: Settings) -> tuple[subprocess.Popen[str], str]:
    """The web process and its address."""
    code = (
        "import socket, uvicorn; from app.main import create_app_from_env; "
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
        "uvicorn.Server(uvicorn.Config(create_app_from_env(), log_level='warning')).run(sockets=[s])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "LOOKALIKE_HOME": str(settings.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{int(process.stdout.readline() if process.stdout else 0)}"
    for _ in range(600):
        try:
            if httpx2.get(f"{url}/healthz", trust_env=False).is_success:
                return process, url
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise RuntimeError("expected a service that starts, got none within a minute")


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            yield chunk


def measure(home: Path, megabytes: int, *, multipart: bool) -> dict[str, object]:
    """The figures of one upload."""
    settings = Settings(home=home / "home")
    migrate(settings)
    engine = connect(settings)
    key = create_tenant_and_key(engine, "benchmark", [Scope.ADMIN])
    engine.dispose()
    file = home / "people.csv"
    make_csv(file, megabytes)
    process, url = start(settings)
    peaks, stop = {"web": 0, "child": 0}, threading.Event()
    try:
        before = resident(process.pid)["VmRSS"]
        watcher = threading.Thread(target=watch, args=(process.pid, stop, peaks))
        watcher.start()
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {key.token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=900, trust_env=False) as client:
            if multipart:
                with file.open("rb") as source:
                    answer = client.post("/v1/datasets", files={"file": ("people.csv", source)})
            else:
                answer = client.post("/v1/datasets", content=chunks(file))
        seconds = time.monotonic() - began
        stop.set()
        watcher.join()
        highest = resident(process.pid)["VmHWM"]
    finally:
        process.terminate()
        process.wait()
    if answer.status_code != 201:
        raise RuntimeError(f"expected 201, got {answer.status_code}: {answer.text}")
    return {
        "megabytes": file.stat().st_size // 1_000_000,
        "rows": answer.json()["rows"],
        "multipart": multipart,
        "seconds": round(seconds, 1),
        "web_before_mb": before,
        "web_peak_rss_mb": peaks["web"],
        "web_high_water_mb": highest,
        "child_peak_rss_mb": peaks["child"],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def main() -> int:
    """Print the figures as JSON. Gives 1 where the web process went over 300 MB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--multipart", action="store_true")
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.home) as folder:
        figures = measure(Path(folder), arguments.megabytes, multipart=arguments.multipart)
    print(json.dumps(figures, indent=2))
    return 0 if int(str(figures["web_high_water_mb"])) < 300 else 1


if __name__ == "__main__":
    sys.exit(main())
