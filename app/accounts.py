"""Accounts of people: made with a code that sets the password once, given roles, reset, disabled.

No e-mail is sent. Whoever makes or resets an account is shown the code, once, and gives it to the person. The database
has the SHA-256 of the code and the argon2id hash of the password.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.context import Caller
from app.db import reading, transaction
from app.errors import ConflictError, InvalidRequestError, NotFoundError, UnauthorizedError
from app.identity import PERSON
from app.issued import new_secret, sha256_of
from app.names import folded, plain_email, plain_name
from app.orm import PersonRow, TenantRow, WebSessionRow, new_id, now
from app.states import Role, Scope, scopes_of
from app.trail import OPERATOR, Actor, Kind, record

CODE_HOURS = 72


@dataclass(frozen=True, kw_only=True, slots=True)
class Invited:
    """An account at the one moment when its code is known. Show the code once and forget it."""

    person: PersonRow
    code: str = field(repr=False)


def add(
    engine: Engine,
    tenant_id: str,
    *,
    name: str,
    email: str,
    roles: Collection[Role],
    invited_by: str,
    by: Actor = OPERATOR,
) -> Invited:
    """A new account. Raises InvalidRequestError where name, address or roles cannot be, and ConflictError where
    somebody of the tenant has the name already, or somebody of the installation the address.
    """
    try:
        name, email = plain_name(name), plain_email(email)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error
    code = new_secret()
    row = PersonRow(
        id=new_id(PERSON.rstrip("_")),
        tenant_id=tenant_id,
        name=name,
        folded=folded(name),
        email=email,
        roles=_roles(roles),
    )
    _invite(row, code, invited_by)
    try:
        with transaction(engine) as session:
            if is_taken(session, tenant_id, name):
                raise ConflictError(
                    "expected a name that nobody else of the tenant has, got one in use: add what tells the two apart, "
                    "such as a middle name"
                )
            session.add(row)
            session.flush()
            record(session, tenant_id, by, Kind.PERSON_CREATED, row.id, name=row.name, roles=row.roles)
    except IntegrityError as error:
        raise ConflictError("expected an e-mail address that nobody signs in with, got one in use") from error
    return Invited(person=row, code=code)


def people_of(engine: Engine, tenant_id: str) -> list[PersonRow]:
    """All people of a tenant, those who are disabled too, oldest first."""
    with reading(engine) as session:
        return list(session.scalars(select(PersonRow).where(PersonRow.tenant_id == tenant_id).order_by(PersonRow.id)))


def person_of(engine: Engine, tenant_id: str, person_id: str) -> PersonRow:
    """The person. Raises NotFoundError where the tenant has none of this id."""
    with reading(engine) as session:
        return _person(session, tenant_id, person_id)


def require_no_account(engine: Engine, tenant_id: str, name: str) -> None:
    """Raises ConflictError where somebody of the tenant with an account is called so: nobody else acts in that name."""
    if folded(name) in {row.folded for row in people_of(engine, tenant_id)}:
        raise ConflictError("expected the name of somebody without an account: who has one makes the own keys")


def is_taken(session: Session, tenant_id: str, name: str) -> bool:
    """True where somebody of the tenant has an account of this name, or of one that looks the same. Names stand under
    decisions, so no two may. Nobody else is added to the tenant until the transaction ends.
    """
    session.get(TenantRow, tenant_id, with_for_update={"key_share": True})
    same = select(PersonRow.id).where(PersonRow.tenant_id == tenant_id, PersonRow.folded == folded(name))
    return session.scalar(same.limit(1)) is not None


def find(engine: Engine, who: str) -> PersonRow:
    """The person of this id or e-mail address, of whatever tenant. Raises NotFoundError where there is none."""
    with reading(engine) as session:
        row = session.scalar(select(PersonRow).where((PersonRow.id == who) | (PersonRow.email == who.strip().lower())))
    if row is None:
        raise NotFoundError("expected the id or the e-mail address of a person, got another one")
    return row


def reset(engine: Engine, tenant_id: str, person_id: str, *, invited_by: str, by: Actor = OPERATOR) -> Invited:
    """A new code for the person. The old password and all sessions end at once; keys of the person stay.

    Raises ConflictError where the person signs in at the OpenID provider: a password would be a way around it.
    """
    code = new_secret()
    with transaction(engine) as session:
        row = _person(session, tenant_id, person_id, lock=True)
        if row.subject is not None:
            raise ConflictError(
                "expected a person with a password, got one who signs in at the OpenID provider: reset it at the "
                "provider"
            )
        row.password_hash = None
        _invite(row, code, invited_by)
        end_sessions(session, row.id)
        record(session, tenant_id, by, Kind.PERSON_RESET, row.id)
    return Invited(person=row, code=code)


def set_disabled(engine: Engine, tenant_id: str, person_id: str, *, disabled: bool, by: Actor = OPERATOR) -> PersonRow:
    """The person, who from now on may do nothing, neither by password nor by key; or may again.

    `by` is who changes them. Raises UnauthorizedError where it is a person who is no administrator now.
    """
    with transaction(engine) as session:
        row = _changed(session, tenant_id, person_id, by)
        row.disabled_at = (row.disabled_at or now()) if disabled else None
        if disabled:
            row.code_sha256 = row.code_expires_at = None
            end_sessions(session, row.id)
        record(session, tenant_id, by, Kind.PERSON_DISABLED if disabled else Kind.PERSON_ENABLED, row.id)
    return row


def set_roles(
    engine: Engine, tenant_id: str, person_id: str, roles: Collection[Role], *, by: Actor = OPERATOR
) -> PersonRow:
    """The person with other roles, which hold for their keys and open sessions too. `by` is as in `set_disabled`."""
    with transaction(engine) as session:
        row = _changed(session, tenant_id, person_id, by)
        before, row.roles = row.roles, _roles(roles)
        record(session, tenant_id, by, Kind.PERSON_CHANGED, row.id, roles=row.roles, before=before)
    return row


def caller_of(person: PersonRow) -> Caller:
    """The person as the sender of a request."""
    return Caller(tenant_id=person.tenant_id, person_id=person.id, scopes=scopes_of(person.roles), person=person.name)


def _invite(row: PersonRow, code: str, invited_by: str) -> None:
    row.code_sha256, row.code_expires_at = sha256_of(code), now() + timedelta(hours=CODE_HOURS)
    row.invited_by = invited_by


def _roles(roles: Iterable[Role]) -> list[str]:
    named = sorted({Role(role).value for role in roles})
    if not named:
        raise InvalidRequestError(f"roles: expected one of {', '.join(Role)} at least, got none")
    return named


def _person(session: Session, tenant_id: str, person_id: str, *, lock: bool = False) -> PersonRow:
    row = session.get(PersonRow, person_id, with_for_update=lock or None) if person_id.isprintable() else None
    if row is None or row.tenant_id != tenant_id:
        raise NotFoundError("expected the id of one of the tenant's people, got another one")
    return row


def _changed(session: Session, tenant_id: str, person_id: str, by: Actor) -> PersonRow:
    """The person, locked together with whoever changes them, in one order: of two who shut each other out at the same
    time the second is refused.
    """
    for each in sorted({person_id, by.account} - {""}):
        _person(session, tenant_id, each, lock=True)
    if by.account:
        acting = _person(session, tenant_id, by.account)
        if acting.disabled_at is not None or Scope.ADMIN not in scopes_of(acting.roles):
            raise UnauthorizedError("expected an administrator, got somebody who is one no longer")
    return _person(session, tenant_id, person_id)


def end_sessions(session: Session, person_id: str) -> None:
    """End all sessions of the person."""
    session.execute(delete(WebSessionRow).where(WebSessionRow.person_id == person_id))
