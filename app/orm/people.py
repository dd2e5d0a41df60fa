"""Whoever uses the service: tenants, people, API keys, keys of operators, and browser sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.names import folded
from app.orm.base import Base, now


def _folded_holder(context: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    given = context.get_current_parameters()
    return folded(given.get("person") or given["id"])


class TenantRow(Base):
    """A customer. Tenants never see each other."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class PersonRow(Base):
    """The account of a person who uses the service. Not one of those whom the tables are about."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "issuer", "subject", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    folded: Mapped[str] = mapped_column(Text)
    """`app.names.folded` of the name; neither of the two ever changes."""
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """In lower case. Nobody else in the installation has it: it is what one signs in with."""
    roles: Mapped[list[str]]
    password_hash: Mapped[str | None]
    code_sha256: Mapped[str | None] = mapped_column(unique=True)
    """Of the code that sets the password, once."""
    code_expires_at: Mapped[datetime | None]
    invited_by: Mapped[str]
    """The name of whoever gave the last code: they could have set the password themselves."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    issuer: Mapped[str | None] = mapped_column(Text)
    """Of the OpenID provider that the person signs in at; None for whoever signs in by password."""
    subject: Mapped[str | None] = mapped_column(String(255))
    """Who it is there. Issuer and subject together are one person, whatever name and address say."""


class ApiKeyRow(Base):
    """An API key: only the SHA-256 of its secret is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    person: Mapped[str] = mapped_column(default="", server_default="")
    """The name of who holds it. Where nobody is named, the key, which hands it on when it is rotated."""
    folded: Mapped[str] = mapped_column(Text, default=_folded_holder)
    """`app.names.folded` of the holder."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    """The account that it belongs to: it may do no more than that person, and ends with the account."""
    name: Mapped[str] = mapped_column(default="", server_default="")
    """What it is for, as its maker said."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    rotated_to: Mapped[str | None]
    """The key that has taken its place."""
    last_used_at: Mapped[datetime | None]
    """Within a minute."""


class OperatorKeyRow(Base):
    """A key of whoever operates the installation, or a session of one, see `app.operators`. It is of no tenant."""

    __tablename__ = "operator_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str]
    name: Mapped[str]
    """Who holds it, as its maker said."""
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("operator_keys.id"))
    """The key whose session it is; None for a key."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class WebSessionRow(Base):
    """A signed-in browser, see `app.sessions`. Neither the cookie nor a key's token can be read from it."""

    __tablename__ = "web_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The SHA-256 of the cookie."""
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"), index=True)
    """None where a person signed in by password."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    sealed_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The API key's token, encrypted under the cookie."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
