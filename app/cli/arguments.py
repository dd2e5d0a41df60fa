"""What is read from the command line beyond what Typer reads."""

from __future__ import annotations

from collections.abc import Iterable

from app.cli.exits import CommandError, Exit


def parse_conditions(where: Iterable[str]) -> dict[str, str]:
    """Category by column, from `COLUMN=VALUE` each. Raises CommandError where one has no `=` or comes twice."""
    conditions: dict[str, str] = {}
    for pair in where:
        column, equals, category = pair.partition("=")
        if not column or not equals:
            raise CommandError(
                "--where: expected COLUMN=VALUE, got a text without a column or without =", Exit.BAD_INPUT
            )
        if column in conditions:
            raise CommandError(f"--where: expected each column once, got {column!r} twice", Exit.BAD_INPUT)
        conditions[column] = category
    return conditions
