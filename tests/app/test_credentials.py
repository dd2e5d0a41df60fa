"""Passwords: set with a code that works once, changed, and kept by nobody as they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text, update

from app import accounts, credentials, sessions
from app.auth import create_tenant_and_key
from app.config import Settings
from app.db import connect, transaction
from app.errors import InvalidRequestError, UnauthorizedError
from app.orm import PersonRow, now
from app.states import Scope
from tests.support.people import CHEAP, PASSWORD, active, invited, signed_in

OTHER = "nine red foxes before noon"


@pytest.fixture
def engine(sqlite_settings: Settings) -> Iterator[Engine]:
    engine = connect(sqlite_settings)
    yield engine
    engine.dispose()


@pytest.fixture
def tenant(engine: Engine) -> str:
    return create_tenant_and_key(engine, "clinic", [Scope.ADMIN]).tenant_id


def test_a_code_sets_the_password_once(engine: Engine, tenant: str) -> None:
    made = invited(engine, tenant)
    with pytest.raises(UnauthorizedError):
        credentials.know(engine, CHEAP, "ada@example.org", "")
    credentials.use_code(engine, CHEAP, made.code, PASSWORD)
    for code in (made.code, "", "x"):
        with pytest.raises(UnauthorizedError):
            credentials.use_code(engine, CHEAP, code, OTHER)
    caller = sessions.resume(engine, signed_in(engine)).caller
    assert (caller.person_id, caller.key_id, caller.name) == (made.person.id, None, "Ada Lovelace")
    assert caller.scopes == {Scope.REVIEW}


def test_a_code_ends_after_three_days_and_survives_a_bad_password(engine: Engine, tenant: str) -> None:
    made = invited(engine, tenant)
    with pytest.raises(InvalidRequestError, match="characters"):
        credentials.use_code(engine, CHEAP, made.code, "too short")
    assert timedelta(hours=71) < made.person.code_expires_at - now() <= timedelta(hours=72)
    with transaction(engine) as session:
        session.execute(update(PersonRow).values(code_expires_at=now() - timedelta(seconds=1)))
    with pytest.raises(UnauthorizedError):
        credentials.use_code(engine, CHEAP, made.code, PASSWORD)


def test_neither_database_nor_repr_holds_code_password_or_cookie(engine: Engine, tenant: str) -> None:
    made = invited(engine, tenant)
    credentials.use_code(engine, CHEAP, made.code, PASSWORD)
    known = credentials.know(engine, CHEAP, "ada@example.org", PASSWORD)
    cookie = sessions.begin_by_password(engine, known)
    again = accounts.reset(engine, tenant, made.person.id, invited_by="Grace")
    with engine.connect() as connection:
        tables = (text("SELECT * FROM people"), text("SELECT * FROM web_sessions"))
        rows = [str(connection.execute(each).all()) for each in tables]
    for secret in (made.code, again.code, PASSWORD, cookie, known.password_hash):
        assert not any(secret in each for each in (*rows, repr(made), repr(again), repr(known)))


def test_a_changed_password_ends_all_sessions(engine: Engine, tenant: str) -> None:
    person = active(engine, tenant)
    cookie = signed_in(engine)
    known = credentials.know(engine, CHEAP, person.email, PASSWORD)
    device = credentials.device_cookie(known)
    fresh = credentials.change_password(engine, CHEAP, known, OTHER)
    with pytest.raises(UnauthorizedError):
        sessions.resume(engine, cookie)
    assert credentials.device_cookie(fresh) != device
    assert credentials.device_of(engine, person.email) == (person.id, credentials.device_cookie(fresh))
    sessions.begin_by_password(engine, fresh)
