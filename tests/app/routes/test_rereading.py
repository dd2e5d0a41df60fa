"""PATCH /v1/datasets/{id}/reading: a misreading is repaired without sending the file again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import select, text

from app.config import Settings
from app.db import transaction
from app.errors import NotFoundError
from app.jobs import people
from app.orm import DatasetRow, JobRow, RecordSketchRow, SharedPeopleRow, new_id
from app.services.datasets import upload_key
from app.states import JobKind, JobState
from tests.app.routes.test_uploads import is_problem, left_behind
from tests.support.jobs import wait_for
from tests.support.web import Web, serve

ROWS = [f"p{i};{1 + i % 9}.{100 + i};{i % 4}" for i in range(60)]
EXPORT = "\n".join(["who;sum;visits", "text;euro;number", *ROWS, "printed;by;me"]).encode()


def sent(web: Web, content: bytes = EXPORT, **query: str | int) -> dict:
    with web.client() as client:
        answer = client.post("/v1/datasets", files={"file": ("export.csv", content)}, params=query)
        assert answer.status_code == 201, answer.text
        return answer.json()


def stored_files(web: Web, dataset_id: str) -> list[str]:
    return sorted(key.rpartition("/")[2] for key in web.stored_files() if f"/{dataset_id}/" in key)


def test_a_misreading_is_repaired_and_what_was_said_before_holds(web_on_both: Web) -> None:
    web = web_on_both
    first = sent(web, header_rows=1)
    assert first["rows"] == 62
    with web.client() as client:
        path = f"/v1/datasets/{first['id']}"
        answer = client.patch(f"{path}/reading", json={"header_rows": 2, "skip_footer": 1})
        assert answer.status_code == 200, answer.text
        second = answer.json()
        assert (second["rows"], second["reading"]) == (60, {"header_rows": 2, "skip_footer": 1})
        third = client.patch(f"{path}/reading", json={"decimal": ","}).json()
        assert third["reading"] == {"header_rows": 2, "skip_footer": 1, "decimal": ","}
        assert {c["name"]: c["kind"] for c in third["columns"]}["sum"] == "numerical"
        assert third["columns"][1]["form"]["group"] == "."
        back = client.patch(f"{path}/reading", json={"header_rows": 1, "skip_footer": None, "decimal": None}).json()
        assert {**back, "warnings": []} == {**first, "warnings": []}
        assert client.get(path).json() == back
        assert len(back["preview"]) == 20
    assert len(stored_files(web, first["id"])) == 3
    assert (first["sha256"], first["created_at"]) == (back["sha256"], back["created_at"])


@pytest.mark.parametrize("said", [{"delimiter": "|"}, {"sheet": "S1"}, {"header_rows": 9, "skip_footer": 50}])
def test_a_reading_that_fails_leaves_the_data_set_as_it_was(web: Web, said: dict) -> None:
    first, before = sent(web, header_rows=2, skip_footer=1), left_behind(web)
    with web.client() as client:
        path = f"/v1/datasets/{first['id']}"
        is_problem(client.patch(f"{path}/reading", json=said), 422)
        assert client.get(path).json() == first
    assert stored_files(web, first["id"]) == ["preview.json", "table.parquet", "upload"]
    assert left_behind(web) == before


@pytest.mark.parametrize("said", [{"header_rows": 99}, {"encoding": 1}, {"format": "csv"}, {"decimal": ";"}])
def test_a_reading_that_cannot_be_is_refused(web: Web, said: dict) -> None:
    first = sent(web, header_rows=2, skip_footer=1)
    with web.client() as client:
        is_problem(client.patch(f"/v1/datasets/{first['id']}/reading", json=said), 422)


def test_the_upload_is_erased_once_a_job_is_sent_and_with_the_data_set(web: Web) -> None:
    rows = "\n".join(
        f"{age},{pay:.1f}" for age, pay in zip(*np.random.default_rng(1).gamma(9, 5, (2, 200)), strict=True)
    )
    used, deleted = (sent(web, f"age,pay\n{rows}".encode())["id"] for _ in range(2))
    tenant = web.admin.tenant_id
    with web.client() as client:
        assert web.backend.blobs.size(upload_key(tenant, used)) > 0
        assert client.post("/v1/jobs", json={"dataset_id": used}).status_code == 202
        is_problem(client.patch(f"/v1/datasets/{used}/reading", json={"decimal": "."}), 409)
        assert client.delete(f"/v1/datasets/{deleted}").status_code == 204
        is_problem(client.patch(f"/v1/datasets/{deleted}/reading", json={"decimal": "."}), 404)
        job = client.post("/v1/synthesize", files={"file": ("a.csv", f"age,pay\n{rows}".encode())}).json()
    for dataset in (used, deleted, job["dataset_id"]):
        with pytest.raises(NotFoundError):
            web.backend.blobs.size(upload_key(tenant, dataset))


def test_only_who_may_write_in_the_tenant_reads_anew(web: Web) -> None:
    first = sent(web, header_rows=2, skip_footer=1)
    path, body = f"/v1/datasets/{first['id']}/reading", {"decimal": ","}
    with web.client(web.stranger) as client:
        is_problem(client.patch(path, json=body), 404)
    with web.client(web.reader) as client:
        is_problem(client.patch(path, json=body), 403)


def test_who_shares_people_is_told_by_the_new_reading_and_the_old_one_is_not_forgotten(web_on_both: Web) -> None:
    web = web_on_both
    first = sent(web, header_rows=2, skip_footer=1)
    second = sent(web, EXPORT + b"\n", header_rows=2, skip_footer=1)  # another upload of the same people
    with web.client() as client:
        for said in ({"decimal": ","}, {"decimal": "."}):
            assert client.patch(f"/v1/datasets/{first['id']}/reading", json=said).status_code == 200
    ids = {first["id"], second["id"]}
    with transaction(web.backend.engine) as session:
        rows = session.scalars(select(SharedPeopleRow).where(SharedPeopleRow.dataset_id.in_(ids)))
        pairs = {(row.dataset_id, row.other_id) for row in rows if row.other_id in ids}
        sketches = session.scalars(select(RecordSketchRow.kind).where(RecordSketchRow.dataset_id == first["id"])).all()
        assert session.get_one(DatasetRow, first["id"]).upload_sha256 == first["sha256"]
    assert pairs == {(first["id"], second["id"]), (second["id"], first["id"])}
    assert len(sketches) == len(set(sketches)) > 0


def test_after_a_job_that_was_cancelled_nothing_is_read_anew(web: Web) -> None:
    """The reaper takes the upload from then on, and the table of a reading that it does not know."""
    first = sent(web, header_rows=2, skip_footer=1)
    with transaction(web.backend.engine) as session:
        session.add(
            JobRow(
                id=new_id("job"),
                tenant_id=web.admin.tenant_id,
                dataset_id=first["id"],
                created_by=web.admin.key_id,
                kind=JobKind.SYNTHESIZE,
                state=JobState.CANCELLED,
                options={},
            )
        )
    with web.client() as client:
        is_problem(client.patch(f"/v1/datasets/{first['id']}/reading", json={"decimal": ","}), 409)
        assert client.get(f"/v1/datasets/{first['id']}").json() == first


def test_a_reading_and_an_upload_of_the_same_people_do_not_wait_for_one_another(postgres_settings: Settings) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with serve(postgres_settings) as web, web.client() as client, ThreadPoolExecutor() as threads:
        first = sent(web, header_rows=2, skip_footer=1)["id"]
        second = sent(web, "\n".join(["a,b", *(f"{i * i},{i % 7}" for i in range(60))]).encode())["id"]
        with transaction(web.backend.engine) as session:
            people.alone(session, web.admin.tenant_id)
            reading = threads.submit(client.patch, f"/v1/datasets/{first}/reading", json={"decimal": ","})
            with web.backend.engine.connect() as other:
                wait_for("it waits for the tenant", lambda: other.execute(waits).scalar_one() == 1)
            session.add(SharedPeopleRow(dataset_id=second, other_id=first, tenant_id=web.admin.tenant_id))
        assert reading.result().status_code == 200
