"""API keys open what they should, and nobody can read them back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from app.auth import (
    authenticate,
    create_first_key,
    create_key,
    create_tenant_and_key,
    demand,
    revoke_key,
)
from app.config import Settings
from app.db import connect, transaction
from app.errors import ForbiddenError, UnauthorizedError
from app.orm import TenantRow
from app.states import Scope


@pytest.fixture
def engine(sqlite_settings: Settings) -> Iterator[Engine]:
    engine = connect(sqlite_settings)
    yield engine
    engine.dispose()


def test_a_token_says_who_calls(engine: Engine) -> None:
    key = create_tenant_and_key(engine, "clinic", [Scope.READ, Scope.WRITE])
    caller = authenticate(engine, key.token)
    assert (caller.tenant_id, caller.key_id) == (key.tenant_id, key.key_id)
    assert caller.scopes == {Scope.READ, Scope.WRITE}


@pytest.mark.parametrize("spoil", [lambda t: None, lambda t: "", lambda t: t[:-1], lambda t: t + "a", lambda t: t[3:]])
def test_anything_but_the_token_is_refused(engine: Engine, spoil) -> None:
    key = create_tenant_and_key(engine, "clinic", [Scope.ADMIN])
    with pytest.raises(UnauthorizedError) as refused:
        authenticate(engine, spoil(key.token))
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_secret_of_one_key_does_not_open_another(engine: Engine) -> None:
    one, other = (create_tenant_and_key(engine, name, [Scope.READ]) for name in ("a", "b"))
    mixed = f"{one.token.rsplit('_', 1)[0][:19]}_{other.token.split('_', 2)[2]}"
    with pytest.raises(UnauthorizedError):
        authenticate(engine, mixed)


def test_neither_the_database_nor_a_repr_holds_the_secret(engine: Engine) -> None:
    key = create_tenant_and_key(engine, "clinic", [Scope.READ])
    secret = key.token.split("_", 2)[2]
    assert len(secret) >= 43  # 256 bits in base64
    assert secret not in repr(key)
    with engine.connect() as connection:
        assert secret not in str(connection.execute(text("SELECT * FROM api_keys")).all())


def test_a_revoked_key_opens_nothing(engine: Engine) -> None:
    key = create_tenant_and_key(engine, "clinic", [Scope.READ])
    assert revoke_key(engine, key.key_id)
    assert not revoke_key(engine, key.key_id)
    with pytest.raises(UnauthorizedError):
        authenticate(engine, key.token)


def test_an_administrator_has_every_scope_and_nobody_else_has(engine: Engine) -> None:
    admin = create_tenant_and_key(engine, "clinic", [Scope.ADMIN])
    reader = create_key(engine, admin.tenant_id, [Scope.READ])
    for scope in Scope:
        demand(authenticate(engine, admin.token), scope)
    demand(authenticate(engine, reader.token), Scope.READ)
    for scope in (Scope.WRITE, Scope.REVIEW, Scope.ADMIN):
        with pytest.raises(ForbiddenError):
            demand(authenticate(engine, reader.token), scope)


def test_the_first_key_is_of_the_tenant_in_which_people_were_added_before(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(TenantRow(id="tenant_1", name="clinic"))
    key = create_first_key(engine)
    assert key is not None
    assert key.tenant_id == "tenant_1"


def test_the_first_key_is_given_once_however_many_ask(settings: Settings) -> None:
    engine = connect(settings)
    given = []
    threads = [threading.Thread(target=lambda: given.append(create_first_key(engine))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert len(given) == 6
    assert len([key for key in given if key is not None]) == 1
