"""What nobody owns is deleted, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, exc

from app import worker
from app.blobs import Blobs, open_blobs
from app.config import Settings
from app.db import migrate, transaction
from app.jobs import ledger, reaper
from app.jobs.reaper import SEEN_SECONDS, Reaped, Sightings, reap
from app.jobs.worker_context import WorkerContext
from app.orm import ApiKeyRow, DatasetRow, JobRow, TenantRow, now
from app.scratch import UPLOAD, claim, give_back
from app.services.datasets import upload_key
from app.states import JobState
from app.task import Output, Task
from tests.support.jobs import ROOT, Shop, open_shop

LATER = timedelta(hours=2)
NOTHING = Reaped(folders=0, staged=0, files=0)


@pytest.fixture
def shop(sqlite_settings: Settings) -> Iterator[Shop]:
    with open_shop(sqlite_settings) as opened:
        yield opened


def keys(blobs: Blobs) -> set[str]:
    """Of all files but the one that says whose store it is."""
    return {key for key, _ in blobs.listed() if not key.startswith("installation/")}


def published(shop: Shop, blobs: Blobs, job_id: str, stage: str, *names: str) -> Task:
    """An attempt at a stage that has published these, one of them twice."""
    task = ledger.begin_stage(shop.engine, job_id, stage)
    assert task is not None
    for name in (*names, names[-1]):
        stored = blobs.put_bytes(f"{task.prefix}/{name}-{len(keys(blobs))}", b"real data")
        assert ledger.heard(
            shop.engine, task, Output(name=name, key=stored.key, bytes=stored.bytes, sha256=stored.sha256)
        )
    return task


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_the_checkpoints_of_a_job_that_failed_or_was_cancelled_go(shop: Shop, state: JobState) -> None:
    blobs = open_blobs(shop.settings)
    ended, running = shop.job(), shop.job()
    task = published(shop, blobs, ended, "train", "checkpoint")
    published(shop, blobs, running, "train", "checkpoint")
    before = keys(blobs)
    if state is JobState.CANCELLED:
        ledger.cancel(shop.engine, ended)
    else:
        ledger.fail(shop.engine, task, "stage_crashed", "why")
    assert reap(shop.settings, shop.engine, blobs) == NOTHING, "a minute for whoever reads it still"
    assert reap(shop.settings, shop.engine, blobs, at=now() + LATER).files == 2
    assert keys(blobs) == {key for key in before if not key.startswith(task.prefix)}


def test_of_a_finished_job_what_it_published_stays(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    job_id = shop.job()
    task = published(shop, blobs, job_id, "seal", "split", "assignment")
    kept = {artifact["key"] for artifact in shop.row(job_id).artifacts.values()}
    with transaction(shop.engine) as session:
        job = session.get_one(JobRow, job_id)
        job.state, job.finished_at = JobState.FINISHED, now()
    assert reap(shop.settings, shop.engine, blobs, at=now() + LATER).files == 1
    assert {key for key in keys(blobs) if key.startswith(task.prefix)} == kept


def test_an_upload_that_never_became_a_data_set_goes_and_a_data_set_stays(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    dataset = shop.dataset("people")
    blobs.put_bytes("tenant_a/datasets/dataset_none/table.parquet", b"real data")
    blobs.put_bytes("ready/probe", b"ok")
    assert reap(shop.settings, shop.engine, blobs) == NOTHING, "its row may be on its way"
    assert reap(shop.settings, shop.engine, blobs, at=now() + LATER).files == 1
    with transaction(shop.engine) as session:
        row = session.get_one(DatasetRow, dataset)
        assert keys(blobs) == {row.table_key, "ready/probe"}
        row.deleted_at = now()
    assert reap(shop.settings, shop.engine, blobs).files == 1, "a deletion that broke off is finished"


@pytest.mark.parametrize("seen", [True, False], ids=["a store that has an id", "a store from before"])
def test_a_database_that_does_not_know_the_store_deletes_nothing_of_it(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture, seen: bool
) -> None:
    """Such as an empty one under a mistyped address, or that of another installation on the same bucket."""
    blobs = open_blobs(shop.settings)
    shop.dataset("people")
    if seen:
        reap(shop.settings, shop.engine, blobs)
    before = keys(blobs)
    other = Settings(home=tmp_path / "other", blob_url=str(shop.settings.home / "blobs"), device="cpu")
    migrate(other)
    with open_shop(other) as stranger:
        if not seen:
            with transaction(stranger.engine) as session:
                session.execute(delete(ApiKeyRow))
                session.execute(delete(TenantRow))
        assert reap(other, stranger.engine, blobs, at=now() + LATER) == NOTHING
    assert keys(blobs) == before
    assert "LOOKALIKE_DATABASE_URL" in caplog.text
    assert reap(shop.settings, shop.engine, blobs, at=now() + LATER) == NOTHING
    assert sum(key.startswith("installation/") for key, _ in blobs.listed()) == 1


def test_a_file_that_comes_while_its_owner_is_asked_stays(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = open_blobs(shop.settings)
    dataset = shop.row(shop.job()).dataset_id
    blobs.put_bytes(upload_key(shop.tenant_id, dataset), b"real data")
    late = f"{shop.tenant_id}/datasets/{dataset}/later/table.parquet"

    def asked(*args: Any) -> set[str] | None:
        blobs.put_bytes(late, b"read anew")
        return kept(*args)

    kept = reaper.kept_keys
    monkeypatch.setattr(reaper, "kept_keys", asked)
    assert reap(shop.settings, shop.engine, blobs).files == 1
    assert late in keys(blobs)


def test_the_reaper_goes_on_after_whatever_went_wrong(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, times = threading.Event(), 0

    def fails(*_: object, **_named: object) -> None:
        nonlocal times
        times += 1
        if times == 3:
            stop.set()
        raise [FileNotFoundError, exc.NoResultFound, exc.TimeoutError][times - 1]("of a file of Ada")

    monkeypatch.setattr(worker, "reap", fails)
    monkeypatch.setattr(worker, "REAP_SECONDS", 0.0)
    worker.reap_now_and_then(
        WorkerContext(settings=shop.settings, database=shop.engine, blobs=open_blobs(shop.settings)), stop
    )
    assert times == 3
    assert "NoResultFound" in caplog.text
    assert "Ada" not in caplog.text


def test_the_bytes_of_an_upload_go_once_its_data_set_has_a_job(shop: Shop) -> None:
    """Whoever sends the job erases them; that process may die before it does."""
    blobs = open_blobs(shop.settings)
    waiting, used = shop.dataset("waiting"), shop.row(shop.job()).dataset_id
    for dataset in (waiting, used):
        blobs.put_bytes(upload_key(shop.tenant_id, dataset), b"real data")
    assert reap(shop.settings, shop.engine, blobs).files == 1
    assert upload_key(shop.tenant_id, waiting) in keys(blobs)
    assert upload_key(shop.tenant_id, used) not in keys(blobs)
    assert reap(shop.settings, shop.engine, blobs) == NOTHING


def test_half_written_files_that_listing_hides_go_once_nobody_writes_to_them(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    folder = shop.settings.home / "blobs" / "tenant_a" / "datasets" / "dataset_1"
    folder.mkdir(parents=True)
    left, growing = folder / "table.parquet#1", folder / "table.parquet#12"
    for path in (left, growing):
        path.write_bytes(b"half of the real data")
    os.utime(left, (1e9, 1e9))
    assert keys(blobs) == set()
    assert reap(shop.settings, shop.engine, blobs).staged == 1
    assert not left.exists()
    assert growing.exists()


def test_the_upload_of_a_killed_process_goes_at_once_and_that_of_a_living_one_stays(shop: Shop, tmp_path: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from app.scratch import claim;"
        "folder, _ = claim(Path(sys.argv[1]), 'upload-'); (folder / 'upload').write_bytes(b'real data');"
        "print(folder, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(shop.settings.scratch)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        mine, descriptor = claim(shop.settings.scratch, UPLOAD)
        blobs = open_blobs(shop.settings)
        assert reap(shop.settings, shop.engine, blobs) == NOTHING
        process.send_signal(signal.SIGKILL)
    assert (theirs / "upload").exists()
    assert reap(shop.settings, shop.engine, blobs).folders == 1
    assert not theirs.exists()
    assert mine.exists()
    give_back(mine, descriptor)


def test_a_clock_that_jumps_takes_no_upload_that_is_being_stored(shop: Shop) -> None:
    blobs, at = open_blobs(shop.settings), 0.0
    seen = Sightings(lambda: at)
    key = "tenant_a/datasets/dataset_soon/table.parquet"
    blobs.put_bytes(key, b"real data")
    later = now() + LATER
    assert reap(shop.settings, shop.engine, blobs, at=later, seen=seen) == NOTHING
    at = SEEN_SECONDS / 2
    assert reap(shop.settings, shop.engine, blobs, at=later, seen=seen) == NOTHING
    at = SEEN_SECONDS
    assert reap(shop.settings, shop.engine, blobs, at=later, seen=seen).files == 1
    blobs.put_bytes(key, b"real data")
    assert reap(shop.settings, shop.engine, blobs, at=later, seen=Sightings(lambda: at)) == NOTHING, "first sight"
