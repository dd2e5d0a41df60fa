"""The version that brings the right to real data gives it to nobody, and an older program finds nothing of it."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text

from app import accounts
from app.auth import authenticate, create_key, create_tenant_and_key, keys_of
from app.config import Settings
from app.db import connect, migrate, migration_config
from app.states import Role, Scope

BEFORE = "0018"


def test_the_right_to_real_data_goes_with_its_version_and_does_not_come_back(settings: Settings) -> None:
    engine = connect(settings)
    first = create_tenant_and_key(engine, "clinic", [Scope.READ, Scope.WRITE])
    create_key(engine, first.tenant_id, [Scope.READ, Scope.REAL_DATA])
    roles = (Role.UPLOADER, Role.REAL_DATA_READER)
    made = accounts.add(engine, first.tenant_id, name="Ada", email="ada@example.org", roles=roles, invited_by="Grace")
    command.downgrade(migration_config(settings), BEFORE)
    with engine.connect() as connection:
        told = " ".join(str(row) for row in connection.execute(text("SELECT scopes FROM api_keys")))
        told += " ".join(str(row) for row in connection.execute(text("SELECT roles FROM people")))
    assert "real_data" not in told
    assert "uploader" in told
    migrate(settings)
    assert authenticate(engine, first.token).scopes == {Scope.READ, Scope.WRITE}
    assert sorted(row.scopes for row in keys_of(engine, first.tenant_id)) == [["read"], ["read", "write"]]
    assert accounts.person_of(engine, first.tenant_id, made.person.id).roles == ["uploader"]
    engine.dispose()
