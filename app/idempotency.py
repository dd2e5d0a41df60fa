"""A POST with an Idempotency-Key is done once: sent again, it gets the first answer again.

The key is reserved in a transaction of its own before the work begins; the answer is written in the very transaction
that creates the thing. So there is never a thing without its answer, and a reservation of a dead process holds nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import ConflictError, InvalidRequestError
from app.orm import IdempotencyRow, Json, new_id, now

LEASE = timedelta(seconds=30)
"""After this long without a sign of life a request without an answer is taken for dead."""
RENEW_SECONDS = 8.0
"""How often a request that is served says that it lives."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a POST is answered with."""

    status: int
    body: Json
    location: str | None = None
    replayed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """The right to do the work, or the answer of whoever did it before."""

    before: Answer | None = None
    reservation: str | None = None

    def record(self, session: Session, answer: Answer) -> Answer:
        """The answer, kept in the transaction that does the work. Raises ConflictError where the turn has passed."""
        if self.reservation is None:
            return answer
        row = IdempotencyRow
        kept = session.execute(
            update(row)
            .where(row.id == self.reservation, row.status.is_(None))
            .values(status=answer.status, location=answer.location, response=answer.body)
            .returning(row.id)
        ).all()
        if len(kept) != 1:
            raise ConflictError("expected to hold the Idempotency-Key, got overtaken by a later request with it")
        return answer


def fingerprint(*parts: object) -> str:
    """The SHA-256 of what makes two requests the same request. Parts are JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def once(engine: Engine, tenant_id: str, key: str | None, request_sha256: str) -> Iterator[Turn]:
    """The turn of this request. Without a key every request has its turn.

    Raises InvalidRequestError where the key was used for another request, ConflictError while its first one is served.
    """
    if key is None:
        yield Turn()
        return
    turn = _reserve(engine, tenant_id, key, request_sha256)
    try:
        with _renewed(engine, turn.reservation):
            yield turn
    except BaseException:
        if turn.reservation is not None:
            _forget(engine, turn.reservation)
        raise


@contextmanager
def _renewed(engine: Engine, reservation: str | None) -> Iterator[None]:
    """The lease does not end while the block is served, however long that takes."""
    if reservation is None:
        yield
        return
    over = threading.Event()
    threading.Thread(target=_renew, args=(engine, reservation, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _renew(engine: Engine, reservation: str, over: threading.Event) -> None:
    row = IdempotencyRow
    while not over.wait(RENEW_SECONDS):
        with suppress(SQLAlchemyError), transaction(engine) as session:
            session.execute(update(row).where(row.id == reservation, row.status.is_(None)).values(created_at=now()))


def _reserve(engine: Engine, tenant_id: str, key: str, request_sha256: str) -> Turn:
    reservation = new_id("idem")
    row = IdempotencyRow(id=reservation, tenant_id=tenant_id, key=key, request_sha256=request_sha256)
    try:
        with transaction(engine) as session:
            session.add(row)
    except IntegrityError:
        return _after_another(engine, tenant_id, key, request_sha256)
    return Turn(reservation=reservation)


def _after_another(engine: Engine, tenant_id: str, key: str, request_sha256: str) -> Turn:
    """The turn after the unique constraint has said that somebody was here before."""
    with transaction(engine) as session:
        row = session.scalar(
            select(IdempotencyRow)
            .where(IdempotencyRow.tenant_id == tenant_id, IdempotencyRow.key == key)
            .with_for_update()
        )
        if row is not None and row.request_sha256 != request_sha256:
            raise InvalidRequestError(
                "expected an Idempotency-Key that is new or comes with the same request, got one of another request"
            )
        if row is not None and row.status is not None:
            answer = Answer(status=row.status, body=row.response or {}, location=row.location, replayed=True)
            return Turn(before=answer)
        if row is None or row.created_at > now() - LEASE:
            # it ends sooner, or its process is dead and the lease ends
            left = LEASE if row is None else row.created_at + LEASE - now()
            raise ConflictError(
                "expected no other request with this Idempotency-Key, got one that is being served; try again later",
                headers={"Retry-After": str(max(1, math.ceil(left.total_seconds())))},
            )
        reservation = new_id("idem")
        session.execute(
            update(IdempotencyRow)
            .where(IdempotencyRow.id == row.id)
            .values(id=reservation, created_at=now())
            .execution_options(synchronize_session=False)
        )
        return Turn(reservation=reservation)


def _forget(engine: Engine, reservation: str) -> None:
    with transaction(engine) as session:
        session.execute(delete(IdempotencyRow).where(IdempotencyRow.id == reservation, IdempotencyRow.status.is_(None)))
