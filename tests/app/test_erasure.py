"""What is deleted is gone in every copy too, and no key outlives what it is for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.blobs import Blobs, open_blobs
from app.data_keys import dataset_key, outcome_key
from app.db import reading, transaction
from app.errors import NotFoundError, TooManyRequestsError
from app.jobs import ledger
from app.jobs.reaper import reap
from app.orm import AuditEventRow, DatasetRow, JobRow, TableCheckRow, now
from app.services.table_checks import count_check
from app.services.tenants import delete_tenant
from app.states import JobState, ReleaseState
from tests.app.routes.test_uses import asked_of, finished, things
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

LATER = timedelta(hours=2)


class Copies:
    """What lies in the store, kept as a backup keeps it."""

    def __init__(self, web: Web) -> None:
        self.root = web.settings.home / "blobs"
        self.files = {key: (self.root / key).read_bytes() for key in web.stored_files()}
        self.settings = web.settings

    def opens(self, key: str, sha256: str) -> bool:
        """Whether a file can be read once it is brought back."""
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(self.files[key])
        try:
            open_blobs(self.settings).read(key, sha256)
        except NotFoundError:
            return False
        return True


def names(blobs: Blobs) -> set[str]:
    return {name for name, _ in blobs.data_keys()}


def kinds(web: Web, tenant_id: str) -> list[str]:
    with transaction(web.backend.engine) as session:
        return [row.kind for row in session.query(AuditEventRow).filter_by(tenant_id=tenant_id)]


def test_a_deleted_data_set_or_release_does_not_open_in_a_copy_and_others_do(web: Web, tmp_path: Path) -> None:
    gone, stays = (add_release(web, tmp_path, state) for state in (ReleaseState.REJECTED, ReleaseState.RELEASED))
    copies = Copies(web)
    with transaction(web.backend.engine) as session:
        tables = {each.id: session.get_one(DatasetRow, each.dataset_id) for each in (gone, stays)}
    with web.client() as client:
        assert client.delete(f"/v1/releases/{gone.id}").status_code == 204
        assert client.delete(f"/v1/datasets/{stays.dataset_id}").status_code == 204
    assert not copies.opens(gone.csv_key, gone.csv_sha256)
    assert copies.opens(stays.csv_key, stays.csv_sha256)
    assert copies.opens(tables[gone.id].table_key, tables[gone.id].table_sha256)
    assert not copies.opens(tables[stays.id].table_key, tables[stays.id].table_sha256)
    assert {"release.deleted", "dataset.deleted"} <= set(kinds(web, web.admin.tenant_id))


def test_keys_whose_owner_is_gone_failed_or_never_came_are_erased_by_the_reaper(web: Web, tmp_path: Path) -> None:
    engine, blobs, tenant = web.backend.engine, web.backend.blobs, web.admin.tenant_id
    dataset, failed, runs = (
        add_dataset(web, tmp_path),
        *(add_job(web, add_dataset(web, tmp_path), state) for state in (JobState.RUNNING, JobState.RUNNING)),
    )
    for job in (failed, runs):
        blobs.put_bytes(f"{tenant}/jobs/{job.id}/1-report/report", b"report")
    blobs.put_bytes(f"{tenant}/datasets/dataset_none/table", b"real")
    ledger.abandon(engine, failed.id, "why")
    with transaction(engine) as session:
        session.get_one(DatasetRow, dataset.id).deleted_at = now()  # and the process died
    before = names(blobs)
    reap(web.settings, engine, open_blobs(web.settings), at=now() + LATER)
    assert before - names(blobs) == {
        dataset_key(tenant, dataset.id),
        outcome_key(tenant, failed.id),
        dataset_key(tenant, "dataset_none"),
    }


def test_nothing_of_a_deleted_tenant_opens_in_a_copy(web: Web, tmp_path: Path) -> None:
    tenant = web.stranger.tenant_id
    dataset = add_dataset(web, tmp_path, tenant_id=tenant)
    mine = add_dataset(web, tmp_path)
    division = web.backend.blobs.put_bytes(
        f"{tenant}/jobs/job_1/1-seal/assignment", b"01", data_key=f"{tenant}/{tenant}"
    )
    copies = Copies(web)
    delete_tenant(web.backend.engine, web.backend.blobs, tenant)
    assert not [name for name in names(web.backend.blobs) if name.startswith(tenant)]
    assert not copies.opens(dataset.table_key, dataset.table_sha256)
    assert not copies.opens(division.key, division.sha256)
    assert copies.opens(mine.table_key, mine.table_sha256)
    assert kinds(web, tenant)[-1] == "tenant.erased"


def test_whoever_deletes_a_table_and_uploads_it_again_has_no_other_look_at_it(web: Web) -> None:
    """What was asked within a day stays counted, and goes after the day."""
    engine = web.backend.engine
    strict = web.settings.model_copy(update={"table_checks_per_day": 2})
    content = "age,city\n" + "\n".join(f"{20 + i % 50},{'Oslo' if i % 2 else 'Rome'}" for i in range(60))
    with web.client() as client:
        for number in range(2):
            answer = client.post("/v1/datasets", content=content)
            assert answer.status_code == 201
            with reading(engine) as session:
                row = session.get_one(DatasetRow, answer.json()["id"])
            for _ in range(2 if number == 0 else 0):
                count_check(engine, strict, row)
            with pytest.raises(TooManyRequestsError):
                count_check(engine, strict, row)
            assert client.delete(f"/v1/datasets/{row.id}").status_code == 204
    with transaction(engine) as session:
        held = session.scalars(select(TableCheckRow).where(TableCheckRow.tenant_id == row.tenant_id)).all()
    assert len(held) == 2
    reap(web.settings, engine, open_blobs(web.settings), at=now() + timedelta(hours=25))
    with transaction(engine) as session:
        assert session.scalar(select(TableCheckRow)) is None


MADE = {
    "adapt": {"use": "adapt", "dataset_id": ..., "like": ...},
    "change": {"use": "change", "release_id": ..., "conditions": {"city": "Oslo"}},
    "coreset": {"use": "coreset", "release_id": ..., "rows": 9},
}


@pytest.mark.parametrize(
    ("use", "end"),
    [("adapt", "delete"), ("adapt", "expire"), ("change", "withdraw"), ("coreset", "withdraw"), ("coreset", "expire")],
)
def test_no_byte_is_left_of_what_a_use_has_made_of_what_is_no_more(
    web: Web, tmp_path: Path, use: str, end: str
) -> None:
    blobs, ids = web.backend.blobs, things(web, tmp_path)
    gone, stays = (
        finished(web, ids, MADE[use]),
        finished(web, ids, {"use": "odd", "dataset_id": "like", "model_id": ...}),
    )
    with reading(web.backend.engine) as session:
        result = session.get_one(JobRow, gone).artifacts["result"]
    blobs.put_bytes(result["key"].replace("result.zip", "checkpoint"), b"state of real records")
    copies = Copies(web)
    with web.client() as client:
        if end == "withdraw":
            path = f"/v1/releases/{ids['release_id']}/withdrawal"
            assert client.post(path, json={"reason": "sent to a wrong address"}).status_code == 200
        elif end == "delete":
            assert client.delete(f"/v1/datasets/{ids['dataset_id']}").status_code == 204
        else:
            days = {"retention_days": 1}
            assert client.patch(f"/v1/datasets/{ids['dataset_id']}/retention", json=days).status_code == 200
            reap(web.settings, web.backend.engine, open_blobs(web.settings), at=now() + timedelta(days=3))
    assert not [key for key in web.stored_files() if f"/jobs/{gone}/" in key], "no file"
    assert not [name for name in names(blobs) if gone in name], "no key"
    assert not copies.opens(result["key"], result["sha256"]), "no copy that opens"
    with transaction(web.backend.engine) as session:
        told = session.query(AuditEventRow).filter_by(subject=gone, kind="files.reaped").one()
        assert told.details is not None
        assert '"files":2' in told.details
    has_stayed = any(f"/jobs/{stays}/" in key for key in web.stored_files())
    assert has_stayed == (end == "withdraw"), "the other one was made of the data set alone"


def test_a_use_that_runs_keeps_its_key_until_it_ends(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    with web.client() as client:
        job_id = client.post("/v1/uses", json=asked_of(ids, MADE["coreset"])).json()["id"]
        task = ledger.begin_stage(web.backend.engine, job_id, "use")
        assert task is not None
        stored = web.backend.blobs.put_bytes(f"{task.prefix}/result.zip", b"PK", data_key=f"{task.tenant_id}/{job_id}")
        path = f"/v1/releases/{ids['release_id']}/withdrawal"
        assert client.post(path, json={"reason": "sent to a wrong address"}).status_code == 200
    reap(web.settings, web.backend.engine, open_blobs(web.settings), at=now() + LATER)
    assert open_blobs(web.settings).read(stored.key, stored.sha256) == b"PK"
    ledger.abandon(web.backend.engine, job_id, "withdrawn")
    reap(web.settings, web.backend.engine, open_blobs(web.settings), at=now() + LATER)
    assert not [key for key in web.stored_files() if f"/jobs/{job_id}/" in key]


@pytest.mark.parametrize("name", ["lookalike.db", "master-key"])
def test_files_of_the_home_are_for_its_owner_alone(web: Web, name: str) -> None:
    assert (web.settings.home / name).stat().st_mode & 0o077 == 0
    assert web.settings.home.stat().st_mode & 0o077 == 0
