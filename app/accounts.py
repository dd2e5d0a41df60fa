"""Accounts of people: made with a code that sets the password once, signed in to, reset, disabled.

No e-mail is sent. Whoever makes or resets an account is shown the code, once, and gives it to the person. The database
has the SHA-256 of the code and the argon2id hash of the password.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine, Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.context import Caller
from app.db import reading, transaction
from app.errors import ConflictError, InvalidRequestError, NotFoundError, UnauthorizedError
from app.identity import PERSON
from app.names import folded, plain_email, plain_name
from app.orm import PersonRow, TenantRow, WebSessionRow, new_id, now
from app.passwords import Passwords, require_good
from app.states import Role, Scope, scopes_of
from app.trail import OPERATOR, Actor, Kind, record

CODE_BYTES = 32
CODE_HOURS = 72
WRONG = "expected the e-mail address and the password of an account, got others"
NO_CODE = (
    "expected a code that was not used yet and is not older than 72 hours, got another one: ask an administrator to "
    "reset your account"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Invited:
    """An account at the one moment when its code is known. Show the code once and forget it."""

    person: PersonRow
    code: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A person who knew the password whose hash this is."""

    person_id: str
    password_hash: str = field(repr=False)


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
    code = secrets.token_urlsafe(CODE_BYTES)
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
    code = secrets.token_urlsafe(CODE_BYTES)
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


def know(engine: Engine, passwords: Passwords, email: str, password: str) -> Known:
    """The person who signs in. Raises UnauthorizedError where address or password is wrong, or the account is disabled
    or was never used: which of these cannot be told, nor by how long it took.
    """
    row = _by_email(engine, email)
    fits = passwords.fits(None if row is None or row.disabled_at is not None else row.password_hash, password)
    if row is None or row.password_hash is None or not fits:
        raise UnauthorizedError(WRONG)
    return Known(person_id=row.id, password_hash=row.password_hash)


def unchanged(session: Session, known: Known) -> PersonRow:
    """The person, locked. Raises UnauthorizedError where password or account are not what they were."""
    row = session.get(PersonRow, known.person_id, with_for_update=True)
    if row is None or row.disabled_at is not None or row.password_hash != known.password_hash:
        raise UnauthorizedError(WRONG)
    return row


def caller_of(person: PersonRow) -> Caller:
    """The person as the sender of a request."""
    return Caller(tenant_id=person.tenant_id, person_id=person.id, scopes=scopes_of(person.roles), person=person.name)


def use_code(engine: Engine, passwords: Passwords, code: str, password: str) -> str:
    """The e-mail address of the person whose code sets this password. The code is used up, and all sessions end.

    Raises UnauthorizedError where the code is none any more, InvalidRequestError where the password is a bad one.
    """
    with reading(engine) as session:
        row = session.scalar(_with_code(code))
    if row is None:
        raise UnauthorizedError(NO_CODE)
    fresh = _hashed(passwords, row, password)
    with transaction(engine) as session:
        current = session.scalar(_with_code(code).with_for_update())
        if current is None:
            raise UnauthorizedError(NO_CODE)
        current.password_hash, current.code_sha256, current.code_expires_at = fresh, None, None
        end_sessions(session, current.id)
        _note_password(session, current, "code")
        return current.email


def change_password(engine: Engine, passwords: Passwords, known: Known, password: str) -> Known:
    """The person with another password, which all their sessions end with. Raises UnauthorizedError where it was
    changed meanwhile, InvalidRequestError where the new one is a bad one.
    """
    with reading(engine) as session:
        row = session.get_one(PersonRow, known.person_id)
    fresh = _hashed(passwords, row, password)
    with transaction(engine) as session:
        current = unchanged(session, known)
        current.password_hash = fresh
        end_sessions(session, current.id)
        _note_password(session, current, "password")
    return Known(person_id=known.person_id, password_hash=fresh)


def device_of(engine: Engine, email: str) -> tuple[str, str]:
    """The id of the account, and the cookie by which a browser shows that somebody has signed in to it there before;
    two empty texts where there is no such account or password. It ends with the password.
    """
    row = _by_email(engine, email)
    if row is None or row.password_hash is None:
        return "", ""
    return row.id, device_cookie(Known(person_id=row.id, password_hash=row.password_hash))


def device_cookie(known: Known) -> str:
    """What a browser keeps of a person who has signed in there."""
    return hmac.new(known.password_hash.encode(), f"device:{known.person_id}".encode(), hashlib.sha256).hexdigest()


def _by_email(engine: Engine, email: str) -> PersonRow | None:
    address = email.strip().lower()
    if not address.isascii() or not address.isprintable():
        return None
    with reading(engine) as session:
        return session.scalar(select(PersonRow).where(PersonRow.email == address))


def _note_password(session: Session, row: PersonRow, how: str) -> None:
    """Write into the audit log that the person has another password, and by what it was set."""
    record(session, row.tenant_id, caller_of(row).actor, Kind.PASSWORD_SET, row.id, how=how)


def _with_code(code: str) -> Select[PersonRow]:
    held = select(PersonRow).where(PersonRow.code_sha256 == _sha256(code))
    return held.where(PersonRow.code_expires_at > now(), PersonRow.disabled_at.is_(None))


def _hashed(passwords: Passwords, row: PersonRow, password: str) -> str:
    try:
        require_good(password, row.email, row.name)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error
    return passwords.hashed(password)


def _invite(row: PersonRow, code: str, invited_by: str) -> None:
    row.code_sha256, row.code_expires_at = _sha256(code), now() + timedelta(hours=CODE_HOURS)
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


def _sha256(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
