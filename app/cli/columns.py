"""What a person says of the columns on the command line, and is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from app.cli.exits import CommandError, Exit
from app.cli.screen import Screen
from app.report.columns import is_plain, summary

Kind = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=KIND",
        help="What a column is: categorical, numerical, datetime (or datetime:%d/%m/%Y), identifier, text, name, "
        "first_name, last_name, username, email, phone, address, iban, card, national_id, ip, mac, device, url, plate, "
        "coordinates; repeatable.",
    ),
]
Role = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=ROLE", help="What a column is for: feature, person, order or target; repeatable."),
]
Missing = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=MARKER", help="A value that stands for a missing one, such as -999; repeatable."),
]
WIDEST = 28
"""Longer column names are cut in the table of columns."""


def columns_said(kind: Kind = None, role: Role = None, missing: Missing = None) -> dict[str, dict[str, Any]]:
    """`kinds`, `roles` and `missing` by column, as the API reads them; what was not said is left out.

    Raises CommandError where an option has no column or no value, or says two things of one column.
    """
    markers: dict[str, list[str]] = {}
    for pair in missing or ():
        column, marker = _split("--missing", "COLUMN=MARKER", pair)
        markers.setdefault(column, []).append(marker)
    said: dict[str, dict[str, Any]] = {
        "kinds": _once("--kind", "COLUMN=KIND", kind or ()),
        "roles": _once("--role", "COLUMN=ROLE", role or ()),
        "missing": markers,
    }
    return {name: value for name, value in said.items() if value}


def with_categorical(said: Mapping[str, dict[str, Any]], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What was said of the columns, and that these are categorical. Raises CommandError where that is said twice."""
    kinds = dict(said.get("kinds", {}))
    for name in names:
        if name in kinds:
            raise CommandError(f"--categorical: expected each column once, got {name!r} twice", Exit.BAD_INPUT)
        kinds[name] = "categorical"
    return {**said, "kinds": kinds} if kinds else dict(said)


def _once(option: str, form: str, pairs: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        column, value = _split(option, form, pair)
        if column in found:
            raise CommandError(f"{option}: expected each column once, got {column!r} twice", Exit.BAD_INPUT)
        found[column] = value
    return found


def _split(option: str, form: str, pair: str) -> tuple[str, str]:
    # a name may hold an equals sign, a kind and a role do not
    column, equals, value = pair.partition("=") if option == "--missing" else pair.rpartition("=")
    if not column or not equals or (not value and option != "--missing"):
        raise CommandError(f"{option}: expected {form}, got a text without a column or without =", Exit.BAD_INPUT)
    return column, value


def show_columns(screen: Screen, columns: Sequence[Mapping[str, Any]]) -> None:
    """Print how each column was read and why, and what is replaced; columns with nothing to say about share a line."""
    plain = [c for c in columns if is_plain(c)]
    told = [c for c in columns if c not in plain]
    screen.note(f"columns   {len(columns)}; correct any of them with --kind, --role or --missing")
    for kind in ("numerical", "categorical", "datetime"):
        names = [c["name"] for c in plain if c["kind"] == kind]
        if names:
            screen.note(f"  {kind:<12}{', '.join(names)}")
    width = min(WIDEST, max((len(c["name"]) for c in told), default=0))
    for column in told:
        screen.note(f"  {column['name'][:width]:<{width}}  {summary(column)}")
