"""Many clients at once on a real service, with trainings, silent connections and hostile uploads beside them.

    python -m benchmarks.load [--clients 200] [--seconds 60] [--silent 300] [--hostile 2] [--trainings 2] [--think 1.0]

Starts `lookalike up` on SQLite with a home of its own. Of ten clients six read, two upload 55 kB, one downloads a
released table and one follows the events of a training; each pauses for up to twice `--think` seconds between two
requests. Prints for each kind how many answers came, how many were errors, and the seconds until the median and the
slowest hundredth was there, also without the first five seconds, in which all clients begin at once; the memory of the
API process, also at each tenth of the time; and the load of the machine, without which the seconds say little. Ends by
itself after `--seconds` and stops what it started. Needs `ulimit -n` of 2,048 or more. For the memory of a long time at
a low rate: `--seconds 1800 --clients 10 --think 15 --trainings 0`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx2

from app.auth import create_tenant_and_key
from app.blobs import open_blobs
from app.config import Settings
from app.db import connect, migrate, transaction
from app.orm import JobRow
from app.states import ReleaseState, Scope
from benchmarks.upload_memory import children, resident
from tests.app.cli.commands import environment, started
from tests.support.rows import add_release

KINDS = ("read",) * 6 + ("upload",) * 2 + ("download", "events")
SMALL = b"age,city,income\n" + b"".join(b"%d,town %d,%d\n" % (i % 90, i % 50, i * 17) for i in range(3_000))
HOSTILE = b"a,b,c\n" + b"".join(b"1,%sx,2\n" % (b" " * 30_000) for _ in range(12))
TRAINING = b"age,city,income\n" + b"".join(b"%d,town %d,%d\n" % (i % 90, i % 7, i % 901) for i in range(4_000))
PATIENCE_SECONDS = 120.0
FIRST_SECONDS = 5.0
TENTHS = 10


@dataclass
class Counts:
    """What came back."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    later: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of requests that were sent after the first seconds, in which all clients send their first ones at once."""
    errors: Counter[str] = field(default_factory=Counter)

    def table(self) -> str:
        """The lines of a Markdown table."""
        lines = [
            f"| kind | answers | errors | median s | p99 s | p99 s after {FIRST_SECONDS:.0f} s |",
            "|---|---|---|---|---|---|",
        ]
        for kind in sorted({*self.seconds, *(name.split()[0] for name in self.errors)}):
            wrong = sum(count for name, count in self.errors.items() if name.split()[0] == kind)
            taken, later = self.seconds[kind], self.later[kind]
            figures = " | ".join(f"{each:.3f}" for each in (at(taken, 0.5), at(taken, 0.99), at(later, 0.99)))
            lines.append(f"| {kind} | {len(taken)} | {wrong} | {figures} |")
        return "\n".join(lines)


def at(seconds: list[float], share: float) -> float:
    """The quantile of this share; not a number where there is none."""
    return sorted(seconds)[int(len(seconds) * share)] if seconds else float("nan")


async def clients(url: str, token: str, release: str, job: str, asked: argparse.Namespace, counts: Counts) -> None:
    """All clients, until the time is over."""
    over = time.monotonic() + asked.seconds
    # the service closes a connection that is idle for 5 s: no request is sent on one that is about to be closed
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=asked.clients, keepalive_expiry=2)
    async with httpx2.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_SECONDS,
        limits=limits,
        trust_env=False,
        verify=False,
    ) as http:
        does: dict[str, Callable[[], Awaitable[int]]] = {
            "read": lambda: _status(
                http.get(random.choice(("/v1/datasets", "/v1/jobs", f"/v1/jobs/{job}", f"/v1/releases/{release}")))  # noqa: S311
            ),
            "upload": lambda: _status(http.post("/v1/datasets", params={"name": "load"}, content=SMALL)),
            "download": lambda: _status(http.get(f"/v1/releases/{release}/data")),
            "events": lambda: _follow(http, job),
        }

        async def client(number: int) -> None:
            kind = KINDS[number % len(KINDS)]
            while time.monotonic() < over:
                begun = time.monotonic()
                try:
                    status = await does[kind]()
                except httpx2.HTTPError as error:
                    counts.errors[f"{kind} {type(error).__name__}"] += 1
                else:
                    if status < 400:
                        taken = time.monotonic() - begun
                        counts.seconds[kind].append(taken)
                        if over - begun < asked.seconds - FIRST_SECONDS:
                            counts.later[kind].append(taken)
                    else:
                        counts.errors[f"{kind} {status}"] += 1
                await asyncio.sleep(random.uniform(0, 2 * asked.think))  # noqa: S311 - no secret

        await asyncio.gather(*(client(number) for number in range(asked.clients)))


async def _status(answer: Awaitable[httpx2.Response]) -> int:
    return (await answer).status_code


async def _follow(http: httpx2.AsyncClient, job: str) -> int:
    """The status of an event stream, once its first event is there."""
    async with http.stream("GET", f"/v1/jobs/{job}/events") as answer:
        async for _ in answer.aiter_lines():
            break
        return answer.status_code


async def be_silent(url: str, count: int) -> None:
    """Hold so many connections that say nothing, and open again those that are closed, until cancelled."""
    target = urlsplit(url)

    async def one() -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(target.hostname, target.port)
                await reader.read()
                writer.close()
            await asyncio.sleep(0.5)

    await asyncio.gather(*(one() for _ in range(count)))


async def be_hostile(url: str, token: str, count: int) -> None:
    """Send tables that are slow to read, and go before the answer, again and again, until cancelled."""
    target = urlsplit(url)
    head = f"POST /v1/datasets?name=hostile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"

    async def one() -> None:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(target.hostname, target.port)
                writer.write(f"{head}Content-Length: {len(HOSTILE)}\r\n\r\n".encode() + HOSTILE)
                await writer.drain()
                await asyncio.sleep(0.5)
                writer.close()
            await asyncio.sleep(1)

    await asyncio.gather(*(one() for _ in range(count)))


async def watch_memory(pid: int, seconds: float, found: list[int]) -> None:
    """Note the resident megabytes of a process at each tenth of the time."""
    for _ in range(TENTHS):
        await asyncio.sleep(seconds / TENTHS)
        found.append(resident(pid)["VmRSS"])


async def put_under_load(
    url: str, tokens: tuple[str, str], release: str, api: int, asked: argparse.Namespace, memory: list[int]
) -> Counts:
    """Begin the trainings, then let everybody in."""
    counts = Counts()
    headers = {"Authorization": f"Bearer {tokens[0]}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        jobs = []
        for _ in range(max(asked.trainings, 1)):
            minutes = asked.seconds / 60 + 2
            options = {"max_minutes": minutes, "max_steps": 1_000_000}
            made = await http.post("/v1/synthesize", params=options, content=TRAINING)
            jobs.append(made.raise_for_status().json()["id"])
        for job in jobs[asked.trainings :]:  # somebody has to be read about
            await http.post(f"/v1/jobs/{job}/cancel")
        beside = [
            asyncio.create_task(watch_memory(api, asked.seconds, memory)),
            asyncio.create_task(be_silent(url, asked.silent)),
            asyncio.create_task(be_hostile(url, tokens[1], asked.hostile)),
        ]
        try:
            await clients(url, tokens[0], release, jobs[0], asked, counts)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        for job in jobs[: asked.trainings]:
            await http.post(f"/v1/jobs/{job}/cancel")
    return counts


def prepare(home: Path) -> tuple[tuple[str, str], str]:
    """The tokens of two tenants, and a release of the first one."""
    settings = Settings(home=home)
    migrate(settings)
    engine = connect(settings)
    ours, theirs = (create_tenant_and_key(engine, name, [Scope.ADMIN]) for name in ("ours", "theirs"))
    backend = SimpleNamespace(engine=engine, blobs=open_blobs(settings), settings=settings)
    release = add_release(SimpleNamespace(admin=ours, backend=backend, settings=settings), home, ReleaseState.RELEASED)  # type: ignore[arg-type]
    with transaction(engine) as session:  # what no artifact names is deleted
        session.get_one(JobRow, release.job_id).artifacts = {
            "csv": {"key": release.csv_key, "sha256": release.csv_sha256},
            "synthetic": {"key": release.parquet_key, "sha256": release.parquet_sha256},
        }
    engine.dispose()
    return (ours.token, theirs.token), release.id


def main() -> None:
    """Print what came back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--silent", type=int, default=300)
    parser.add_argument("--hostile", type=int, default=2)
    parser.add_argument("--trainings", type=int, default=2)
    parser.add_argument("--think", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        tokens, release = prepare(home)
        variables = environment(
            LOOKALIKE_DEVICE="cpu",
            LOOKALIKE_CONCURRENT_JOBS=str(max(asked.trainings, 1)),
            LOOKALIKE_WAITING_READS=str(4 * asked.clients),
            LOOKALIKE_KEY_REQUESTS_PER_MINUTE="1000000",
            LOOKALIKE_ADDRESS_REQUESTS_PER_MINUTE="1000000",
        )
        with started(["up", "--port", "0", "--home", home], variables) as up:
            url = up.wait_for(r"runs at (http://\S+)", timeout=180)[1]
            api = next(pid for pid in children(up.process.pid) if b"api" in Path(f"/proc/{pid}/cmdline").read_bytes())
            before = resident(api)["VmRSS"]
            memory: list[int] = []
            counts = asyncio.run(put_under_load(url, tokens, release, api, asked, memory))
            after, most = resident(api)["VmRSS"], resident(api)["VmHWM"]
            log = sum(len(line) for line in up.lines)
            up.stop(signal.SIGTERM)
        print(counts.table())
        print(f"errors by kind: {dict(counts.errors) or 'none'}")
        print(
            f"API process: {before} MB before, {', '.join(map(str, memory))} at each tenth of the time, {after} after, "
            f"{most} MB at most; {log / 1000:.0f} kB of log"
        )
        print(
            f"{asked.clients} clients, {asked.silent} silent connections, {asked.hostile} hostile senders, "
            f"{asked.trainings} trainings, {asked.seconds:.0f} s; {os.cpu_count()} cores, load of the last minute "
            f"{os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
