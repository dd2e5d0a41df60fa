"""The databases of an installation as files: SQLite by its own backup, PostgreSQL by pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect, make_url

from app.config import Settings
from app.db import EVERYBODY, connect
from app.errors import ServiceError
from app.home import private_file

APPLICATION, JOBS, POSTGRES = "lookalike.db", "jobs.db", "postgres.dump"


class DumpError(ServiceError):
    """A database cannot be copied or brought back."""

    code = "dump"
    title = "The database could not be copied"


def dump(settings: Settings, folder: Path) -> Iterator[tuple[str, Path]]:
    """The name and file of each database's copy, made in `folder` while everything runs on.

    The queue comes first: a job that is not in it yet is handed in anew after a restore.
    """
    if not settings.is_sqlite:
        path = folder / POSTGRES
        plainly = ("--no-owner", "--no-privileges", "--enable-row-security")
        _run(settings, "pg_dump", "--format=custom", *plainly, f"--file={path}")
        yield POSTGRES, path
        return
    for name, source in _sqlite(settings):
        if source.exists():
            with (
                closing(sqlite3.connect(source)) as found,
                closing(sqlite3.connect(private_file(folder / name))) as copy,
            ):
                found.backup(copy)
            yield name, folder / name


def load(settings: Settings, folder: Path) -> None:
    """Bring back what `dump` has written. Raises DumpError where there is a database already, or of another kind."""
    if not settings.is_sqlite:
        _require(folder / POSTGRES)
        engine = connect(settings)
        try:
            if inspect(engine).get_table_names():
                raise DumpError("expected an empty database at LOOKALIKE_DATABASE_URL, got one with tables")
        finally:
            engine.dispose()
        _run(settings, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", str(folder / POSTGRES))
        return
    _require(folder / APPLICATION)
    for name, target in _sqlite(settings):
        if target.exists():
            raise DumpError(f"expected a home without a database, got one: {target}")
        if (folder / name).exists():
            shutil.copyfile(folder / name, private_file(target))


def _sqlite(settings: Settings) -> list[tuple[str, Path]]:
    application = settings.database_file
    if application is None:
        raise ValueError("expected an installation on SQLite")
    return [(JOBS, settings.home.resolve() / JOBS), (APPLICATION, application)]


def _require(path: Path) -> None:
    if not path.exists():
        raise DumpError(f"expected a backup of the same kind of database, got one without {path.name}")


def _run(settings: Settings, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the installation's database; its password is in no command line."""
    found = shutil.which(program)
    if found is None:
        raise DumpError(f"expected {program} of PostgreSQL on this machine, found none: install its client programs")
    url = make_url(settings.resolved_database_url)
    where = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    environment = {**os.environ, **{name: str(value) for name, value in where.items() if value is not None}}
    environment["PGOPTIONS"] = f"-c app.tenant={EVERYBODY}"
    environment |= {f"PG{name.upper()}": str(value) for name, value in url.query.items()}
    database = () if program == "pg_dump" else (f"--dbname={url.database}",)
    named = (str(url.database),) if program == "pg_dump" else ()
    done = subprocess.run(
        [found, *database, *arguments, *named], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DumpError(f"{program} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
