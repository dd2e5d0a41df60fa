"""Accounts of people who sign in at an OpenID provider. Issuer and subject are the person; an e-mail address is not.

The account is made at the first sign-in, in the tenant that the claims give, and has the roles that they give at each.
Where they give no tenant, another tenant than before, or no role, nobody comes in, and an account that there is loses
its roles and sessions: its API keys may do nothing until the claims give a role again.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import end_sessions, is_taken
from app.db import reading, transaction
from app.errors import ConflictError, NotFoundError
from app.identity import PERSON
from app.names import folded
from app.openid.claims import Arrival
from app.openid.errors import SignInError
from app.orm import PersonRow, TenantRow, new_id
from app.trail import OPERATOR, PROVIDER, Kind, record

BY_PROVIDER = "the OpenID provider"
REFUSED: Mapping[str, str] = {
    "no_tenant": "your provider's claims name no tenant of this service, or several: ask its operator",
    "other_tenant": "expected the tenant that your account is of, got another one: ask whoever runs this service",
    "no_role": "expected claims that give a role here, got others: ask an administrator of your provider",
    "disabled": "expected an account that is open, got one that is disabled: ask an administrator",
    "email_in_use": "expected an e-mail address that no other account has, got one in use: ask whoever runs this "
    "service to link that account to you",
    "name_in_use": "expected a name that no other account of the tenant has, got one in use: if that account is yours, "
    "ask whoever runs this service to link it to you, else have your provider add what tells the two of you apart",
}
GIVES_NOTHING = frozenset({"no_tenant", "other_tenant", "no_role"})
"""What says that the provider no longer lets the person into their account, in place of what it does not say here."""


def arrive(engine: Engine, arrival: Arrival) -> str:
    """The id of the person, whose account is as the claims say. Raises SignInError where they may not come in, which
    is then an event in the log of the tenant, as far as there is one.
    """
    for last in (False, True):
        try:
            with transaction(engine) as session:
                person_id, why = _received(session, arrival)
            break
        except IntegrityError:  # the same person, or somebody of this address, came in at the same moment
            if last:
                raise
    if why:
        raise SignInError(why, REFUSED[why])
    return person_id


def link(engine: Engine, tenant_id: str, person_id: str, issuer: str, subject: str) -> PersonRow:
    """The person, who from now on signs in at the provider alone: password, code and sessions end.

    Raises ConflictError where another account is of this subject.
    """
    with transaction(engine) as session:
        row = session.get(PersonRow, person_id, with_for_update=True)
        if row is None or row.tenant_id != tenant_id:
            raise NotFoundError("expected the id of one of the tenant's people, got another one")
        other = _person(session, issuer, subject)
        if other is not None and other.id != row.id:
            raise ConflictError("expected a subject of no account, got that of another one")
        row.issuer, row.subject = issuer, subject
        row.password_hash = row.code_sha256 = row.code_expires_at = None
        end_sessions(session, row.id)
        record(session, tenant_id, OPERATOR, Kind.PERSON_LINKED, row.id, issuer=issuer, provider_subject=subject)
    return row


def signs_in_there(engine: Engine, person_id: str | None) -> bool:
    """True where this is a person who signs in at the provider."""
    with reading(engine) as session:
        row = None if person_id is None else session.get(PersonRow, person_id)
        return row is not None and row.subject is not None


def _received(session: Session, arrival: Arrival) -> tuple[str, str]:
    """The id of the person and nothing, or nothing and why not."""
    row = _person(session, arrival.issuer, arrival.subject)
    tenant_id = _tenant(session, arrival.tenant)
    why = _refusal(session, arrival, row, tenant_id)
    known_in = row.tenant_id if row is not None else tenant_id
    if why:
        if known_in is not None:
            about = known_in if row is None else row.id
            came = {"issuer": arrival.issuer, "provider_subject": arrival.subject}
            record(session, known_in, PROVIDER, Kind.SIGN_IN_REFUSED, about, why=why, **came)
        if row is not None and why in GIVES_NOTHING:
            end_sessions(session, row.id)
            _give(session, row, [])
        return "", why
    if row is None:
        row = _made(session, arrival, tenant_id or "")
    _give(session, row, sorted(role.value for role in arrival.roles))
    return row.id, ""


def _give(session: Session, row: PersonRow, roles: list[str]) -> None:
    """These roles in place of those of before, which holds for API keys of the person, too."""
    if row.roles != roles:
        before, row.roles = row.roles, roles
        record(session, row.tenant_id, PROVIDER, Kind.PERSON_CHANGED, row.id, roles=roles, before=before)


def _refusal(session: Session, arrival: Arrival, row: PersonRow | None, tenant_id: str | None) -> str:
    """Why they may not come in; nothing where they may."""
    if tenant_id is None:
        return "no_tenant"
    if row is not None and row.tenant_id != tenant_id:
        return "other_tenant"
    if not arrival.roles:
        return "no_role"
    if row is not None:
        return "" if row.disabled_at is None else "disabled"
    if session.scalar(select(PersonRow.id).where(PersonRow.email == arrival.email)) is not None:
        return "email_in_use"
    return "name_in_use" if is_taken(session, tenant_id, arrival.name) else ""


def _made(session: Session, arrival: Arrival, tenant_id: str) -> PersonRow:
    row = PersonRow(
        id=new_id(PERSON.rstrip("_")),
        tenant_id=tenant_id,
        name=arrival.name,
        folded=folded(arrival.name),
        email=arrival.email,
        roles=sorted(role.value for role in arrival.roles),
        invited_by=BY_PROVIDER,
        issuer=arrival.issuer,
        subject=arrival.subject,
    )
    session.add(row)
    session.flush()
    facts = {"name": row.name, "roles": row.roles, "issuer": arrival.issuer, "provider_subject": arrival.subject}
    record(session, tenant_id, PROVIDER, Kind.PERSON_CREATED, row.id, **facts)
    return row


def _person(session: Session, issuer: str, subject: str) -> PersonRow | None:
    same = select(PersonRow).where(PersonRow.issuer == issuer, PersonRow.subject == subject)
    return session.scalar(same.with_for_update())


def _tenant(session: Session, named: str) -> str | None:
    """The id of the one tenant of this id or name; None where there is none, or several have the name."""
    if not named:
        return None
    found = session.scalars(select(TenantRow.id).where((TenantRow.id == named) | (TenantRow.name == named))).all()
    return found[0] if len(found) == 1 else None
