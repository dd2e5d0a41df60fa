"""Kill, stop and cut off the parts of a running installation, and count what is lost, doubled or left behind.

    python -m benchmarks.faults [--times 20] [--database sqlite|postgres|both] [--faults all] [--json OUT]

Each trial runs one job on a fresh installation, whose stages only play but whose worker, child processes, files and
database are real, and strikes at a random moment of its training. `seconds` is from the end of the blow to the first
step that another process trains, or to the end of the job. A trial is lost where the job does not finish, doubled where
it has more than one release or a published file is not the one that its row names, and left where a process, a
half-written file or a folder is left. The object store is OpenStack Swift, whose proxy answers 5xx while the servers
behind it are gone; the full disk is a file system of its own, which only root may mount.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from app.blobs import open_blobs
from app.config import Settings
from app.db import migrate
from app.errors import ServiceError
from app.jobs.reaper import reap
from app.orm import ReleaseRow, now
from app.states import JobState
from tests.support.disks import full, small_disk
from tests.support.jobs import Shop, is_alive, open_shop, wait_for
from tests.support.object_store import run_object_store
from tests.support.postgres import PostgresServer, find_binaries, run_unreliable_server

STEPS = 120
SECONDS = 600.0
"""So long may a job take that is not lost: on a busy machine the processes of its stages start slowly."""
REFUSES_SECONDS = 30.0
FULL_SECONDS = 10.0
Outage = Callable[[], contextlib.AbstractContextManager[None]]
"""What is away or full while a block runs: PostgreSQL, the object store or the disk."""


def kill_worker(shop: Shop, _child: int, _outage: Outage | None) -> None:
    """SIGKILL; another worker is started."""
    shop.workers[0].send_signal(signal.SIGKILL)
    shop.workers[0].wait()
    shop.worker()


def restart_worker(shop: Shop, _child: int, _outage: Outage | None) -> None:
    """SIGTERM; another worker is started."""
    shop.workers[0].send_signal(signal.SIGTERM)
    shop.workers[0].wait()
    shop.worker()


def stop_worker(shop: Shop, _child: int, _outage: Outage | None) -> None:
    """SIGSTOP beside a second worker."""
    shop.worker()
    shop.suspend(shop.workers[0])


def kill_child(_shop: Shop, child: int, _outage: Outage | None) -> None:
    """SIGKILL of the process that trains."""
    os.kill(child, signal.SIGKILL)


def stop_database(_shop: Shop, _child: int, outage: Outage | None) -> None:
    """PostgreSQL is away for five seconds."""
    if outage is None:
        raise SystemExit("expected --database postgres for this fault")
    with outage():
        time.sleep(5)


def stop_store(_shop: Shop, _child: int, outage: Outage | None) -> None:
    """The object store answers 503 for half a minute."""
    _during(outage, REFUSES_SECONDS)


def fill_disk(_shop: Shop, _child: int, outage: Outage | None) -> None:
    """Files, scratch space and what SQLite writes find no room for ten seconds."""
    _during(outage, FULL_SECONDS)


def _during(outage: Outage | None, seconds: float) -> None:
    if outage is None:
        raise SystemExit("expected an installation that has what is to be taken away")
    with outage():
        time.sleep(seconds)


FAULTS = {
    "worker killed": kill_worker,
    "worker restarted": restart_worker,
    "worker stopped": stop_worker,
    "child killed": kill_child,
    "database away": stop_database,
    "object store refuses": stop_store,
    "disk full in training": fill_disk,
    "disk full in publishing": fill_disk,
}


@contextlib.contextmanager
def installation(fault: str, server: PostgresServer | None, outage: Outage | None) -> Iterator[tuple[Shop, Outage]]:
    """A fresh one, on SQLite or on this server, and what the fault takes away from it."""
    with contextlib.ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        url, home, files = "", Path(folder) / "home", ""
        if server is not None:
            url = opened.enter_context(server.database())
        if FAULTS[fault] is stop_store:
            store = opened.enter_context(run_object_store())
            os.environ.update(store.environment)
            files, outage = f"s3://{store.make_bucket()}/files", store.outage
        if FAULTS[fault] is fill_disk:
            home = opened.enter_context(small_disk(home))
            outage = partial(full, home)
        settings = Settings(home=home, database_url=url, blob_url=files, device="cpu")
        migrate(settings)
        yield opened.enter_context(open_shop(settings)), outage or contextlib.nullcontext


def trial(fault: str, server: PostgresServer | None, outage: Outage | None, moment: int) -> dict[str, float]:
    """What one blow did."""
    with installation(fault, server, outage) as (shop, taken_away):
        job_id = shop.job(f"steps={STEPS}")
        shop.worker()
        step = STEPS - 2 if fault == "disk full in publishing" else moment
        child = shop.wait_for_step(job_id, step, seconds=SECONDS)
        FAULTS[fault](shop, child, taken_away)
        struck = time.monotonic()
        wait_for("the job goes on", lambda: goes_on(shop, job_id, child), seconds=SECONDS)
        seconds = time.monotonic() - struck
        for worker in shop.workers:
            worker.send_signal(signal.SIGCONT)
        try:
            shop.wait_for_state(job_id, JobState.FINISHED, seconds=SECONDS)
            lost = 0
        except AssertionError as error:
            print(f"{fault}: {error}", file=sys.stderr)
            lost = 1
        releases = shop.rows(ReleaseRow, job_id)
        doubled = len(releases) > 1 or not all(
            _is_published(shop, each) for each in shop.row(job_id).artifacts.values()
        )
        with contextlib.suppress(AssertionError):
            wait_for("the child is ended", lambda: not is_alive(child), seconds=10)
        reap(shop.settings, shop.engine, open_blobs(shop.settings), at=now())
        left = is_alive(child) or any((shop.settings.scratch / "attempts").iterdir()) or _unpublished(shop, job_id)
        return {"seconds": seconds, "lost": lost, "doubled": int(doubled), "left": int(left)}


def goes_on(shop: Shop, job_id: str, child: int) -> bool:
    """Whether another process trains, or the job has ended."""
    return bool({pid for _, pid in shop.steps(job_id)} - {child}) or shop.row(job_id).finished_at is not None


def _is_published(shop: Shop, artifact: dict[str, str]) -> bool:
    try:
        open_blobs(shop.settings).read(artifact["key"], artifact["sha256"])
    except ServiceError:
        return False
    return True


def _unpublished(shop: Shop, job_id: str) -> bool:
    """Whether a file of the job lies in the storage that its row does not name."""
    job = shop.row(job_id)
    kept = {artifact["key"] for artifact in job.artifacts.values()}
    keys = {key for key, _ in open_blobs(shop.settings).listed(f"{job.tenant_id}/jobs/{job.id}")}
    return bool(keys - kept)


def main() -> None:
    """Print a table of the faults that were tried, as Markdown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--faults", default="all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    names = list(FAULTS) if asked.faults == "all" else asked.faults.split(",")
    random_moment = random.Random(asked.seed)  # noqa: S311 - where to strike is no secret
    rows = []
    print("| fault | database | tried | lost | doubled | left behind | seconds to go on: median, most |")
    print("|---|---|---|---|---|---|---|")
    with contextlib.ExitStack() as opened:
        servers: list[tuple[str, PostgresServer | None, Outage | None]] = []
        if asked.database != "postgres":
            servers.append(("SQLite", None, None))
        binaries = find_binaries()
        if asked.database != "sqlite" and binaries is not None:
            servers.append(("PostgreSQL", *opened.enter_context(run_unreliable_server(binaries))))
        for name, server, outage in servers:
            for fault in names:
                if FAULTS[fault] is stop_database and outage is None:
                    continue
                trials = [
                    trial(fault, server, outage, random_moment.randrange(1, STEPS - 20)) for _ in range(asked.times)
                ]
                sums = {key: int(sum(each[key] for each in trials)) for key in ("lost", "doubled", "left")}
                seconds = [each["seconds"] for each in trials]
                row = {"fault": fault, "database": name, "tried": len(trials), **sums}
                row |= {"median_s": round(statistics.median(seconds), 1), "most_s": round(max(seconds), 1)}
                rows.append(row)
                print(f"| {' | '.join(str(value) for value in list(row.values())[:-1])}, {row['most_s']} |", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
