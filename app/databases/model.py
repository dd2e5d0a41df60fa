"""Which database, which table of it, and how much of it may come."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Literal

import pyarrow as pa

from app.databases.errors import DriverMissingError, SourceAddressError

Tls = Literal["verify", "require", "off"]
MAX_NAME = 128
CONNECT_SECONDS = 15
ROWS_AT_ONCE = 10_000


class DatabaseKind(StrEnum):
    """The databases that can be talked to."""

    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    SQLITE = "sqlite"
    DUCKDB = "duckdb"


PORTS = {DatabaseKind.POSTGRESQL: 5432, DatabaseKind.MYSQL: 3306}
"""Where servers listen unless it is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A database of a server."""

    kind: DatabaseKind
    host: str
    port: int
    database: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = "verify"
    address: str = ""
    """The IP address to connect to in place of what the host's name stands for; empty where the name is asked."""
    roots: str = field(default_factory=lambda: ssl.get_default_verify_paths().cafile or "")
    """A file of the certificates that are believed; SSL_CERT_FILE names another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseFile:
    """A file that is a database."""

    kind: DatabaseKind
    path: Path


Database = Server | DatabaseFile


@dataclass(frozen=True, kw_only=True, slots=True)
class TableName:
    """A table or a view, in the schema that is named or in the one that the database looks into by itself."""

    name: str
    schema: str | None = None

    def __post_init__(self) -> None:
        for part in (self.name, *(() if self.schema is None else (self.schema,))):
            if not 0 < len(part) <= MAX_NAME or not part.isprintable():
                raise SourceAddressError(
                    f"expected names of a table and its schema of 1 to {MAX_NAME} printable characters, got another one"
                )

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A table whose columns are known, and its records as they come."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    notes: tuple[str, ...] = ()
    """What a person has to know of how columns were read."""


def driver(module: str, extra: str) -> ModuleType:
    """The module that talks to a kind of database. Raises DriverMissingError, which names what to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DriverMissingError(
            f"expected the driver {module.partition('.')[0]}, it is not installed: pip install 'lookalike[{extra}]'"
        ) from None
