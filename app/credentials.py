"""Passwords of accounts: set by a code, checked at sign-in, changed; and the browsers that signed in before."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session

from app.accounts import caller_of, end_sessions
from app.db import reading, transaction
from app.errors import InvalidRequestError, UnauthorizedError
from app.issued import sha256_of
from app.orm import PersonRow, now
from app.passwords import Passwords, require_good
from app.trail import Kind, record

WRONG = "expected the e-mail address and the password of an account, got others"
NO_CODE = (
    "expected a code that was not used yet and is not older than 72 hours, got another one: ask an administrator to "
    "reset your account"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A person who knew the password whose hash this is."""

    person_id: str
    password_hash: str = field(repr=False)


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
    held = select(PersonRow).where(PersonRow.code_sha256 == sha256_of(code))
    return held.where(PersonRow.code_expires_at > now(), PersonRow.disabled_at.is_(None))


def _hashed(passwords: Passwords, row: PersonRow, password: str) -> str:
    try:
        require_good(password, row.email, row.name)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error
    return passwords.hashed(password)
