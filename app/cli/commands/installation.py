"""The installation on this machine: started, migrated, given keys, looked after."""


# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import Home, WithParent
from app.cli.screen import Screen
from app.states import Scope


def up(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
    home: Home = None,
) -> None:
    """Start API and worker, and print an API key on the first start."""
    from app.cli.serve import read_settings
    from app.cli.serve import up as serve_up

    settings = read_settings(home)
    serve_up(Screen.of_process(), settings if port is None else settings.model_copy(update={"port": port}))


def migrate(home: Home = None) -> None:
    """Bring the installation's database to the newest version, and make its master key where there is none."""
    from app.cli.serve import installation, read_settings, require_master_key

    settings = read_settings(home)
    with installation(settings):
        require_master_key(settings)
        Screen.of_process().say("the database is at the newest version")


def key(
    tenant: Annotated[str | None, typer.Option(help="Name of the tenant; created where there is none.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What the key may do; repeatable.")] = None,
    person: Annotated[str | None, typer.Option(help="Who will hold it; stands under decisions.")] = None,
    home: Home = None,
) -> None:
    """Make an API key in the installation's database and print it once."""
    from app.cli.serve import new_key, read_settings

    new_key(Screen.of_process(), read_settings(home), tenant, scope or [Scope.READ, Scope.WRITE], person)


def renew_certificate_key(home: Home = None) -> None:
    """Make a new key that signs certificates; the old public key stays, so that old certificates can be checked."""
    from app.config import Settings
    from app.signing import renew

    settings = Settings() if home is None else Settings(home=home)
    Screen.of_process().say(f"key       {renew(settings.home)}")


def api(
    fd: Annotated[int | None, typer.Option(hidden=True, help="A socket that listens already.")] = None,
    with_parent: WithParent = None,
) -> None:
    """Run the API alone (LOOKALIKE_HOST, LOOKALIKE_PORT). The database must be migrated."""
    from app.cli.serve import run_api

    run_api(fd, with_parent=with_parent)


def worker(
    queues: Annotated[
        str | None, typer.Option(help="What it serves: gpu (trainings), cpu (all else) or gpu,cpu; LOOKALIKE_QUEUES.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where it trains: auto, cpu or cuda; LOOKALIKE_DEVICE where left out.")
    ] = None,
    with_parent: WithParent = None,
) -> None:
    """Run one worker alone. The database must be migrated."""
    from app.cli.serve import run_worker

    said = {"queues": queues, "device": device}
    run_worker({name: value for name, value in said.items() if value is not None}, with_parent=with_parent)


def health(
    of_worker: Annotated[bool, typer.Option("--worker", help="Check what a worker needs instead.")] = False,
) -> None:
    """Exit with 0 where the API on this machine is ready; for the container's health check."""
    from app.cli.serve import check_health

    check_health(of_worker=of_worker)
