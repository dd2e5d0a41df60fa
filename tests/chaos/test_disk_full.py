"""The disk is full: uploads are refused in words, jobs are tried again, and all goes on when there is room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.config import Settings
from app.db import migrate
from app.states import JobState
from tests.app.routes.test_uploads import CSV, is_problem
from tests.support.disks import NoMountError, full, small_disk
from tests.support.jobs import open_shop, wait_for
from tests.support.web import serve


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 16 MiB."""
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(small_disk(tmp_path / "small"))
        except NoMountError:
            pytest.skip("mounting a file system is not allowed here")
        yield folder


def test_an_upload_to_a_full_disk_is_refused_in_words_and_leaves_nothing(small: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", blob_url=str(small / "blobs"), device="cpu")
    migrate(settings)
    with serve(settings) as web, web.client() as client:
        with full(small):
            assert is_problem(client.post("/v1/datasets", content=CSV), 507)["code"] == "storage_full"
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["storage"]) == (503, "failed: StorageFullError")
            assert client.get("/v1/datasets").json()["items"] == []
        assert client.post("/v1/datasets", content=CSV).status_code == 201
        assert web.scratch_is_empty()


def test_a_home_without_room_refuses_an_upload_in_words(small: Path) -> None:
    settings = Settings(home=small / "home", device="cpu")
    migrate(settings)
    with serve(settings) as web, web.client() as client:
        assert client.get("/v1/datasets").status_code == 200
        with full(small):
            is_problem(client.post("/v1/datasets", content=CSV * 100), 507, 503)
            assert client.get("/readyz").json()["checks"]["space"].startswith("failed")
        assert client.post("/v1/datasets", content=CSV).status_code == 201


def test_a_job_on_a_full_disk_is_tried_again_and_ends_well(small: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", blob_url=str(small / "blobs"), device="cpu")
    migrate(settings)
    with open_shop(settings) as shop:
        job_id = shop.job("steps=20")
        with full(small):
            shop.worker()
            wait_for("the first attempt is lost", lambda: shop.row(job_id).losses)
        shop.wait_for_state(job_id, JobState.FINISHED)


def test_a_training_whose_worker_has_no_room_waits_for_it_and_goes_on(small: Path, tmp_path: Path) -> None:
    """Full is the disk on which a stage keeps its own files; its words for that are those of many libraries."""
    settings = Settings(home=tmp_path / "home", blob_url=str(tmp_path / "blobs"), device="cpu")
    migrate(settings)
    settings.scratch.mkdir(parents=True, exist_ok=True)
    settings.scratch.rmdir()
    settings.scratch.symlink_to(small)
    with open_shop(settings) as shop:
        job_id = shop.job("steps=30 sample=raise")
        shop.worker()
        shop.wait_for_step(job_id, 8)
        with full(small):
            wait_for("an attempt is lost", lambda: shop.row(job_id).losses)
        job = shop.wait_for_state(job_id, JobState.FAILED)
        assert job.stage == "sample"
        assert {event.data["code"] for event in shop.events(job_id, "lost")} == {"storage_full"}
