"""PostgreSQL is stopped and started again: the API says so, the worker begins anew, and no job is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from app.config import Settings
from app.db import migrate
from app.states import JobState
from tests.app.routes.test_uploads import is_problem
from tests.support.jobs import is_alive, open_shop, wait_for
from tests.support.postgres import PostgresServer, binaries_or_skip, run_unreliable_server
from tests.support.web import serve

Unreliable = tuple[PostgresServer, Callable[[], AbstractContextManager[None]]]


@pytest.fixture(scope="module")
def unreliable() -> Iterator[Unreliable]:
    with run_unreliable_server(binaries_or_skip()) as server:
        yield server


def installation(folder: Path, url: str) -> Settings:
    settings = Settings(home=folder / "home", database_url=url, device="cpu")
    migrate(settings)
    return settings


def test_the_api_says_that_the_database_is_away_and_goes_on_when_it_is_back(
    unreliable: Unreliable, tmp_path: Path
) -> None:
    server, outage = unreliable
    with server.database() as url, serve(installation(tmp_path, url)) as web, web.client() as client:
        with outage():
            for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/datasets"), ("GET", "/v1/releases/r")):
                answer = client.request(method, path, content=b"a,b\n1,2\n" if method == "POST" else None)
                assert is_problem(answer, 503)["code"] == "database_away"
                assert int(answer.headers["Retry-After"]) > 0
            assert client.get("/readyz").status_code == 503
            assert client.get("/healthz").status_code == 200
        assert client.get("/v1/jobs").status_code == 200


def test_a_worker_begins_anew_and_its_job_goes_on(unreliable: Unreliable, tmp_path: Path) -> None:
    server, outage = unreliable
    with server.database() as url, open_shop(installation(tmp_path, url)) as shop:
        job_id = shop.job("steps=60 sample=raise")
        worker = shop.worker()
        child = shop.wait_for_step(job_id, 10)
        before = shop.steps(job_id)
        with outage():
            wait_for("the child is ended", lambda: not is_alive(child), seconds=30)
        job = shop.wait_for_state(job_id, JobState.FAILED)
        assert job.stage == "sample"
        assert shop.steps(job_id)[len(before)][0] > 0, "training began anew"
        assert worker.poll() is None
