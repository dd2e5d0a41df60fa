"""The audit log keeps what happened, and whoever tampers with it is found out, whatever they may do in the database."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from app import checkpoints, trail
from app.auth import create_key, create_tenant_and_key, revoke_key
from app.blobs import Blobs, open_blobs
from app.config import Settings
from app.db import connect, reading, transaction
from app.errors import NotFoundError
from app.orm import AuditEventRow, AuditHeadRow
from app.services.audit_log import Verified, verify
from app.services.tenants import delete_tenant
from app.states import Scope
from app.trail import GENESIS, OPERATOR, Kind

THREADS, EACH = 6, 10


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = connect(settings)
    yield opened
    opened.dispose()


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_blobs(settings)


@pytest.fixture
def tenant(engine: Engine) -> str:
    """A tenant with six events."""
    key = create_tenant_and_key(engine, "clinic", [Scope.ADMIN])
    for _ in range(2):
        revoke_key(engine, create_key(engine, key.tenant_id, [Scope.READ], person="Ada").key_id)
    return key.tenant_id


def events_of(engine: Engine, tenant_id: str) -> list[AuditEventRow]:
    query = select(AuditEventRow).where(AuditEventRow.tenant_id == tenant_id).order_by(AuditEventRow.number)
    with reading(engine) as session:
        return list(session.scalars(query))


def checked(engine: Engine, blobs: Blobs, settings: Settings) -> Verified:
    return verify(engine, checkpoints.read(blobs, settings.home))


def test_events_are_chained_and_verified(engine: Engine, blobs: Blobs, settings: Settings, tenant: str) -> None:
    found = events_of(engine, tenant)
    assert [event.kind for event in found] == [
        "tenant.created",
        "key.created",
        *(2 * ["key.created", "key.revoked"]),
    ]
    assert [event.number for event in found] == [1, 2, 3, 4, 5, 6]
    previous = GENESIS
    for event in found:
        assert event.sha256 == trail.event_sha256(event, previous)
        previous = event.sha256
    assert checked(engine, blobs, settings) == Verified(logs=1, events=6, checkpoints=0, faults=(), unvouched=6)
    checkpoints.write(engine, blobs, settings.home)
    assert checkpoints.write(engine, blobs, settings.home) == 0
    assert checked(engine, blobs, settings) == Verified(logs=1, events=6, checkpoints=1, faults=(), unvouched=0)


def test_an_event_comes_with_its_change_or_not_at_all(engine: Engine, tenant: str) -> None:
    def change_and_fail() -> None:
        with transaction(engine) as session:
            trail.record(session, tenant, OPERATOR, Kind.KEY_CREATED, "key_0")
            raise LookupError

    with pytest.raises(LookupError):
        change_and_fail()
    assert len(events_of(engine, tenant)) == 6
    with reading(engine) as session, pytest.raises(RuntimeError, match="a transaction that writes"):
        trail.record(session, tenant, OPERATOR, Kind.KEY_CREATED, "key_0")


CHANGES = (
    "UPDATE audit_events SET kind = 'key.created' WHERE number = 4",
    "UPDATE audit_events SET details = NULL WHERE number = 4",
    "UPDATE audit_events SET number = 40 WHERE number = 4",
    "DELETE FROM audit_events WHERE number = 6",
    "DELETE FROM audit_events",
)


def test_the_database_refuses_to_change_replace_or_empty_the_events(engine: Engine, tenant: str) -> None:
    emptying = (
        "TRUNCATE audit_events"
        if engine.dialect.name == "postgresql"
        else "INSERT OR REPLACE INTO audit_events SELECT * FROM audit_events"
    )
    for statement in (*CHANGES, emptying):
        with engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.exec_driver_sql(statement)
    assert len(events_of(engine, tenant)) == 6


def drop_triggers(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE audit_events DISABLE TRIGGER ALL")
        return
    for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def delete_one(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM audit_events WHERE number = 3")


def delete_the_last_and_set_the_head_back(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM audit_events WHERE number = 6")
    connection.exec_driver_sql(
        "UPDATE audit_heads SET number = 5, sha256 = (SELECT sha256 FROM audit_events WHERE number = 5)"
    )


def delete_all(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM audit_events")
    connection.exec_driver_sql("DELETE FROM audit_heads")


def change_a_kind(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE audit_events SET kind = 'key.created' WHERE number = 4")


def change_who_did_it(connection: Connection) -> None:
    connection.exec_driver_sql(
        "UPDATE audit_events SET details = replace(details, 'operator', 'somebody') WHERE number = 4"
    )


def erase_what_was_said(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE audit_events SET details = NULL WHERE number = 4")


def change_the_order(connection: Connection) -> None:
    for number, to in ((4, 40), (5, 4), (40, 5)):
        connection.execute(
            text("UPDATE audit_events SET number = :to WHERE number = :number"), {"to": to, "number": number}
        )


def add_one(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO audit_events SELECT tenant_id, 7, at, kind, subject, details, details_sha256, sha256"
        " FROM audit_events WHERE number = 6"
    )


def write_anew(connection: Connection) -> None:
    """As somebody would who knows how hashes are made and owns the database."""
    rows = connection.execute(text("SELECT * FROM audit_events ORDER BY number").columns(*AuditEventRow.__table__.c))
    previous = GENESIS
    for row in rows.all():
        values = row._asdict() | ({"kind": "key.rotated"} if row.number == 4 else {})
        event = AuditEventRow(**values)
        previous = trail.event_sha256(event, previous)
        connection.execute(
            text("UPDATE audit_events SET kind = :kind, sha256 = :sha256 WHERE number = :number"),
            {"kind": event.kind, "sha256": previous, "number": event.number},
        )
    connection.execute(text("UPDATE audit_heads SET sha256 = :sha256"), {"sha256": previous})


TAMPERINGS: dict[Callable[[Connection], None], str] = {
    delete_one: "events 3 to 3 are missing",
    delete_the_last_and_set_the_head_back: "the log had 6 events at the time of a checkpoint, it ends with 5",
    delete_all: "the log has no head",
    change_a_kind: "the event is not the one that was written here",
    change_who_did_it: "the details of the event were changed",
    erase_what_was_said: "the log does not say that its tenant was erased",
    change_the_order: "the event is not the one that was written here",
    add_one: "the event is not the one that was written here",
    write_anew: "the event is another one than at the time of a checkpoint",
}


def test_whoever_drops_the_triggers_is_found_out(engine: Engine, blobs: Blobs, settings: Settings, tenant: str) -> None:
    checkpoints.write(engine, blobs, settings.home)
    tables = AuditEventRow.__table__, AuditHeadRow.__table__
    with engine.begin() as connection:
        drop_triggers(connection)
        before = [[row._asdict() for row in connection.execute(select(table))] for table in tables]
    for tamper, said in TAMPERINGS.items():
        with engine.begin() as connection:
            tamper(connection)
        faults = checked(engine, blobs, settings).faults
        assert any(said in fault.what for fault in faults), (tamper.__name__, faults)
        assert {fault.tenant_id for fault in faults} == {tenant}
        with engine.begin() as connection:
            for table, rows in zip(tables, before, strict=True):
                connection.execute(delete(table))
                connection.execute(insert(table), rows)
        assert checked(engine, blobs, settings).faults == ()


def test_a_checkpoint_that_was_changed_or_signed_by_others_is_a_fault(
    engine: Engine, blobs: Blobs, settings: Settings, tenant: str, tmp_path: Path
) -> None:
    checkpoints.write(engine, blobs, settings.home)
    (file,) = checkpoints.newest(blobs).values()
    copies, other = tmp_path / "copies", tmp_path / "other"
    copies.mkdir()
    other.mkdir()
    (copies / "ours.json").write_bytes(file)
    assert not checkpoints.read(blobs, settings.home, copies).refused
    (copies / "changed.json").write_bytes(file.replace(b'"sig": "', b'"sig": "A'))
    strange = Settings(home=other)
    checkpoints.write(engine, open_blobs(strange), other)
    (copies / "theirs.json").write_bytes(*checkpoints.newest(open_blobs(strange)).values())
    (copies / "none.json").write_bytes(b"{}")
    ((key, _),) = blobs.listed(checkpoints.FOLDER)
    blobs.put_bytes(key, b"something else")
    found = checkpoints.read(blobs, settings.home, copies)
    assert set(found.refused) == {key, *(str(copies / f"{name}.json") for name in ("changed", "theirs", "none"))}
    assert len(verify(engine, found).faults) == 4


def test_few_checkpoints_are_kept(engine: Engine, blobs: Blobs, settings: Settings, tenant: str) -> None:
    for _ in range(checkpoints.KEPT + 2):
        create_key(engine, tenant, [Scope.READ])
        checkpoints.write(engine, blobs, settings.home)
    found = checkpoints.read(blobs, settings.home).checkpoints
    assert len(found) == checkpoints.KEPT
    assert max(each.number for each in found) == len(events_of(engine, tenant))


def test_many_who_append_at_once_wait_for_one_another(
    engine: Engine, blobs: Blobs, settings: Settings, tenant: str
) -> None:
    other = create_tenant_and_key(engine, "other", [Scope.ADMIN]).tenant_id
    failed: list[Exception] = []

    def append(first: str, second: str) -> None:
        try:
            for _ in range(EACH):
                with transaction(engine) as session:  # in either order: the log takes its locks in one
                    trail.record(session, first, OPERATOR, Kind.DATASET_READ, "dataset_0")
                    trail.record(session, second, OPERATOR, Kind.DATASET_READ, "dataset_0")
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    pairs = [(tenant, other), (other, tenant)] * (THREADS // 2)
    threads = [threading.Thread(target=append, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [event.number for event in events_of(engine, tenant)] == list(range(1, 6 + THREADS * EACH + 1))
    assert checked(engine, blobs, settings).faults == ()


def test_of_an_erased_tenant_the_chain_stays_without_details(
    engine: Engine, blobs: Blobs, settings: Settings, tenant: str
) -> None:
    checkpoints.write(engine, blobs, settings.home)
    with pytest.raises(NotFoundError):  # there is no file, which is how a second deletion looks
        delete_tenant(engine, blobs, "tenant_none")
    delete_tenant(engine, blobs, tenant)
    *before, last = events_of(engine, tenant)
    assert [event.details for event in before] == [None] * 6
    assert (last.kind, json.loads(last.details)["by"]) == ("tenant.erased", "operator")
    assert checked(engine, blobs, settings).faults == ()
    with pytest.raises(NotFoundError, match="erased"), transaction(engine) as session:
        trail.record(session, tenant, OPERATOR, Kind.KEY_CREATED, "key_0")
    with engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.exec_driver_sql("UPDATE audit_events SET details = 'x' WHERE number = 1")
    with closing(engine.connect()) as connection:
        assert connection.execute(select(AuditHeadRow.closed)).scalar_one() is True
