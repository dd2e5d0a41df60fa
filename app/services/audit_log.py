"""The audit log of a tenant: listed, and checked against itself and its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.checkpoints import Checkpoint, Found
from app.context import Backend, Caller
from app.db import reading
from app.orm import AuditEventRow, AuditHeadRow, TenantRow
from app.trail import GENESIS, Kind, details_sha256, event_sha256, moment, read_details
from app.wire import AuditEvent, Page

AT_ONCE = 1000
CURSOR = "event_"


def listed(
    backend: Backend, caller: Caller, cursor: str | None, limit: int, *, kind: str | None, subject: str | None
) -> Page[AuditEvent]:
    """The events of the caller's tenant, of one kind or on one thing where that is asked, newest first."""
    event = AuditEventRow
    query = select(event).where(event.tenant_id == caller.tenant_id)
    if cursor is not None:
        query = query.where(event.number < _number(cursor))
    if kind is not None:
        query = query.where(event.kind == kind)
    if subject is not None:
        query = query.where(event.subject == subject)
    with reading(backend.engine) as session:
        rows = session.scalars(query.order_by(event.number.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    return Page(
        items=[_view(row) for row in rows[:limit]], next=f"{CURSOR}{rows[limit - 1].number:x}" if more else None
    )


def _number(cursor: str) -> int:
    """The number in a cursor; one that is none of ours comes before all events."""
    name, _, number = cursor.partition("_")
    return min(int(number, 16), 2**53) if f"{name}_" == CURSOR else 0


def _view(row: AuditEventRow) -> AuditEvent:
    return AuditEvent(
        number=row.number,
        at=moment(row.at),
        kind=row.kind,
        subject=row.subject,
        details=dict(read_details(row) or {}),
        details_sha256=row.details_sha256,
        sha256=row.sha256,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a log, and from which event on."""

    tenant_id: str
    number: int
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was checked and what is wrong."""

    logs: int
    events: int
    checkpoints: int
    faults: tuple[Fault, ...]
    unvouched: int
    """Events after the newest checkpoint of their log: whoever rules the database can have written them anew."""


@dataclass(slots=True)
class _Walk:
    """One log, event by event."""

    tenant_id: str
    checkpoints: Sequence[Checkpoint]
    number: int = 0
    sha256: str = GENESIS
    last_kind: str = ""
    erased: int = 0
    """The first event whose details are gone."""
    faults: list[Fault] = field(default_factory=list)

    def blame(self, what: str, number: int | None = None) -> None:
        self.faults.append(Fault(tenant_id=self.tenant_id, number=self.number if number is None else number, what=what))

    def see(self, event: AuditEventRow) -> None:
        """Compare the event with the one before and with the checkpoints of its number."""
        if event.number != self.number + 1:
            self.blame(f"events {self.number + 1} to {event.number - 1} are missing", self.number + 1)
        elif not _follows(event, self.sha256):
            self.blame("the event is not the one that was written here", event.number)
        self.number, self.sha256, self.last_kind = event.number, event.sha256, event.kind
        if event.details is None:
            self.erased = self.erased or event.number
        elif details_sha256(event.details) != event.details_sha256:
            self.blame("the details of the event were changed")
        if any(each.number == event.number and each.sha256 != event.sha256 for each in self.checkpoints):
            self.blame("the event is another one than at the time of a checkpoint")

    def end(self, head: AuditHeadRow | None, *, lives: bool) -> None:
        """Compare the end with the head and the newest checkpoint."""
        if head is None:
            self.blame("the log has no head" if self.number or self.checkpoints else "the tenant has no log")
        elif (head.number, head.sha256) != (self.number, self.sha256):
            self.blame(f"the log should end with event {head.number}")
        newest = max((each.number for each in self.checkpoints), default=0)
        if newest > self.number:
            self.blame(f"the log had {newest} events at the time of a checkpoint, it ends with {self.number}")
        closed = self.last_kind == Kind.TENANT_ERASED
        if self.erased and not closed:
            self.blame(
                "the details of events are gone, and the log does not say that its tenant was erased", self.erased
            )
        if closed and lives:
            self.blame("the log says that its tenant was erased, who is still there")
        if not closed and not lives:
            self.blame("the tenant is gone, and the log does not say that it was erased")


def verify(engine: Engine, found: Found, *, only: str | None = None) -> Verified:
    """What is wrong with any tenant's log, or with that of `only`.

    The checkpoints have to be read before this is called.
    """
    consistent = (
        engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="REPEATABLE READ")
    )
    faults = [Fault(tenant_id="", number=0, what=f"{name}: {what}") for name, what in found.refused.items()]
    events = unvouched = 0
    with reading(consistent) as session:
        heads = {head.tenant_id: head for head in session.scalars(select(AuditHeadRow))}
        living = set(session.scalars(select(TenantRow.id)))
        written = set(session.scalars(select(AuditEventRow.tenant_id).distinct()))
        tenants = sorted({*heads, *living, *written, *(each.tenant for each in found.checkpoints)})
        tenants = tenants if only is None else [only]
        for tenant_id in tenants:
            walk = _Walk(tenant_id, [each for each in found.checkpoints if each.tenant == tenant_id])
            try:
                for event in _events(session, tenant_id):
                    walk.see(event)
                    events += 1
            except (TypeError, ValueError):  # no value that we write
                walk.blame("the events from here on cannot be read", walk.number + 1)
            walk.end(heads.get(tenant_id), lives=tenant_id in living)
            faults += walk.faults
            unvouched += max(walk.number - max((each.number for each in walk.checkpoints), default=0), 0)
    return Verified(
        logs=len(tenants),
        events=events,
        checkpoints=len(found.checkpoints),
        faults=tuple(faults),
        unvouched=unvouched,
    )


def verify_own(backend: Backend, caller: Caller, found: Found) -> Verified:
    """What is wrong with the log of the caller's tenant. The checkpoints have to be read before this is called."""
    own = Found(checkpoints=tuple(each for each in found.checkpoints if each.tenant == caller.tenant_id), refused={})
    return verify(backend.engine, own, only=caller.tenant_id)


def signed_up_to(found: Found, tenant_id: str) -> Checkpoint | None:
    """The newest checkpoint of a tenant's log."""
    own = [each for each in found.checkpoints if each.tenant == tenant_id]
    return max(own, key=lambda each: each.number, default=None)


def _follows(event: AuditEventRow, previous: str) -> bool:
    try:
        return event_sha256(event, previous) == event.sha256
    except ValueError:  # what has no canonical form was not written by us
        return False


def _events(session: Session, tenant_id: str) -> Iterator[AuditEventRow]:
    """The events of a log in order, some at a time."""
    after = 0
    while True:
        query = select(AuditEventRow).where(AuditEventRow.tenant_id == tenant_id, AuditEventRow.number > after)
        rows = session.scalars(query.order_by(AuditEventRow.number).limit(AT_ONCE)).all()
        yield from rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].number
        session.expunge_all()
