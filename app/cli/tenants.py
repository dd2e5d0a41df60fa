"""The commands on the tenants and the keys of an installation, run where its database is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from app.cli.exits import CommandError, Exit
from app.cli.screen import Screen

tenants = typer.Typer(help="List, limit and delete the tenants of an installation.", no_args_is_help=True)
keys = typer.Typer(help="List, rotate and revoke the API keys of an installation.", no_args_is_help=True)

Home = Annotated[Path | None, typer.Option(help="Folder of the installation; LOOKALIKE_HOME or ./var if not given.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Id of a key, as `keys list` shows it.")]


@tenants.command("list")
def list_tenants(home: Home = None) -> None:
    """Print the id and name of each tenant."""
    from app.cli.serve import installation, read_settings  # noqa: PLC0415 - loads SQL
    from app.services.tenants import listed  # noqa: PLC0415

    with installation(read_settings(home)) as engine:
        for tenant_id, name in listed(engine):
            Screen.of_process().say(f"{tenant_id}  {name}")


@tenants.command("delete")
def delete_tenant(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Id of a tenant, as `tenants list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Really delete it; nothing brings it back.")] = False,
    home: Home = None,
) -> None:
    """Delete a tenant: its keys, tables, models, reports, releases and every file of theirs."""
    from app.blobs import open_blobs  # noqa: PLC0415
    from app.cli.serve import installation, read_settings  # noqa: PLC0415
    from app.errors import ServiceError  # noqa: PLC0415
    from app.services import tenants as service  # noqa: PLC0415

    if not yes:
        raise CommandError("expected --yes, for nothing brings a deleted tenant back", Exit.BAD_INPUT)
    settings = read_settings(home)
    with installation(settings) as engine:
        try:
            files = service.delete_tenant(engine, open_blobs(settings), tenant)
        except ServiceError as error:
            raise CommandError(error.detail) from error
    Screen.of_process().say(f"deleted, with {files} files")


@tenants.command("limit")
def limit_tenant(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Id of a tenant, as `tenants list` shows it.")],
    name: Annotated[str | None, typer.Argument(help="Which limit; all are shown where none is named.")] = None,
    value: Annotated[str | None, typer.Argument(help="A number, or `default` for what the settings say.")] = None,
    home: Home = None,
) -> None:
    """Show the limits of a tenant, or give it one of its own."""
    from app.cli.serve import installation, read_settings  # noqa: PLC0415
    from app.errors import ServiceError  # noqa: PLC0415
    from app.services import quotas  # noqa: PLC0415

    if (name is None) != (value is None) or (value not in {None, "default"} and not str(value).isdecimal()):
        raise CommandError("expected the name of a limit and a number or `default`, or neither", Exit.BAD_INPUT)
    settings = read_settings(home)
    with installation(settings) as engine:
        try:
            if name is not None:
                quotas.set_limit(engine, tenant, name, None if value == "default" else int(str(value)))
            for limit, (number, own) in quotas.shown(engine, settings, tenant).items():
                Screen.of_process().say(f"{limit.value}  {number}  {'of this tenant' if own else 'default'}")
        except ServiceError as error:
            raise CommandError(error.detail, Exit.BAD_INPUT) from error


@keys.command("list")
def list_keys(home: Home = None) -> None:
    """Print each key: id, tenant, who holds it, scopes, last use, and whether it is valid."""
    from app.auth import keys_of  # noqa: PLC0415
    from app.cli.serve import installation, read_settings  # noqa: PLC0415
    from app.services.tenants import listed  # noqa: PLC0415

    with installation(read_settings(home)) as engine:
        for tenant_id, name in listed(engine):
            for row in keys_of(engine, tenant_id):
                used = "never used" if row.last_used_at is None else f"used {row.last_used_at:%Y-%m-%d %H:%M}"
                over = "revoked" if row.revoked_at else _ends(row.expires_at)
                scopes = ",".join(row.scopes)
                Screen.of_process().say(f"{row.id}  {name}  {row.person or row.id}  {scopes}  {used}  {over}")


@keys.command("rotate")
def rotate_key(
    key: KeyId,
    overlap_hours: Annotated[float, typer.Option(min=0, max=720, help="So long the old key stays valid.")] = 0.0,
    home: Home = None,
) -> None:
    """Make a key in place of another one, of the same person and scopes, and print it once."""
    from app import auth  # noqa: PLC0415
    from app.cli.serve import installation, read_settings  # noqa: PLC0415
    from app.errors import ServiceError  # noqa: PLC0415

    with installation(read_settings(home)) as engine:
        try:
            row = auth.key_row(engine, key)
            fresh = auth.rotate_key(engine, row.tenant_id, key, timedelta(hours=overlap_hours))
        except ServiceError as error:
            raise CommandError(error.detail) from error
    Screen.of_process().note("shown this once, only its hash is kept:")
    Screen.of_process().say(fresh.token)


@keys.command("revoke")
def revoke_key(key: KeyId, home: Home = None) -> None:
    """Revoke a key. What it follows ends within a second."""
    from app import auth  # noqa: PLC0415
    from app.cli.serve import installation, read_settings  # noqa: PLC0415

    with installation(read_settings(home)) as engine:
        if not auth.revoke_key(engine, key):
            raise CommandError("expected the id of a key that is not revoked, got another one")
    Screen.of_process().say("revoked")


def _ends(expires_at: datetime | None) -> str:
    if expires_at is None:
        return "valid"
    return f"valid until {expires_at:%Y-%m-%d %H:%M}" if expires_at > datetime.now(UTC) else "expired"
