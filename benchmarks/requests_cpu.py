"""Processor time of one request, by kind, of the API process and of the processes that read uploads.

    python -m benchmarks.requests_cpu [--times 200]

Starts `lookalike up` on SQLite with a home of its own. One client sends the requests of a kind one after another, after
some that are not counted; no worker trains. The time is that of user and kernel, as /proc/PID/stat has it in hundredths
of a second: other programs change it little. The readers are the server that forks them, and its children.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx2

from benchmarks.load import PATIENCE_SECONDS, SMALL, prepare
from benchmarks.upload_memory import children
from tests.app.cli.commands import environment, started

WARMING = 20
TICK_MILLISECONDS = 1_000 / os.sysconf("SC_CLK_TCK")


def spent(pid: int) -> float:
    """Milliseconds of processor time of a process and of those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) * TICK_MILLISECONDS


def child(pid: int, word: bytes) -> int:
    """The child of a process whose command line has this word."""
    return next(each for each in children(pid) if word in Path(f"/proc/{each}/cmdline").read_bytes())


def kinds(http: httpx2.Client, release: str, job: str) -> dict[str, Callable[[], object]]:
    """A request of each kind."""
    return {
        "read of a job": lambda: http.get(f"/v1/jobs/{job}").raise_for_status(),
        "download of a released table": lambda: http.get(f"/v1/releases/{release}/data").raise_for_status(),
        "event stream up to its first event": lambda: _first_event(http, job),
        "upload of 55 kB": lambda: http.post("/v1/datasets", content=SMALL).raise_for_status(),
    }


def _first_event(http: httpx2.Client, job: str) -> None:
    with http.stream("GET", f"/v1/jobs/{job}/events") as answer:
        next(answer.iter_lines())


def measure(http: httpx2.Client, api: int, release: str, times: int) -> list[tuple[str, float, float]]:
    """For each kind, the milliseconds of one request: of the API, of the readers."""
    found = []
    job = http.get(f"/v1/releases/{release}").raise_for_status().json()["job_id"]
    http.post("/v1/datasets", content=SMALL).raise_for_status()
    readers = child(api, b"fork_server")
    for name, ask in kinds(http, release, job).items():
        for _ in range(WARMING):
            ask()
        before = spent(api), spent(readers)
        for _ in range(times):
            ask()
        # the API waits for every reader, so their times are its server's by now
        found.append((name, (spent(api) - before[0]) / times, (spent(readers) - before[1]) / times))
    return found


def main() -> None:
    """Print the lines of a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        tokens, release = prepare(home)
        variables = environment(LOOKALIKE_DEVICE="cpu")
        with started(["up", "--port", "0", "--home", home], variables) as up:
            url = up.wait_for(r"runs at (http://\S+)", timeout=180)[1]
            headers = {"Authorization": f"Bearer {tokens[0]}"}
            with httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
                found = measure(http, child(up.process.pid, b"api"), release, asked.times)
            up.stop(signal.SIGTERM)
    print("| request | API, ms | readers, ms |")
    print("|---|---|---|")
    for name, of_api, of_readers in found:
        print(f"| {name} | {of_api:.1f} | {of_readers:.1f} |")
    print(f"each {asked.times} times; load of the last minute {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
