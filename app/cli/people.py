"""The commands on the people of an installation, run where its database is."""

# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exits import CommandError
from app.cli.options import Home
from app.cli.screen import Screen
from app.states import ROLE_SCOPES, Role

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from app.accounts import Invited

BY_COMMAND = "the command line"
"""Who has given a code, where it was made here."""
people = typer.Typer(help="Add, list, disable and reset the people of an installation.", no_args_is_help=True)
Who = Annotated[str, typer.Argument(metavar="PERSON", help="Id or e-mail address of a person, as `people list` shows.")]
Roles = Annotated[
    list[Role],
    typer.Option(
        "--role",
        help="Repeatable: "
        + ", ".join(f"{role} ({' '.join(sorted(scopes))})" for role, scopes in ROLE_SCOPES.items())
        + ".",
    ),
]


@people.command("add")
def add_person(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As it will stand under decisions.")],
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="What the person signs in with.")],
    role: Roles,
    tenant: Annotated[str | None, typer.Option(help="Name of the tenant; created where there is none.")] = None,
    home: Home = None,
) -> None:
    """Make an account, and print the code that sets its password. No e-mail is sent."""
    from app import accounts
    from app.cli.serve import tenant_named

    with _engine(home) as engine:
        tenant_id = tenant_named(engine, tenant)
        _show(accounts.add(engine, tenant_id, name=name, email=email, roles=role, invited_by=BY_COMMAND))


@people.command("list")
def list_people(home: Home = None) -> None:
    """Print each person: id, tenant, name, e-mail, roles, state, last sign-in."""
    from app.accounts import people_of
    from app.services.people import view
    from app.services.tenants import listed

    with _engine(home) as engine:
        for tenant_id, tenant in listed(engine):
            for row in people_of(engine, tenant_id):
                person = view(row)
                at = person.last_sign_in_at
                used = "never signed in" if at is None else f"signed in {at:%Y-%m-%d %H:%M}"
                roles = ",".join(person.roles)
                Screen.of_process().say(
                    f"{person.id}  {tenant}  {person.name}  {person.email}  {roles}  {person.state}  {used}"
                )


@people.command("disable")
def disable_person(who: Who, home: Home = None) -> None:
    """Disable an account: its sessions, keys and event streams end at once. `enable` opens it again."""
    _set_disabled(who, home, disabled=True)


@people.command("enable")
def enable_person(who: Who, home: Home = None) -> None:
    """Open an account that was disabled; password and keys are those of before."""
    _set_disabled(who, home, disabled=False)


@people.command("roles")
def change_roles(who: Who, role: Roles, home: Home = None) -> None:
    """Give a person these roles in place of those of before."""
    from app import accounts

    with _engine(home) as engine:
        row = accounts.find(engine, who)
        accounts.set_roles(engine, row.tenant_id, row.id, role)
    Screen.of_process().say(",".join(sorted(role)))


@people.command("reset")
def reset_person(who: Who, home: Home = None) -> None:
    """End a person's password and sessions, and print the code that sets another password. Keys stay."""
    from app import accounts

    with _engine(home) as engine:
        row = accounts.find(engine, who)
        _show(accounts.reset(engine, row.tenant_id, row.id, invited_by=BY_COMMAND))


@people.command("link")
def link_person(
    who: Who,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The claim `sub` of the person at the provider.")],
    home: Home = None,
) -> None:
    """Let a person sign in at the OpenID provider of the settings, and no longer by password."""
    from app import accounts, federated
    from app.cli.serve import read_settings

    issuer = read_settings(home).oidc_issuer
    if not issuer:
        raise CommandError(
            "expected an OpenID provider in the settings, got none: set LOOKALIKE_OIDC_ISSUER and what goes with it "
            "as for the service"
        )
    with _engine(home) as engine:
        row = accounts.find(engine, who)
        federated.link(engine, row.tenant_id, row.id, issuer, subject)
    Screen.of_process().say("linked")


def _set_disabled(who: str, home: Path | None, *, disabled: bool) -> None:
    from app import accounts

    with _engine(home) as engine:
        row = accounts.find(engine, who)
        accounts.set_disabled(engine, row.tenant_id, row.id, disabled=disabled)
    Screen.of_process().say("disabled" if disabled else "enabled")


def _show(invited: Invited) -> None:
    person, screen = invited.person, Screen.of_process()
    screen.note(f"{person.name} ({person.id}) sets a password on the page /set-password with this code,")
    screen.note(f"once, until {person.code_expires_at:%Y-%m-%d %H:%M} UTC; only its hash is kept:")
    screen.say(invited.code)


@contextmanager
def _engine(home: Path | None) -> Iterator[Engine]:
    """The installation's database. Raises CommandError with what the service refuses."""
    from app.cli.serve import installation, read_settings
    from app.errors import ServiceError

    with installation(read_settings(home)) as engine:
        try:
            yield engine
        except ServiceError as error:
            raise CommandError(error.detail) from error
