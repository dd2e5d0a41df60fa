"""A tenant and its keys have as much as they may have, and every refusal names the limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.auth import create_key
from app.db import transaction
from app.errors import InvalidRequestError, NotFoundError
from app.orm import JobRow, now
from app.services import quotas
from app.services.quotas import Limit
from app.states import JobState, Scope
from tests.app.routes.test_uploads import CSV, is_problem
from tests.support.rows import add_dataset, add_job
from tests.support.web import Web

SENDERS = 6


@contextmanager
def limited(web: Web, limit: Limit, value: int) -> Iterator[None]:
    quotas.set_limit(web.backend.engine, web.admin.tenant_id, limit.value, value)
    yield
    quotas.set_limit(web.backend.engine, web.admin.tenant_id, limit.value, None)


def refused_by(answer, status: int, limit: Limit, value: int) -> dict:
    problem = is_problem(answer, status)
    assert problem["code"] == "quota_exceeded"
    assert (problem["limit"], problem["limit_value"]) == (limit.value, value)
    assert limit.value in problem["detail"]
    return problem


def test_data_sets_records_and_bytes_are_limited_and_nothing_is_left_of_what_was_refused(web: Web) -> None:
    with web.client() as client:
        assert client.post("/v1/datasets", content=CSV).status_code == 201
        files = web.stored_files()
        count = len(client.get("/v1/datasets").json()["items"])
        for path in ("/v1/datasets", "/v1/synthesize"):
            with limited(web, Limit.DATASETS, count):
                refused_by(client.post(path, content=CSV), 409, Limit.DATASETS, count)
            with limited(web, Limit.ROWS, 3):
                refused_by(client.post(path, content=CSV), 413, Limit.ROWS, 3)
            with limited(web, Limit.STORED_BYTES, 10):
                refused_by(client.post(path, content=CSV), 507, Limit.STORED_BYTES, 10)
        assert web.stored_files() == files
        with web.client(web.stranger) as other, limited(web, Limit.DATASETS, 0):
            assert other.post("/v1/datasets", content=CSV).status_code == 201


def test_jobs_at_once_and_within_a_day_are_limited_by_tenant_and_by_key(web: Web, tmp_path: Path) -> None:
    row = add_dataset(web, tmp_path)
    job = add_job(web, row, JobState.QUEUED)
    asked = {"dataset_id": row.id}
    other = create_key(web.backend.engine, web.admin.tenant_id, [Scope.WRITE])
    with web.client() as client, web.client(other) as another:
        with limited(web, Limit.JOBS_AT_ONCE, 1):
            refused_by(client.post("/v1/jobs", json=asked), 409, Limit.JOBS_AT_ONCE, 1)
        with limited(web, Limit.KEY_JOBS_AT_ONCE, 1):
            refused_by(client.post("/v1/jobs", json=asked), 409, Limit.KEY_JOBS_AT_ONCE, 1)
            second = another.post("/v1/jobs", json=asked)
            assert second.status_code == 202
        for path in (f"/v1/jobs/{job.id}/cancel", f"/v1/jobs/{second.json()['id']}/cancel"):
            assert client.post(path).status_code == 200
        with limited(web, Limit.JOBS_AT_ONCE, 0), limited(web, Limit.JOBS_PER_DAY, 1):
            refused_by(client.post("/v1/jobs", json=asked), 409, Limit.JOBS_AT_ONCE, 0)
        with limited(web, Limit.KEY_JOBS_PER_DAY, 1):
            hour = timedelta(hours=1)
            with transaction(web.backend.engine) as session:
                session.execute(update(JobRow).where(JobRow.id == job.id).values(created_at=now() - 23 * hour))
            answer = client.post("/v1/jobs", json=asked)
            refused_by(answer, 429, Limit.KEY_JOBS_PER_DAY, 1)
            assert 3500 < int(answer.headers["Retry-After"]) <= 3600
            with transaction(web.backend.engine) as session:
                session.execute(update(JobRow).where(JobRow.id == job.id).values(created_at=now() - 25 * hour))
            assert client.post("/v1/jobs", json=asked).status_code == 202
        with limited(web, Limit.JOBS_PER_DAY, 0):
            assert client.post("/v1/jobs", json=asked).headers["Retry-After"] == str(24 * 3600)


def test_of_many_who_send_at_once_as_many_get_through_as_there_is_room(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    rows = [add_dataset(web, tmp_path) for _ in range(SENDERS)]
    statuses: list[int] = []

    def send(dataset_id: str) -> None:
        with web.client() as client:
            statuses.append(client.post("/v1/jobs", json={"dataset_id": dataset_id}).status_code)

    with limited(web, Limit.JOBS_AT_ONCE, 2):
        threads = [threading.Thread(target=send, args=(row.id,)) for row in rows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [202] * 2 + [409] * (SENDERS - 2)


def test_only_limits_that_there_are_get_values_that_can_be(web: Web) -> None:
    engine, tenant = web.backend.engine, web.admin.tenant_id
    for name, value in (("slots", 1), ("tenant_rows", -1), ("tenant_rows", 2**60)):
        with pytest.raises(InvalidRequestError):
            quotas.set_limit(engine, tenant, name, value)
    with pytest.raises(NotFoundError):
        quotas.set_limit(engine, "tenant_none", "tenant_rows", 1)
    with limited(web, Limit.ROWS, 7):
        shown = quotas.shown(engine, web.settings, tenant)
    assert shown[Limit.ROWS] == (7, True)
    assert shown[Limit.DATASETS] == (web.settings.tenant_datasets, False)
