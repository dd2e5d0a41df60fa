"""The commands on the keys of operators, and what such a key shows."""

# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

import json
from typing import Annotated

import typer

from app.cli.client import Client
from app.cli.exits import CommandError
from app.cli.options import DEFAULT_URL, Home, Key, Url
from app.cli.screen import Screen

operators = typer.Typer(
    help="Make, list and revoke the keys of whoever operates the whole installation.", no_args_is_help=True
)


@operators.command("add")
def add_operator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will hold it.")], home: Home = None
) -> None:
    """Make a key that sees how the whole installation stands, and no tenant's things. It is printed once."""
    from app import operators as service
    from app.cli.serve import installation, read_settings
    from app.names import plain_name

    try:
        name = plain_name(name)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with installation(read_settings(home)) as engine:
        token = service.create(engine, name)
    Screen.of_process().note("shown this once, only its hash is kept:")
    Screen.of_process().say(token)


@operators.command("list")
def list_operators(home: Home = None) -> None:
    """Print each key: id, who holds it, when it was made, and whether it is valid."""
    from app import operators as service
    from app.cli.serve import installation, read_settings

    with installation(read_settings(home)) as engine:
        for row in service.listed(engine):
            state = "revoked" if row.revoked_at else "valid"
            Screen.of_process().say(f"{row.id}  {row.name}  made {row.created_at:%Y-%m-%d %H:%M}  {state}")


@operators.command("revoke")
def revoke_operator(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Id of a key, as `operators list` shows it.")],
    home: Home = None,
) -> None:
    """Revoke a key; its sessions end at once."""
    from app import operators as service
    from app.cli.serve import installation, read_settings
    from app.errors import ServiceError

    with installation(read_settings(home)) as engine:
        try:
            service.revoke(engine, key)
        except ServiceError as error:
            raise CommandError(error.detail) from error
    Screen.of_process().say("revoked")


@operators.command("show")
def show_installation(url: Url = DEFAULT_URL, key: Key = "") -> None:
    """Print as JSON how the installation stands: workers, queues, disk, versions. It takes an operator's key."""
    with Client(url, key) as client:
        typer.echo(json.dumps(client.get("/v1/installation"), indent=2))
