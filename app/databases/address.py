"""The address of a table as it is written on the command line: `postgresql://user@host/database?table=visits`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from app.databases.errors import SourceAddressError
from app.databases.model import PORTS, Database, DatabaseFile, DatabaseKind, Server, TableName, Tls

SCHEMES = {"postgres": DatabaseKind.POSTGRESQL, **{kind.value: kind for kind in DatabaseKind}}
PASSWORDS = {DatabaseKind.POSTGRESQL: "PGPASSWORD", DatabaseKind.MYSQL: "MYSQL_PWD"}
"""Where the password stands that an address leaves out, as the databases' own clients have it."""
KNOWN = ("table", "schema", "tls")
LEVELS = ("verify", "require", "off")
FORM = "postgresql://user@host/database?table=NAME, mysql://..., sqlite:///file?table=NAME or duckdb:///file?table=NAME"


def is_address(text: str) -> bool:
    """Whether a text is the address of a table rather than the name of a file."""
    return "://" in text


def parse_address(text: str, environment: Mapping[str, str] = os.environ) -> tuple[Database, TableName]:
    """The database and the table of it. Raises SourceAddressError, which repeats nothing of the address."""
    try:
        parts = urlsplit(text)
        port = parts.port
        said = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), errors="strict"))
    except ValueError:
        raise SourceAddressError(f"expected {FORM}; got an address that cannot be read") from None
    kind = SCHEMES.get(parts.scheme)
    if kind is None or parts.fragment:
        raise SourceAddressError(f"expected {FORM}; got another kind of address")
    unknown = [name for name in said if name not in KNOWN]
    if unknown:
        raise SourceAddressError("expected table=, schema= and tls= after the ? alone, got other names")
    if not said.get("table"):
        raise SourceAddressError("expected ?table=NAME at the end of the address, got no name of a table")
    table = TableName(name=said["table"], schema=said.get("schema") or None)
    if kind in PORTS:
        return _server(kind, parts, port, said.get("tls"), environment), table
    if parts.netloc or not parts.path.strip("/") or "tls" in said:
        raise SourceAddressError(f"expected {kind.value}:///FILE?table=NAME, got another form")
    # as SQLAlchemy has it: three slashes before a path from here, four before one from the root
    return DatabaseFile(kind=kind, path=Path(unquote(parts.path)[1:])), table


def _server(
    kind: DatabaseKind, parts: SplitResult, port: int | None, tls: str | None, environment: Mapping[str, str]
) -> Server:
    database = unquote(parts.path.strip("/"))
    if not parts.hostname or not database or not parts.username:
        raise SourceAddressError(
            f"expected {kind.value}://user@host/database?table=NAME, got an address without a part"
        )
    if tls is None:
        tls = "off" if parts.hostname in {"localhost", "127.0.0.1", "::1"} else "verify"
    if tls not in LEVELS:
        raise SourceAddressError(f"tls: expected {', '.join(LEVELS)}; got another level")
    password = unquote(parts.password) if parts.password is not None else environment.get(PASSWORDS[kind], "")
    return Server(
        kind=kind,
        host=parts.hostname,
        port=port or PORTS[kind],
        database=database,
        user=unquote(parts.username),
        password=password,
        tls=cast("Tls", tls),
    )
