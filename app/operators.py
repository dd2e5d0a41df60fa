"""Keys of whoever operates the whole installation: of no tenant, and good for nothing but to see how it stands.

    lo_<prefix>_<secret>

Of the secret the SHA-256 is kept. Who opens the page with a key gets a key of that key for eight hours, as a cookie:
it ends with the key.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import Engine, delete, select

from app.db import reading, transaction
from app.errors import NotFoundError, UnauthorizedError
from app.issued import is_kept, new_prefix, new_secret, sha256_of
from app.log import FIELDS
from app.orm import OperatorKeyRow, now

PREFIX = "lo_"
SESSION = timedelta(hours=8)
logger = logging.getLogger("lookalike.operators")


def is_of_operator(token: str) -> bool:
    """True where a token says of itself that it is a key of an operator."""
    return token.startswith(PREFIX)


def create(engine: Engine, name: str) -> str:
    """The token of a new key, to be shown once."""
    return _create(engine, name)


def begin(engine: Engine, token: str) -> str:
    """The cookie of a session of whoever has shown this key. Raises UnauthorizedError where it is none."""
    key = authenticate(engine, token)
    if key.parent_id is not None:
        raise _unauthorized()
    with transaction(engine) as session:
        session.execute(delete(OperatorKeyRow).where(OperatorKeyRow.expires_at <= now()))
    return _create(engine, key.name, key)


def authenticate(engine: Engine, token: str) -> OperatorKeyRow:
    """The key of this token. Raises UnauthorizedError where it is none, or is valid no more."""
    prefix, _, secret = token.removeprefix(PREFIX).partition("_")
    wanted = _id(prefix) if is_of_operator(token) and prefix.isascii() and prefix.isalnum() else ""
    with reading(engine) as session:
        key = session.get(OperatorKeyRow, wanted)
        parent = session.get(OperatorKeyRow, key.parent_id) if key is not None and key.parent_id else None
    right = is_kept(secret, None if key is None else key.secret_sha256)
    if key is None or not right or not all(_lives(each) for each in (key, parent) if each is not None):
        raise _unauthorized()
    return key


def listed(engine: Engine) -> list[OperatorKeyRow]:
    """All keys but those of sessions, oldest first."""
    found = select(OperatorKeyRow).where(OperatorKeyRow.parent_id.is_(None)).order_by(OperatorKeyRow.created_at)
    with reading(engine) as session:
        return list(session.scalars(found))


def revoke(engine: Engine, key_id: str) -> None:
    """End a key and its sessions. Raises NotFoundError where there is no such key that is valid."""
    with transaction(engine) as session:
        row = session.get(OperatorKeyRow, key_id, with_for_update=True)
        if row is None or row.revoked_at is not None:
            raise NotFoundError("expected the id of an operator's key that is valid, got another one")
        row.revoked_at = now()


def _create(engine: Engine, name: str, parent: OperatorKeyRow | None = None) -> str:
    prefix, secret = new_prefix(), new_secret()
    row = OperatorKeyRow(
        id=_id(prefix),
        secret_sha256=sha256_of(secret),
        name=name,
        parent_id=parent.id if parent else None,
        expires_at=now() + SESSION if parent else None,
    )
    with transaction(engine) as session:
        session.add(row)
    said = "session of an operator begun" if parent else "key of an operator made"
    logger.info(said, extra={FIELDS: {"key": parent.id if parent else row.id}})
    return f"{PREFIX}{prefix}_{secret}"


def _lives(row: OperatorKeyRow) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now())


def _id(prefix: str) -> str:
    return f"operator_{prefix}"


def _unauthorized() -> UnauthorizedError:
    return UnauthorizedError(
        "expected an operator's key lo_..., got none or another one",
        headers={"WWW-Authenticate": 'Bearer realm="lookalike"'},
    )
