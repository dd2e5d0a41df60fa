"""The audit log: what happened to a tenant's things, one hash chain for each tenant, written with what it tells of.

    details_sha256 = SHA-256(JCS(details))
    sha256         = SHA-256(JCS({tenant, number, at, kind, subject, details_sha256, previous}))

JCS is canonical JSON (RFC 8785), `previous` the hash of the event before. Who deletes, changes or moves an event, or
puts one in between, breaks the chain. `app.checkpoints` signs its end, so that nobody can write it anew from there.

`record` gathers events in a transaction of `app.db`, which appends them as its last act: whoever appends holds the
chain's head until the commit, and takes no further lock in that time. Details hold a random salt: once they are erased
with their tenant, nobody can guess them from their hash. An event never holds a cell of a table or a secret.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

import rfc8785
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.log import request_id
from app.orm import AuditEventRow, AuditHeadRow, now

GENESIS = "0" * 64
"""What the first event has as the hash of the one before."""
RECORDED = "recorded"
Fact = str | int | bool | None | Sequence[str]


class Kind(StrEnum):
    """What an event tells of."""

    TENANT_CREATED = "tenant.created"
    TENANT_LIMITED = "tenant.limited"
    TENANT_ERASED = "tenant.erased"
    """The last event of a chain: the details of all before it are gone."""
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    PERSON_CREATED = "person.created"
    PERSON_CHANGED = "person.changed"
    """The person has other roles."""
    PERSON_DISABLED = "person.disabled"
    PERSON_ENABLED = "person.enabled"
    PERSON_LINKED = "person.linked"
    """The person signs in at the OpenID provider from now on."""
    PERSON_RESET = "person.reset"
    """The old password has ended, and there is a code that sets another one."""
    PASSWORD_SET = "password.set"  # noqa: S105 - no password
    """`how` says by what: a code, or the password before."""
    SESSION_BEGUN = "session.begun"
    SESSION_ENDED = "session.ended"
    SIGN_IN_REFUSED = "sign_in.refused"
    """The OpenID provider let somebody through who may not come in here: `why` is the reason."""
    DATASET_CREATED = "dataset.created"
    DATASET_READ = "dataset.read"
    """Real records were read: `purpose` says what for."""
    DATASET_CORRECTED = "dataset.corrected"
    DATASET_READ_ANEW = "dataset.read_anew"
    DATASET_DELETED = "dataset.deleted"
    DATASET_RETENTION_SET = "dataset.retention_set"
    """How many days after the training its records go."""
    DATASET_EXPIRED = "dataset.expired"
    """Its records have gone, as was asked."""
    JOB_CREATED = "job.created"
    JOB_MOVED = "job.moved"
    """The job's state is another one."""
    STAGE_BEGUN = "stage.begun"
    """An attempt at a stage began: `real_data` names what it may read of the records."""
    ARTIFACT_PUBLISHED = "artifact.published"
    RELEASE_CREATED = "release.created"
    RELEASE_DECIDED = "release.decided"
    RELEASE_WITHDRAWN = "release.withdrawn"
    RELEASE_DELETED = "release.deleted"
    RELEASE_DOWNLOADED = "release.downloaded"
    CERTIFICATE_ISSUED = "certificate.issued"
    REPORT_READ = "report.read"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_DELETED = "webhook.deleted"
    CONNECTION_CREATED = "connection.created"
    CONNECTION_DELETED = "connection.deleted"
    CONNECTION_READ = "connection.read"
    """A table was read from a database of the tenant's."""
    RELEASE_DELIVERED = "release.delivered"
    """A released table was written to a database or a bucket of the tenant's."""
    FILES_REAPED = "files.reaped"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: an API key or a person who signed in by password, a worker, or whoever runs the installation."""

    id: str
    person: str = ""
    """The name of the person, or of whoever is said to hold the key."""
    account: str = ""
    """The id of the person, also where they used a key of theirs; nothing for a key of nobody's account."""


WORKER, OPERATOR, PROVIDER = Actor("worker"), Actor("operator"), Actor("openid provider")


@dataclass(frozen=True, slots=True)
class _Recorded:
    tenant_id: str
    kind: Kind
    subject: str
    details: Mapping[str, Any]


def begin(session: Session) -> None:
    """Let events be recorded in the session's transaction."""
    session.info[RECORDED] = []


def record(session: Session, tenant_id: str, by: Actor, kind: Kind, subject: str, **facts: Fact) -> None:
    """Have an event about `subject`, the id of something, appended when the transaction commits.

    Raises RuntimeError where the session only reads.
    """
    if RECORDED not in session.info:
        raise RuntimeError("expected a transaction that writes, got one in which no event can be recorded")
    details = {
        "by": by.id,
        "person": by.person,
        "account": by.account,
        "request": request_id(),
        "salt": secrets.token_hex(16),
        "facts": {name: list(fact) if isinstance(fact, (tuple, list)) else fact for name, fact in facts.items()},
    }
    session.info[RECORDED].append(_Recorded(tenant_id, kind, subject, details))


def append_recorded(session: Session) -> None:
    """Append what was recorded, tenant by tenant in the order of their ids: nobody waits for one another in a circle.

    Raises NotFoundError where a tenant was erased.
    """
    recorded: list[_Recorded] = session.info[RECORDED]
    session.info[RECORDED] = []
    for tenant_id, events in groupby(sorted(recorded, key=lambda each: each.tenant_id), lambda each: each.tenant_id):
        head = _head(session, tenant_id)
        for event in events:
            _append(session, head, event)
    if recorded:
        session.flush()


def erase_details(session: Session, tenant_id: str) -> None:
    """Erase the details of all events of a chain but its last, which has to say that the tenant was erased."""
    events = AuditEventRow
    session.execute(
        update(events)
        .where(events.tenant_id == tenant_id, events.kind != Kind.TENANT_ERASED.value)
        .values(details=None)
    )


def details_sha256(details: str) -> str:
    """The hash of details as they are kept: canonical JSON."""
    return hashlib.sha256(details.encode()).hexdigest()


def event_sha256(event: AuditEventRow, previous: str) -> str:
    """The hash of an event whose predecessor has the hash `previous`."""
    said: dict[str, str | int] = {
        "tenant": event.tenant_id,
        "number": event.number,
        "at": moment(event.at),
        "kind": event.kind,
        "subject": event.subject,
        "details_sha256": event.details_sha256,
        "previous": previous,
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def moment(at: datetime) -> str:
    """A point in time as it is hashed: ISO 8601 in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def read_details(event: AuditEventRow) -> Mapping[str, Any] | None:
    """The details of an event, or None where they were erased."""
    details: Mapping[str, Any] | None = None if event.details is None else json.loads(event.details)
    return details


def _head(session: Session, tenant_id: str) -> AuditHeadRow:
    """The head of a chain, made where there is none, and held until the transaction ends."""
    session.execute(
        text(
            "INSERT INTO audit_heads (tenant_id, number, sha256, closed) VALUES (:tenant, 0, :sha256, false) "
            "ON CONFLICT (tenant_id) DO NOTHING"
        ),
        {"tenant": tenant_id, "sha256": GENESIS},
    )
    head = session.get_one(AuditHeadRow, tenant_id, with_for_update=True)
    if head.closed:
        raise NotFoundError("expected a tenant that is there, got one that was erased")
    return head


def _append(session: Session, head: AuditHeadRow, recorded: _Recorded) -> None:
    details = rfc8785.dumps(dict(recorded.details)).decode()
    event = AuditEventRow(
        tenant_id=recorded.tenant_id,
        number=head.number + 1,
        at=now(),
        kind=recorded.kind.value,
        subject=recorded.subject,
        details=details,
        details_sha256=details_sha256(details),
    )
    event.sha256 = event_sha256(event, head.sha256)
    session.add(event)
    head.number, head.sha256 = event.number, event.sha256
    head.closed = recorded.kind is Kind.TENANT_ERASED
