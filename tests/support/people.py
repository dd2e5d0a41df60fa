"""People with accounts, whose passwords cost the tests no time."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from sqlalchemy import Engine

from app import accounts, credentials, sessions
from app.auth import IssuedKey, create_key
from app.names import folded
from app.orm import PersonRow
from app.passwords import Passwords
from app.states import Role, Scope
from tests.support.web import Web

PASSWORD = "seven blue herons at dawn"  # noqa: S105 - of people who do not exist
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""A hash says by itself how it is compared, so the service takes as little time for these."""


def add_person(
    web: Web, *roles: Role, name: str = "Ada Lovelace", email: str | None = None, tenant_id: str | None = None
) -> PersonRow:
    """A person of our tenant, or of another, who has set `PASSWORD`; with a number where somebody is called so."""
    tenant_id, address = tenant_id or web.admin.tenant_id, email or f"{secrets.token_hex(6)}@example.org"
    engine = web.backend.engine
    taken = {row.folded for row in accounts.people_of(engine, tenant_id)}
    name = next(each for each in (name, *(f"{name} {n}" for n in range(2, 999))) if folded(each) not in taken)
    made = accounts.add(engine, tenant_id, name=name, email=address, roles=roles, invited_by="a test")
    credentials.use_code(engine, CHEAP, made.code, PASSWORD)
    return accounts.person_of(engine, tenant_id, made.person.id)


def key_of(web: Web, person: PersonRow, *scopes: Scope) -> IssuedKey:
    """A key of the person's account."""
    return create_key(web.backend.engine, person.tenant_id, scopes, owner=person)


def invited(
    engine: Engine, tenant: str, *roles: Role, email: str = "ada@example.org", name: str = "Ada Lovelace"
) -> accounts.Invited:
    """A reviewer, or whoever has these roles, who has set no password yet."""
    return accounts.add(engine, tenant, name=name, email=email, roles=roles or (Role.REVIEWER,), invited_by="Grace")


def active(engine: Engine, tenant: str, *roles: Role, email: str = "ada@example.org") -> PersonRow:
    """The same person, who has set `PASSWORD`."""
    made = invited(engine, tenant, *roles, email=email)
    assert credentials.use_code(engine, CHEAP, made.code, PASSWORD) == email
    return made.person


def signed_in(engine: Engine) -> str:
    """The cookie of a session of that person."""
    return sessions.begin_by_password(engine, credentials.know(engine, CHEAP, "Ada@Example.org ", PASSWORD))
