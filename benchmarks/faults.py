"""Kill, stop and cut off the parts of a running installation, and count what is lost, doubled or left behind.

    python -m benchmarks.faults [--times 20] [--database sqlite|postgres|both] [--faults all] [--record FILE]

Each trial runs one job on a fresh installation, whose stages only play but whose worker, child processes, files and
database are real, and strikes at a random moment of its training. `seconds` is from the end of the blow to the first
step that another process trains (after a jump of the clock: to the next step; after the API is killed: until an upload
is answered), or to the end of the job. A trial is lost where the job does not finish, doubled where there are more jobs
or releases than were asked for or a published file is not the one that its row names, and left where a process, a
half-written file, a folder or a data set without a job is left. The object store is OpenStack Swift, whose proxy
answers 5xx while the servers behind it are gone; the full disk is a file system of its own, which only root may mount;
for a jump of the clock a C compiler is needed.

Faults take turns, so that all have been tried as often when it is interrupted. With a record, to which each trial is
added, a later call goes on; two may share it that do not try the same. `--times 0` prints the table of what is in it.
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
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.blobs import open_blobs
from app.db import transaction
from app.errors import ServiceError
from app.jobs.reaper import UNOWNED, reap
from app.orm import DatasetRow, JobRow, ReleaseRow, now
from app.scratch import UPLOAD
from app.states import JobState
from benchmarks.blows import FAULTS, SECONDS, Outage, Struck, kill_api, stop_database, struck
from tests.support.jobs import Shop, is_alive, wait_for
from tests.support.postgres import PostgresServer, find_binaries, run_unreliable_server

Trial = dict[str, Any]
SQLITE, POSTGRES = "SQLite", "PostgreSQL"


def trial(fault: str, server: PostgresServer | None, outage: Outage | None, chance: random.Random) -> Trial | None:
    """What one blow did; None where it came too late, as the process that it was meant for had ended."""
    with struck(fault, server, outage, chance) as at:
        shop, blow = at.shop, FAULTS[fault]
        try:
            went_on = blow(at) or (lambda: goes_on(shop, at.job_id, at.child))
        except ProcessLookupError:
            return None
        since, seconds = time.monotonic(), None
        try:
            wait_for("the job goes on", went_on, seconds=SECONDS)
            seconds = round(time.monotonic() - since, 2)
        except AssertionError as error:
            print(f"{fault}: {error}", file=sys.stderr)
        jobs, expected = _ended(shop), 2 if blow is kill_api else 1
        lost = max(expected - sum(job.state == JobState.FINISHED for job in jobs), 0)
        doubled = len(jobs) > expected or any(_is_doubled(shop, job) for job in jobs)
        with contextlib.suppress(AssertionError):
            wait_for("the child is ended", lambda: not is_alive(at.child), seconds=10)
        # files of an upload that never became a data set are deleted an hour after they came
        reap(shop.settings, shop.engine, open_blobs(shop.settings), at=now() + 2 * UNOWNED)
        return {"seconds": seconds, "lost": lost, "doubled": int(doubled), "left": int(_is_left(at))}


def goes_on(shop: Shop, job_id: str, child: int) -> bool:
    """Whether another process trains, or the job has ended."""
    return bool({pid for _, pid in shop.steps(job_id)} - {child}) or shop.row(job_id).finished_at is not None


def _ended(shop: Shop) -> Sequence[JobRow]:
    """All jobs, once they have ended or have had the time to."""
    for worker in shop.workers:
        worker.send_signal(signal.SIGCONT)
    with transaction(shop.engine) as session:
        ids = session.scalars(select(JobRow.id)).all()
    for each in ids:
        try:
            shop.wait_for_state(each, JobState.FINISHED, seconds=SECONDS)
        except AssertionError as error:
            print(error, file=sys.stderr)
    return [shop.row(each) for each in ids]


def _is_doubled(shop: Shop, job: JobRow) -> bool:
    return len(shop.rows(ReleaseRow, job.id)) > 1 or not all(
        _is_published(shop, each) for each in job.artifacts.values()
    )


def _is_published(shop: Shop, artifact: dict[str, str]) -> bool:
    try:
        open_blobs(shop.settings).read(artifact["key"], artifact["sha256"])
    except ServiceError:
        return False
    return True


def _is_left(at: Struck) -> bool:
    """Whether a process, a folder, or a file of the storage is there that no job or data set owns."""
    shop = at.shop
    with transaction(shop.engine) as session:
        jobs = session.scalars(select(JobRow)).all()
        datasets = session.scalars(select(DatasetRow)).all()
    kept = {each["key"] for job in jobs for each in job.artifacts.values()}
    of_datasets = {
        f"{row.tenant_id}/datasets/{row.id}" for row in datasets if row.id in {job.dataset_id for job in jobs}
    }
    stored = {key for key, _ in open_blobs(shop.settings).listed(shop.tenant_id)}
    unowned = {key for key in stored - kept if key.rpartition("/")[0] not in of_datasets}
    folders = [*(shop.settings.scratch / "attempts").iterdir(), *shop.settings.scratch.glob(f"{UPLOAD}*")]
    if unowned or folders or len(datasets) > len(jobs):
        print(f"left behind: {sorted(unowned)} {folders} {len(datasets)} data sets", file=sys.stderr)
        return True
    return is_alive(at.child)


def tried(record: Path | None) -> list[Trial]:
    """The trials that were recorded."""
    if record is None or not record.exists():
        return []
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def table(trials: Sequence[Trial]) -> str:
    """What came of each fault, as Markdown."""
    lines = ["| fault | database | tried | lost | doubled | left behind | seconds to go on: median, most |"]
    lines.append("|---|---|---|---|---|---|---|")
    for database, fault in product((SQLITE, POSTGRES), FAULTS):
        those = [each for each in trials if (each["fault"], each["database"]) == (fault, database)]
        if not those:
            continue
        lost, doubled, left = (sum(each[key] for each in those) for key in ("lost", "doubled", "left"))
        seconds = [each["seconds"] for each in those if each["seconds"] is not None] or [float("nan")]
        spent = f"{statistics.median(seconds):.1f}, {max(seconds):.1f}"
        lines.append(f"| {fault} | {database} | {len(those)} | {lost} | {doubled} | {left} | {spent} |")
    return "\n".join(lines)


def main() -> None:
    """Try what is asked for and print a table of all trials, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--faults", default="all", help="names with commas between them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help="JSON lines, one a trial")
    asked = parser.parse_args()
    names = list(FAULTS) if asked.faults == "all" else asked.faults.split(",")
    trials = tried(asked.record)
    with contextlib.ExitStack() as opened:
        servers: list[tuple[str, PostgresServer | None, Outage | None]] = []
        if asked.database != "postgres":
            servers.append((SQLITE, None, None))
        binaries = find_binaries()
        if asked.times and asked.database != "sqlite" and binaries is not None:
            servers.append((POSTGRES, *opened.enter_context(run_unreliable_server(binaries))))
        for number, (database, server, outage), fault in product(range(asked.times), servers, names):
            what = {"fault": fault, "database": database, "seed": asked.seed, "number": number}
            if any(what.items() <= each.items() for each in trials) or (FAULTS[fault] is stop_database and not server):
                continue
            chance = random.Random(str(what))  # noqa: S311 - where to strike is no secret
            came = None
            while came is None:
                came = trial(fault, server, outage, chance)
            trials.append(what | came | {"load": round(os.getloadavg()[0], 1)})
            if asked.record is not None:
                with asked.record.open("a", encoding="utf-8") as record:
                    record.write(json.dumps(trials[-1]) + "\n")
    print(table(trials))


if __name__ == "__main__":
    main()
