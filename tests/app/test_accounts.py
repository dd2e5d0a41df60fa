"""Accounts: of one person each, reset, disabled, with the rights of their roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from app import accounts, credentials, sessions
from app.auth import authenticate, create_key, create_tenant_and_key, require_valid, rotate_key
from app.config import Settings
from app.db import connect, transaction
from app.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError, UnauthorizedError
from app.orm import WebSessionRow, now
from app.states import ROLE_SCOPES, Role, Scope, scopes_of, within
from app.trail import Actor
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


def test_an_address_is_of_one_person_in_the_whole_installation(engine: Engine, tenant: str) -> None:
    invited(engine, tenant)
    other = create_tenant_and_key(engine, "other", [Scope.ADMIN]).tenant_id
    for where in (tenant, other):
        with pytest.raises(ConflictError):
            invited(engine, where, email="ADA@example.org", name="Eve Moneypenny")
    for bad in ({"name": "Ada\u202e"}, {"email": "ada"}, {"roles": []}):
        fields = {"name": "Ada", "email": "b@example.org", "roles": [Role.ADMIN], "invited_by": "x"} | bad
        with pytest.raises(InvalidRequestError):
            accounts.add(engine, tenant, **fields)


def test_no_two_people_of_a_tenant_have_names_that_look_the_same(engine: Engine, tenant: str) -> None:
    first = invited(engine, tenant)
    accounts.set_disabled(engine, tenant, first.person.id, disabled=True)
    other = create_tenant_and_key(engine, "other", [Scope.ADMIN]).tenant_id
    for number, name in enumerate(("Ada Lovelace", "ADA  LOVELACE", "\uff21da Love lace")):
        fields = {"name": name, "email": f"{number}@example.org", "roles": [Role.ADMIN], "invited_by": "x"}
        with pytest.raises(ConflictError, match="middle name"):
            accounts.add(engine, tenant, **fields)
        if number == 0:
            accounts.add(engine, other, **fields)


def test_a_reset_ends_password_and_sessions_and_leaves_keys(engine: Engine, tenant: str) -> None:
    person = active(engine, tenant)
    key = create_key(engine, tenant, [Scope.REVIEW], owner=person)
    cookies = [signed_in(engine), sessions.begin(engine, authenticate(engine, key.token), key.token)]
    callers = [sessions.resume(engine, cookie).caller for cookie in cookies]
    known = credentials.know(engine, CHEAP, person.email, PASSWORD)
    made = accounts.reset(engine, tenant, person.id, invited_by="Grace")
    for cookie, caller in zip(cookies, callers, strict=True):
        with pytest.raises(UnauthorizedError):
            sessions.resume(engine, cookie)
        with pytest.raises(UnauthorizedError):
            require_valid(engine, caller)
    with pytest.raises(UnauthorizedError):
        sessions.begin_by_password(engine, known)  # the password was compared before the reset
    with pytest.raises(UnauthorizedError):
        credentials.change_password(engine, CHEAP, known, OTHER)
    with pytest.raises(UnauthorizedError):
        credentials.know(engine, CHEAP, person.email, PASSWORD)
    require_valid(engine, authenticate(engine, key.token))
    credentials.use_code(engine, CHEAP, made.code, OTHER)
    credentials.know(engine, CHEAP, person.email, OTHER)


def test_whoever_is_disabled_does_nothing_until_enabled(engine: Engine, tenant: str) -> None:
    person = active(engine, tenant)
    key = create_key(engine, tenant, [Scope.REVIEW], owner=person)
    cookie, caller = signed_in(engine), authenticate(engine, key.token)
    other = invited(engine, tenant, email="b@example.org", name="Grace Hopper").person
    pending = accounts.reset(engine, tenant, other.id, invited_by="x")
    for each in (person.id, pending.person.id):
        accounts.set_disabled(engine, tenant, each, disabled=True)
    for refused in (
        lambda: sessions.resume(engine, cookie),
        lambda: signed_in(engine),
        lambda: authenticate(engine, key.token),
        lambda: require_valid(engine, caller),
        lambda: credentials.use_code(engine, CHEAP, pending.code, PASSWORD),
    ):
        with pytest.raises(UnauthorizedError):
            refused()
    with pytest.raises(NotFoundError):
        rotate_key(engine, tenant, key.key_id, timedelta(0), by=accounts.caller_of(person).actor)
    accounts.set_disabled(engine, tenant, person.id, disabled=False)
    assert authenticate(engine, key.token).person_id == person.id
    signed_in(engine)
    with pytest.raises(UnauthorizedError):
        sessions.resume(engine, cookie)


def test_a_key_does_no_more_than_its_person_may_now(engine: Engine, tenant: str) -> None:
    person = active(engine, tenant, Role.ADMIN)
    key = create_key(engine, tenant, [Scope.ADMIN], owner=person)
    reader = create_key(engine, tenant, [Scope.READ], owner=person)
    assert authenticate(engine, key.token).may(Scope.WRITE)
    accounts.set_roles(engine, tenant, person.id, [Role.REVIEWER])
    assert authenticate(engine, key.token).scopes == {Scope.REVIEW}
    assert authenticate(engine, reader.token).scopes == frozenset()
    with pytest.raises(ForbiddenError):
        rotate_key(engine, tenant, key.key_id, timedelta(0), by=Actor(reader.key_id))
    fresh = rotate_key(engine, tenant, key.key_id, timedelta(0), by=accounts.caller_of(person).actor)
    assert authenticate(engine, fresh.token).person_id == person.id


def test_roles_bring_the_scopes_of_the_one_table() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    assert scopes_of(["uploader", "reviewer"]) == {Scope.READ, Scope.WRITE, Scope.REVIEW}
    assert scopes_of([]) == frozenset()
    everything = frozenset({Scope.ADMIN})
    assert within(everything, frozenset({Scope.READ})) == {Scope.READ}
    assert within(frozenset({Scope.READ, Scope.WRITE}), frozenset({Scope.READ})) == {Scope.READ}
    assert within(frozenset({Scope.WRITE}), everything) == {Scope.WRITE}


def test_the_docs_quote_that_table() -> None:
    told = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    for role, scopes in ROLE_SCOPES.items():
        assert f"| {role} | {', '.join(sorted(scopes))} |" in told


def test_of_another_tenant_there_is_nobody(engine: Engine, tenant: str) -> None:
    person = active(engine, tenant)
    other = create_tenant_and_key(engine, "other", [Scope.ADMIN]).tenant_id
    for person_id in (person.id, "person_none", "\0", "\ud800", ""):
        where = other if person_id == person.id else tenant
        with pytest.raises(NotFoundError):
            accounts.reset(engine, where, person_id, invited_by="x")
        with pytest.raises(NotFoundError):
            accounts.set_disabled(engine, where, person_id, disabled=True)
    assert accounts.people_of(engine, other) == []


def test_a_session_is_over_after_its_hours(engine: Engine, tenant: str) -> None:
    active(engine, tenant)
    cookie = signed_in(engine)
    caller = sessions.resume(engine, cookie).caller
    require_valid(engine, caller)
    with transaction(engine) as session:
        session.execute(update(WebSessionRow).values(expires_at=now()))
    with pytest.raises(UnauthorizedError):
        require_valid(engine, caller)
    require_valid(engine, replace(caller, session_id=None))
