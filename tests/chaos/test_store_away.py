"""The object store refuses all requests for a while: jobs wait for it, and uploads are refused in words."""

from __future__ import annotations

from pathlib import Path

from app.config import Settings
from app.db import migrate
from app.states import JobState
from tests.app.routes.test_uploads import CSV, is_problem
from tests.support.jobs import open_shop, wait_for
from tests.support.object_store import ObjectStore
from tests.support.web import serve

RETRIES = 11
"""So often the client itself asks before it gives up."""


def refused(store: ObjectStore) -> int:
    """How many requests were answered with 503."""
    return sum(request.split(" ", 3)[2] == "503" for request in store.requests())


def test_while_the_store_refuses_a_job_waits_and_an_upload_is_refused_and_both_go_on(
    object_store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home", blob_url=f"s3://{bucket}/files", device="cpu")
    migrate(settings)
    with open_shop(settings) as shop:
        job_id = shop.job("steps=60")
        shop.worker()
        shop.wait_for_step(job_id, 8, seconds=200)
        with object_store.outage():
            wait_for("an attempt is lost", lambda: shop.row(job_id).losses, seconds=120)
            before = refused(object_store)
            wait_for("the worker asks for it", lambda: refused(object_store) > before + 2 * RETRIES, seconds=120)
            assert len(shop.events(job_id, "lost")) == 1, "a stage was begun while the store refused"
        job = shop.wait_for_state(job_id, JobState.FINISHED, seconds=120)
        assert job.losses == 0
        assert shop.steps(job_id)[-1][0] == 59


def test_an_upload_is_refused_in_words_and_leaves_nothing(
    object_store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home", blob_url=f"s3://{bucket}/files", device="cpu")
    migrate(settings)
    with serve(settings) as web, web.client() as client:
        before = object_store.files(bucket).keys()
        with object_store.outage():
            problem = is_problem(client.post("/v1/datasets", content=CSV), 503)
            assert problem["code"] == "storage_away"
        assert object_store.files(bucket).keys() == before
        assert client.post("/v1/datasets", content=CSV).status_code == 201
