"""On PostgreSQL a query that forgets its tenant sees nothing of another one."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, delete, func, select, text, update
from sqlalchemy.exc import ProgrammingError

from app import store
from app.config import Settings
from app.db import EVERYBODY, Tenancy, connect, policies_bind, reading, transaction
from app.orm import Base, DatasetRow, JobEventRow, TenantRow
from app.states import JobState
from tests.app.pages.test_pages import browser
from tests.support.postgres import USER
from tests.support.rows import add_dataset, add_job
from tests.support.web import Web, serve


@pytest.fixture
def engine(postgres_settings: Settings):
    opened = connect(postgres_settings)
    with transaction(opened) as session:
        for name in "ab":
            session.add(TenantRow(id=f"tenant_{name}", name=name))
            session.flush()
            session.add(dataset(f"tenant_{name}"))
    yield opened
    opened.dispose()


def dataset(tenant_id: str) -> DatasetRow:
    texts = ("name", "upload_sha256", "table_key", "table_sha256", "preview_key")
    return DatasetRow(
        id=f"dataset_of_{tenant_id}",
        tenant_id=tenant_id,
        upload_bytes=1,
        rows=1,
        table_schema=[],
        source={},
        **dict.fromkeys(texts, "x"),
    )


def test_a_role_that_the_policies_do_not_bind_is_told_from_one_that_they_bind(engine: Engine) -> None:
    assert policies_bind(engine)
    ruler = engine.url.set(username=USER)
    above = create_engine(ruler)
    assert not policies_bind(above)
    above.dispose()


def test_a_query_without_its_filter_sees_and_changes_the_own_rows_alone(engine: Engine) -> None:
    ours = Tenancy("tenant_a").bind(engine)
    with reading(ours) as session:
        assert session.scalars(select(DatasetRow.tenant_id)).all() == ["tenant_a"]
        assert session.scalars(select(TenantRow.id)).all() == ["tenant_a"]
        assert session.get(DatasetRow, "dataset_of_tenant_b") is None
    with transaction(ours) as session:
        assert session.execute(update(DatasetRow).values(name="ours")).rowcount == 1
        assert session.execute(delete(DatasetRow).where(DatasetRow.id == "dataset_of_tenant_b")).rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"):
        _add_for_another(ours)
    with reading(engine) as session:
        found = session.execute(select(DatasetRow.tenant_id, DatasetRow.name).order_by(DatasetRow.tenant_id)).all()
        assert [tuple(row) for row in found] == [("tenant_a", "ours"), ("tenant_b", "x")]


def _add_for_another(ours: Engine) -> None:
    with transaction(ours) as session:
        row = dataset("tenant_b")
        row.id = "dataset_new"
        session.add(row)


def test_a_connection_that_says_nothing_sees_nothing_and_none_is_left_bound(
    engine: Engine, postgres_settings: Settings
) -> None:
    with reading(Tenancy("tenant_a").bind(engine)) as session:
        session.scalar(select(func.count()).select_from(DatasetRow))
    with reading(engine) as session:  # the same connection of the pool
        assert session.scalar(select(func.count()).select_from(DatasetRow)) == 2
        assert session.scalar(text("SELECT current_setting('app.tenant')")) == EVERYBODY
    url = postgres_settings.resolved_database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM datasets").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM tenants").fetchone() == (0,)


def test_every_table_that_names_a_tenant_has_the_policy(engine: Engine) -> None:
    naming = {table.name for table in Base.metadata.tables.values() if "tenant_id" in table.columns}
    query = (
        "SELECT p.tablename FROM pg_policies p JOIN pg_class c ON c.relname = p.tablename"
        " WHERE p.cmd = 'ALL' AND c.relrowsecurity AND c.relforcerowsecurity"
    )
    with engine.connect() as connection:
        assert {row[0] for row in connection.execute(text(query))} == {*naming, "tenants"}


def test_a_request_is_bound_to_its_tenant(
    postgres_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filter of the services is taken away: the database stands alone."""
    with serve(postgres_settings) as web:
        theirs = add_dataset(web, tmp_path, tenant_id=web.stranger.tenant_id)
        mine = add_dataset(web, tmp_path)
        job = add_job(web, theirs, JobState.QUEUED)
        monkeypatch.setattr(store, "_dataset_query", lambda _: select(DatasetRow))
        with web.client() as client:
            assert [each["id"] for each in client.get("/v1/datasets").json()["items"]] == [mine.id]
            assert client.get(f"/v1/datasets/{theirs.id}").status_code == 404
            assert client.delete(f"/v1/datasets/{theirs.id}").status_code == 404
        with web.client(web.stranger) as client:
            assert [each["id"] for each in client.get("/v1/datasets").json()["items"]] == [theirs.id]
        assert _signed_in_sees(web) == [mine.id]
        with reading(web.backend.engine) as session:  # a worker
            assert session.scalar(select(JobEventRow.tenant_id).where(JobEventRow.job_id == job.id)) is not None


def _signed_in_sees(web: Web) -> list[str]:
    with browser(web, web.admin) as client:
        page = client.get("/datasets").text
    return sorted({part.split('"')[0].split("/")[0] for part in page.split("/datasets/")[1:]} - {"new"})
