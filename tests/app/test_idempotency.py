"""A repeated POST does its work once, also when both come at the same time and when a process dies between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, QueuePool, create_engine, exc, update

from app import idempotency
from app.auth import create_tenant_and_key
from app.config import Settings
from app.db import bind_to_tenants, connect, transaction
from app.errors import ConflictError, InvalidRequestError
from app.idempotency import LEASE, Answer, Turn, fingerprint, once
from app.orm import IdempotencyRow, TenantRow, new_id, now
from app.states import Scope
from tests.support.jobs import wait_for

SAME = fingerprint("POST /v1/jobs", {"rows": 1})
OTHER = fingerprint("POST /v1/jobs", {"rows": 2})


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = connect(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def tenant(engine: Engine) -> str:
    return create_tenant_and_key(engine, "clinic", [Scope.ADMIN]).tenant_id


def do(engine: Engine, tenant: str, key: str | None, request: str = SAME) -> Answer:
    """Work that leaves a trace: one more tenant."""
    with once(engine, tenant, key, request) as turn:
        if turn.before is not None:
            return turn.before
        with transaction(engine) as session:
            made = new_id("tenant")
            session.add(TenantRow(id=made, name="made"))
            return turn.record(session, Answer(status=201, body={"id": made}, location=f"/{made}"))


def finish_late(engine: Engine, turn: Turn) -> None:
    with transaction(engine) as session:
        session.add(TenantRow(id="late", name="made"))
        turn.record(session, Answer(status=201, body={"id": "late"}))


def count(engine: Engine) -> int:
    with transaction(engine) as session:
        return session.query(TenantRow).filter_by(name="made").count()


def test_the_same_key_gets_the_same_answer_without_new_work(engine: Engine, tenant: str) -> None:
    first, second = do(engine, tenant, "k"), do(engine, tenant, "k")
    assert (second.status, second.body, second.location) == (first.status, first.body, first.location)
    assert second.replayed
    assert not first.replayed
    assert count(engine) == 1


def test_without_a_key_every_request_is_done(engine: Engine, tenant: str) -> None:
    do(engine, tenant, None)
    do(engine, tenant, None)
    assert count(engine) == 2


def test_a_key_belongs_to_one_request(engine: Engine, tenant: str) -> None:
    do(engine, tenant, "k")
    with pytest.raises(InvalidRequestError):
        do(engine, tenant, "k", OTHER)
    assert count(engine) == 1


def test_a_key_belongs_to_one_tenant(engine: Engine, tenant: str) -> None:
    stranger = create_tenant_and_key(engine, "other", [Scope.ADMIN]).tenant_id
    first = do(engine, tenant, "k")
    assert do(engine, stranger, "k").body != first.body


def test_a_request_that_failed_may_be_tried_again(engine: Engine, tenant: str) -> None:
    with pytest.raises(ZeroDivisionError), once(engine, tenant, "k", SAME):
        raise ZeroDivisionError
    assert do(engine, tenant, "k").status == 201


def test_while_the_first_is_served_the_second_is_told_to_wait(engine: Engine, tenant: str) -> None:
    with once(engine, tenant, "k", SAME), pytest.raises(ConflictError) as refused:
        do(engine, tenant, "k")
    assert refused.value.headers["Retry-After"]


def test_a_request_that_is_served_for_long_keeps_its_key(
    engine: Engine, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "RENEW_SECONDS", 0.01)
    with once(engine, tenant, "k", SAME):
        with transaction(engine) as session:
            session.execute(update(IdempotencyRow).values(created_at=now() - LEASE - LEASE))
        wait_for("a sign of life", lambda: _reserved_at(engine) > now() - LEASE)
        with pytest.raises(ConflictError):
            do(engine, tenant, "k")


def test_a_request_goes_on_saying_that_it_lives_after_it_got_no_connection(
    engine: Engine, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = create_engine(engine.url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0)
    if engine.dialect.name == "postgresql":
        bind_to_tenants(few)
    monkeypatch.setattr(idempotency, "RENEW_SECONDS", 0.01)
    refused = threading.Event()
    with once(few, tenant, "k", SAME):
        connect_to, refuse = few.pool.connect, refused.set

        def connect_or_refuse() -> Any:
            try:
                return connect_to()
            except exc.TimeoutError:
                refuse()
                raise

        monkeypatch.setattr(few.pool, "connect", connect_or_refuse)
        with few.connect():
            assert refused.wait(20)
        with transaction(engine) as session:
            session.execute(update(IdempotencyRow).values(created_at=now() - LEASE - LEASE))
        wait_for("a sign of life", lambda: _reserved_at(engine) > now() - LEASE)
    few.dispose()


def _reserved_at(engine: Engine) -> datetime:
    with transaction(engine) as session:
        return session.query(IdempotencyRow).one().created_at


def test_after_a_crash_a_key_is_held_no_longer_than_is_said(engine: Engine, tenant: str) -> None:
    with transaction(engine) as session:  # as a killed process leaves it
        session.add(IdempotencyRow(id="idem_dead", tenant_id=tenant, key="k", request_sha256=SAME))
    with pytest.raises(ConflictError) as refused:
        do(engine, tenant, "k")
    wait = int(refused.value.headers["Retry-After"])
    assert 0 < wait <= 30
    with transaction(engine) as session:
        session.execute(update(IdempotencyRow).values(created_at=now() - timedelta(seconds=wait)))
    assert do(engine, tenant, "k").status == 201


def test_after_a_crash_the_key_becomes_free_and_a_late_first_one_changes_nothing(engine: Engine, tenant: str) -> None:
    with once(engine, tenant, "k", SAME) as slow:
        with transaction(engine) as session:
            session.execute(update(IdempotencyRow).values(created_at=now() - LEASE - LEASE))
        answer = do(engine, tenant, "k")
        with pytest.raises(ConflictError):
            finish_late(engine, slow)
    assert count(engine) == 1
    assert do(engine, tenant, "k").body == answer.body


def test_of_many_at_once_one_does_the_work(engine: Engine, tenant: str) -> None:
    answers: list[str] = []

    def go() -> None:
        try:
            answers.append(do(engine, tenant, "k").body["id"])
        except ConflictError:
            answers.append("wait")

    threads = [threading.Thread(target=go) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert len(set(answers) - {"wait"}) == 1
    assert count(engine) == 1
