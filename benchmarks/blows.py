"""What `benchmarks.faults` does to a running installation: a function for each fault, and an installation for it.

A blow gets the trial and may give what says whether the job goes on; without it another process has to train.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx2

from app.auth import create_key
from app.config import Settings
from app.db import migrate
from app.states import Scope
from tests.support.clocks import jumping_clock
from tests.support.disks import full, small_disk
from tests.support.jobs import Shop, is_alive, open_shop, wait_for
from tests.support.object_store import run_object_store
from tests.support.postgres import PostgresServer, free_port

UP = "tests.support.up"
STEPS = 120
AWAY_SECONDS, REFUSES_SECONDS, FULL_SECONDS = 5.0, 30.0, 10.0
UPLOAD_SECONDS = 3.0
"""Within so long after an upload has begun the API is killed."""
JUMPS = (3_600, -3_600, 86_400, -86_400)
SECONDS = 600.0
"""So long may a job take that is not lost: on a busy machine the processes of its stages start slowly."""
TABLE = b"age,city\n" + b"".join(b"%d,town %d\n" % (i % 90, i % 7) for i in range(2_000))
Outage = Callable[[], contextlib.AbstractContextManager[None]]
"""What is away or full while a block runs: PostgreSQL, the object store or the disk."""
GoesOn = Callable[[], bool]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Struck:
    """A job of an installation, and the process that trains it."""

    shop: Shop
    job_id: str
    child: int
    chance: random.Random
    outage: Outage | None = None
    jump: Callable[[int], None] | None = None

    @property
    def last_step(self) -> int:
        """The step that was told last."""
        return max(step for step, _ in self.shop.steps(self.job_id))


def kill_worker(at: Struck) -> None:
    """SIGKILL; another worker is started."""
    at.shop.workers[0].kill()
    at.shop.workers[0].wait()
    at.shop.worker()


def restart_worker(at: Struck) -> None:
    """SIGTERM; another worker is started."""
    at.shop.workers[0].terminate()
    at.shop.workers[0].wait()
    at.shop.worker()


def stop_worker(at: Struck) -> None:
    """SIGSTOP beside a second worker."""
    at.shop.worker()
    at.shop.suspend(at.shop.workers[0])


def kill_child(at: Struck) -> None:
    """SIGKILL of the process that trains."""
    os.kill(at.child, signal.SIGKILL)


def kill_up(at: Struck) -> None:
    """SIGKILL of `up`, which is started again once nothing of it is left."""
    before = children_of(at.shop.workers[0].pid)
    at.shop.workers[0].kill()
    at.shop.workers[0].wait()
    wait_for("API and worker are ended", lambda: not any(map(is_alive, before)))
    at.shop.worker(UP)


def kill_api(at: Struck) -> GoesOn:
    """SIGKILL of the API while it takes an upload in, whose sender sends it again until it is answered."""
    begun, answered = threading.Event(), threading.Event()
    sender = threading.Thread(target=_send_until_answered, args=(at.shop, begun, answered), daemon=True)
    sender.start()
    begun.wait()
    time.sleep(at.chance.uniform(0, UPLOAD_SECONDS))
    os.kill(_api_of(at.shop), signal.SIGKILL)
    return answered.is_set


def _api_of(shop: Shop) -> int:
    return next(
        pid
        for pid in children_of(shop.workers[0].pid)
        if b"api" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    )


def _send_until_answered(shop: Shop, begun: threading.Event, answered: threading.Event) -> None:
    key = create_key(shop.engine, shop.tenant_id, [Scope.WRITE])
    headers = {"Authorization": f"Bearer {key.token}", "Idempotency-Key": "once"}
    address = f"http://127.0.0.1:{shop.settings.port}/v1/synthesize"
    while not answered.is_set():
        with contextlib.suppress(httpx2.TransportError):
            begun.set()
            sent = httpx2.post(
                address, params={"name": "steps=5"}, headers=headers, content=TABLE, timeout=SECONDS, trust_env=False
            )
            if sent.status_code == 202:
                answered.set()
        time.sleep(0.5)


def children_of(pid: int) -> list[int]:
    """The process ids of its children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def set_clock(at: Struck) -> GoesOn:
    """The wall clock of the worker and its children is put forward or back, by an hour or a day."""
    before = at.last_step
    _given(at.jump)(at.chance.choice(JUMPS))
    return lambda: at.last_step > before


def stop_database(at: Struck) -> None:
    """PostgreSQL is away for five seconds."""
    _during(at.outage, AWAY_SECONDS)


def stop_store(at: Struck) -> None:
    """The object store answers 503 for half a minute."""
    _during(at.outage, REFUSES_SECONDS)


def fill_disk(at: Struck) -> None:
    """Files, scratch space and what SQLite writes find no room for ten seconds."""
    _during(at.outage, FULL_SECONDS)


def _during(outage: Outage | None, seconds: float) -> None:
    with _given(outage)():
        time.sleep(seconds)


def _given(what: T | None) -> T:
    if what is None:
        raise SystemExit("expected an installation that has what is to be taken away")
    return what


FAULTS: dict[str, Callable[[Struck], GoesOn | None]] = {
    "worker killed": kill_worker,
    "worker restarted": restart_worker,
    "worker stopped": stop_worker,
    "child killed": kill_child,
    "API killed in an upload": kill_api,
    "up killed": kill_up,
    "clock set": set_clock,
    "database away": stop_database,
    "object store refuses": stop_store,
    "disk full in training": fill_disk,
    "disk full in publishing": fill_disk,
}


@contextlib.contextmanager
def struck(fault: str, server: PostgresServer | None, outage: Outage | None, chance: random.Random) -> Iterator[Struck]:
    """A fresh installation on SQLite or on this server, with what the fault takes away, whose job trains at a random
    step.
    """
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        url, home, files, jump = "", folder / "home", "", None
        if server is not None:
            url = opened.enter_context(server.database())
        if FAULTS[fault] is stop_store:
            store = opened.enter_context(run_object_store())
            os.environ.update(store.environment)
            files, outage = f"s3://{store.make_bucket()}/files", store.outage
        if FAULTS[fault] is fill_disk:
            home = opened.enter_context(small_disk(home))
            outage = partial(full, home)
        if FAULTS[fault] is set_clock:
            jump = opened.enter_context(jumping_clock(folder))
        settings = Settings(home=home, database_url=url, blob_url=files, device="cpu", port=free_port())
        migrate(settings)
        shop = opened.enter_context(open_shop(settings))
        job_id = shop.job(f"steps={STEPS}")
        shop.worker(*([UP] if FAULTS[fault] in {kill_api, kill_up} else []))
        step = STEPS - 2 if fault == "disk full in publishing" else chance.randrange(1, STEPS - 20)
        try:
            child = shop.wait_for_step(job_id, step, seconds=SECONDS)
        except AssertionError as error:
            raise SystemExit(f"{fault}: {error}; the log ends with\n{shop.log.read_text()[-2_000:]}") from error
        yield Struck(shop=shop, job_id=job_id, child=child, chance=chance, outage=outage, jump=jump)
