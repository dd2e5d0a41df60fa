"""The commands that run an installation: its database, its keys, its processes. Loads SQL, so it is imported late."""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import uvicorn
from alembic.util import CommandError as UnknownVersionError
from pydantic import ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError, OperationalError

from app import accounts, log
from app.auth import IssuedKey, add_tenant, create_first_key, create_key, revoke_key
from app.blobs import open_blobs
from app.child import die_with_parent
from app.cli.client import Client, sentence
from app.cli.exits import CommandError, Exit
from app.cli.screen import Screen
from app.cli.service import Stopped, listen, running
from app.config import Settings
from app.db import connect, migrate, transaction
from app.errors import ConflictError, ServiceError
from app.home import private_folder
from app.jobs.heartbeat import host, living
from app.names import plain_name
from app.openid.config import config_of
from app.openid.errors import OpenIdSettingsError
from app.orm import ApiKeyRow, TenantRow
from app.server import configuration
from app.states import Scope
from app.traces import TracesError, require_extra

HEALTH_SECONDS = 4.0


def read_settings(home: Path | None, said: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment, with `home` and what was said in place of its own.

    Raises CommandError where one cannot be.
    """
    unknown = Settings.unknown_variables(os.environ)
    if unknown:
        raise CommandError(f"settings that there are none of: {', '.join(unknown)}", Exit.BAD_INPUT)
    try:
        given = dict(said or {})
        settings = Settings(**given) if home is None else Settings(home=home, **given)  # type: ignore[arg-type]
        config_of(settings)
        require_extra(settings)
        return settings
    except (OpenIdSettingsError, TracesError) as error:
        raise CommandError(f"invalid settings: {error}", Exit.BAD_INPUT) from error
    except ValidationError as error:
        names = ", ".join(
            f"LOOKALIKE_{'_'.join(str(part) for part in fault['loc'])}".upper() + f" ({fault['msg'].lower()})"
            for fault in error.errors()
        )
        raise CommandError(f"invalid settings: {names}", Exit.BAD_INPUT) from error


@contextmanager
def installation(settings: Settings) -> Iterator[Engine]:
    """The installation's database, brought to the newest version."""
    require_home(settings)
    try:
        migrate(settings)
    except OperationalError as error:
        raise CommandError("expected a database at LOOKALIKE_DATABASE_URL, could not connect to it") from error
    except UnknownVersionError as error:
        raise CommandError("expected a database of this version or an older one, got one of a newer version") from error
    engine = connect(settings)
    try:
        yield engine
    finally:
        engine.dispose()


def require_home(settings: Settings) -> None:
    """Raises CommandError where the home cannot be one, or a database in it is damaged."""
    try:
        private_folder(settings.home)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CommandError(f"expected a folder that can be written to as home: {settings.home}: {reason}") from error
    for file in (settings.home / "jobs.db", settings.database_file):
        if file is None or not file.exists():
            continue
        try:
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA schema_version")
        except sqlite3.DatabaseError as error:
            raise CommandError(f"expected an SQLite database, got a damaged file: {file}; restore a backup") from error


def require_master_key(settings: Settings) -> None:
    """Make the master key of a new installation. Raises CommandError where it is not there, or the store is away."""
    try:
        open_blobs(settings)
    except ServiceError as error:
        raise CommandError(error.detail) from error


def up(screen: Screen, settings: Settings) -> None:
    """Run API and worker until Ctrl-C or SIGTERM, and start again what dies."""
    bound = listen(settings.host, settings.port)
    with installation(settings) as engine:
        require_master_key(settings)
        key = create_first_key(engine) or _key_if_none_is_valid(engine)
    if key is not None:
        screen.say(f"API key (shown this once, only its hash is kept): {key.token}")
        screen.note(
            "people sign in by password once they have an account: lookalike people add NAME EMAIL --role admin --home "
            + shlex.quote(str(settings.home))
        )
    else:
        screen.say("this installation has API keys already; `lookalike key` makes another")
    screen.note("starting API and worker")
    with running(bound, _environment(settings), logs=None) as service:
        try:
            screen.say(f"Lookalike runs at {service.url} (described at {service.url}/v1/openapi.json); Ctrl-C stops it")
            service.watch(screen.note)
        except (KeyboardInterrupt, Stopped):
            screen.note("stopping")


@contextmanager
def local_service(screen: Screen, settings: Settings) -> Iterator[Client]:
    """A client of a service that runs for this block alone, on a free port, with a key that ends with it."""
    bound = listen("127.0.0.1", 0)
    screen.note(f"starting the service in {settings.home}/")
    with installation(settings) as engine:
        key = _new_key(engine, None, [Scope.READ, Scope.WRITE])
        try:
            with running(bound, _environment(settings), logs=settings.home / "logs") as service:
                with Client(service.url, key.token, direct=True) as client:
                    yield client
                screen.note("stopping the service")
        finally:
            revoke_key(engine, key.key_id)


def new_key(
    screen: Screen, settings: Settings, tenant: str | None, scopes: Sequence[Scope], person: str | None = None
) -> None:
    """Print a new API key of the tenant of this name, which is created where there is none."""
    with installation(settings) as engine:
        try:
            name = None if person is None else plain_name(person)
            if name is not None:
                accounts.require_no_account(engine, tenant_named(engine, tenant), name)
        except ValueError as error:
            raise CommandError(f"--person: {error}", Exit.BAD_INPUT) from error
        except ConflictError as error:
            raise CommandError(f"--person: {error.detail}", Exit.BAD_INPUT) from error
        key = _new_key(engine, tenant, scopes, name)
    screen.note("shown this once, only its hash is kept:")
    screen.say(key.token)


def _environment(settings: Settings) -> dict[str, str]:
    """What the children need to know beside the environment that they inherit."""
    return {"LOOKALIKE_HOME": str(settings.home.resolve())}


def _key_if_none_is_valid(engine: Engine) -> IssuedKey | None:
    """An administrator's key where all there were have been revoked, as after `synthesize --local`."""
    with transaction(engine) as session:
        if session.scalar(select(ApiKeyRow.id).where(ApiKeyRow.revoked_at.is_(None)).limit(1)) is not None:
            return None
    return _new_key(engine, None, [Scope.ADMIN])


def tenant_named(engine: Engine, name: str | None) -> str:
    """The id of the tenant of this name, or of the first tenant; one is created where there is none."""
    query = select(TenantRow.id).order_by(TenantRow.created_at).limit(1)
    with transaction(engine) as session:
        found = session.scalar(query if name is None else query.where(TenantRow.name == name))
        return add_tenant(session, name or "default") if found is None else found


def _new_key(engine: Engine, tenant: str | None, scopes: Sequence[Scope], person: str | None = None) -> IssuedKey:
    """A key of the tenant of this name, or of the first tenant; one is created where there is none."""
    return create_key(engine, tenant_named(engine, tenant), scopes, person=person)


def run_api(fd: int | None, *, with_parent: int | None) -> None:
    """Serve the API until SIGTERM, on the socket `fd` or where the settings say."""
    if with_parent is not None:
        die_with_parent(with_parent)
    settings = read_settings(None)
    require_home(settings)
    require_master_key(settings)
    bound = listen(settings.host, settings.port) if fd is None else socket.socket(fileno=fd)
    os.umask(0o077)
    log.configure(settings.log_format)
    config = configuration(
        "app.main:create_app_from_env",
        factory=True,
        log_config=None,
        access_log=False,  # it would print paths and queries; see app.requests
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[bound])


def run_worker(said: Mapping[str, str], *, with_parent: int | None) -> None:
    """Run one worker until SIGTERM, with the settings that were said.

    Raises CommandError where it could not begin or could not go on.
    """
    from app.worker import main  # noqa: PLC0415 - loads the job engine, which no other command needs

    if with_parent is not None:
        die_with_parent(with_parent)
    require_home(read_settings(None, said))
    if main(said=said) != 0:
        raise CommandError("the worker could not begin or could not go on")


def check_health(*, of_worker: bool) -> None:
    """Raises CommandError where the API on this machine is not ready, or no worker lives."""
    settings = read_settings(None)
    if of_worker:
        require_home(settings)
        engine = connect(settings)
        try:
            found = living(engine, host())
        except DBAPIError as error:
            raise CommandError("the database cannot be reached, or is not migrated") from error
        finally:
            engine.dispose()
        if found == 0:
            raise CommandError("no worker on this machine has said within the last minute that it lives")
        return
    try:
        ready = httpx2.get(f"http://127.0.0.1:{settings.port}/readyz", timeout=HEALTH_SECONDS, trust_env=False)
    except httpx2.TransportError as error:
        raise CommandError("the API does not answer") from error
    if not ready.is_success:
        raise CommandError(f"the API is not ready: {sentence(ready)}")
