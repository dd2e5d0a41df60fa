"""A tenant is deleted with all that is its own, and nothing of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db import transaction
from app.errors import ConflictError, NotFoundError
from app.orm import Base, TenantRow
from app.services.tenants import TABLES, delete_tenant, listed
from app.states import JobState, ReleaseState
from tests.app.routes.test_uploads import CSV, is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web


def rows_of(web: Web, tenant_id: str) -> dict[str, int]:
    with transaction(web.backend.engine) as session:
        return {
            table.__tablename__: session.scalar(
                select(func.count()).select_from(table).where(table.tenant_id == tenant_id)
            )
            for table in TABLES
        }


def test_every_table_that_names_a_tenant_is_cleared() -> None:
    naming = {table.name for table in Base.metadata.tables.values() if "tenant_id" in table.columns}
    kept = {"audit_events", "audit_heads"}
    # the chain outlives its tenant: tests/app/test_trail.py looks at what is left of it
    assert naming - kept == {table.__tablename__ for table in TABLES}


def test_a_tenant_goes_with_all_that_is_its_own_and_others_stay(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        key = {"Idempotency-Key": "once"}
        assert client.post("/v1/datasets", content=CSV, headers=key).status_code == 201
    with web.client(web.stranger) as client:
        assert client.post("/v1/datasets", content=CSV).status_code == 201
    theirs, job = rows_of(web, web.stranger.tenant_id), add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    engine, blobs = web.backend.engine, web.backend.blobs
    with pytest.raises(ConflictError):
        delete_tenant(engine, blobs, web.admin.tenant_id)
    web.backend.queue.cancel(job.id)
    assert delete_tenant(engine, blobs, web.admin.tenant_id) > 0
    assert set(rows_of(web, web.admin.tenant_id).values()) == {0}
    assert web.admin.tenant_id not in dict(listed(engine))
    assert not [key for key in web.stored_files() if key.startswith(web.admin.tenant_id)]
    assert rows_of(web, web.stranger.tenant_id) == theirs
    with web.client() as client:
        is_problem(client.get("/v1/jobs"), 401)
    with web.client(web.stranger) as client:
        assert len(client.get("/v1/datasets").json()["items"]) == 1
    with pytest.raises(NotFoundError):
        delete_tenant(engine, blobs, web.admin.tenant_id)


@pytest.mark.parametrize("odd", ["", "tenant_", "..", "tenant_/../x", "ready"])
def test_nothing_is_deleted_for_what_is_no_tenant(web: Web, odd: str) -> None:
    with transaction(web.backend.engine) as session:
        before = session.scalar(select(func.count()).select_from(TenantRow))
    with pytest.raises(NotFoundError):
        delete_tenant(web.backend.engine, web.backend.blobs, odd)
    with transaction(web.backend.engine) as session:
        assert session.scalar(select(func.count()).select_from(TenantRow)) == before
