"""The job engine's own tables: made once, and never a way to run code."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import create_engine, text

from app.config import Settings
from app.jobs import engine
from app.states import JobState
from tests.support.jobs import ROOT, Shop


class Exploit:
    """Pickled, it makes a folder when it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def poison(shop: Shop, job_id: str, folder: Path) -> None:
    """Put a pickle into the job's rows, as somebody could who may write to the engine's tables."""
    pickled = base64.b64encode(pickle.dumps({"args": (Exploit(folder),), "kwargs": {}})).decode()
    schema = "" if shop.settings.is_sqlite else f"{engine.SCHEMA}."
    changes = (
        f"UPDATE {schema}workflow_status SET serialization = 'py_pickle' WHERE workflow_uuid = :id",  # noqa: S608
        f"UPDATE {schema}workflow_input SET inputs = :inputs WHERE workflow_uuid = :id",  # noqa: S608
    )
    database = create_engine(shop.settings.jobs_database_url.replace("postgresql://", "postgresql+psycopg://"))
    with database.begin() as connection:
        for change in changes:
            done = connection.execute(
                text(change), {"id": job_id} | ({"inputs": pickled} if "inputs" in change else {})
            )
            assert done.rowcount == 1
    database.dispose()


def test_a_pickle_in_the_engines_tables_is_never_read(shop: Shop, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    poisoned, sound = shop.job("seal=raise"), shop.job("seal=raise")
    poison(shop, poisoned, trap)
    shop.worker()
    dropped = shop.wait_for_state(poisoned, JobState.FAILED)
    shop.wait_for_state(sound, JobState.FAILED)
    assert not trap.exists()
    assert dropped.error is not None
    assert dropped.error["code"] == "job_dropped"


def forget_tables(settings: Settings) -> None:
    """Leave no table of the engine's in the installation."""
    if settings.is_sqlite:
        Path(settings.jobs_database_url.removeprefix("sqlite:///")).unlink()
        return
    database = create_engine(settings.resolved_database_url)
    with database.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {engine.SCHEMA} CASCADE"))
    database.dispose()


def test_processes_that_start_at_once_make_the_tables_once(settings: Settings) -> None:
    forget_tables(settings)
    environment = {**os.environ, **settings.environment()}
    code = "from app.config import Settings; from app.jobs.queue import JobQueue; JobQueue(Settings()).close()"

    def start(_: int) -> int:
        return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False).returncode

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(start, range(2))) == [0, 0]


def test_the_web_processs_way_in_loads_no_torch(sqlite_settings: Settings) -> None:
    code = "import sys, app.jobs.queue, app.worker; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
