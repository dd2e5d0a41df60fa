"""What is read from the command line beyond what Typer reads."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.cli.exits import CommandError, Exit
from synth.table.ranges import AnyOf, Condition, Presence, Range, moment_of

_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?", re.ASCII)
"""No number begins or ends with a dot, so that `..` stands in one place only. So many digits any number has room in."""
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


def parse_more(
    any_of: Iterable[str], missing: Iterable[str], present: Iterable[str], given: Mapping[str, Condition]
) -> dict[str, Condition]:
    """`given` with conditions from `COLUMN=A,B` each, and from names of columns that are missing, or present.

    Values with a comma stand in quotes. Raises CommandError where one cannot be read or a column comes twice.
    """
    conditions = dict(given)
    for pair in any_of:
        column, values = _split("--any-of", "COLUMN=A,B", pair)
        _add(conditions, "--any-of", column, AnyOf(tuple(next(csv.reader([values]), []))))
    for option, names, wanted in (
        ("--missing-in", missing, Presence.MISSING),
        ("--present-in", present, Presence.PRESENT),
    ):
        for column in names:
            _add(conditions, option, column, wanted)
    return conditions


def parse_conditions(
    where: Iterable[str], within: Iterable[str] = (), *, option: str = "--where"
) -> dict[str, str | Range]:
    """Conditions by column: categories from `COLUMN=VALUE` each, ranges from `COLUMN=FROM..TO` each.

    Ranges have an option of their own, because a category may read like one, and whoever only sends a table does not
    know its columns yet. `option` is what the categories were given by. Raises CommandError where one cannot be read or
    a column comes twice.
    """
    conditions: dict[str, str | Range] = {}
    for pair in where:
        column, category = _split(option, "COLUMN=VALUE", pair)
        _add(conditions, option, column, category)
    for pair in within:
        column, ends = _split("--within", "COLUMN=FROM..TO", pair)
        _add(conditions, "--within", column, _range(ends))
    return conditions


def _split(option: str, form: str, pair: str) -> tuple[str, str]:
    column, equals, value = pair.partition("=")
    if not column or not equals:
        raise CommandError(f"{option}: expected {form}, got a text without a column or without =", Exit.BAD_INPUT)
    return column, value


def _add(conditions: dict[str, Any], option: str, column: str, wanted: Condition) -> None:
    if column in conditions:
        raise CommandError(f"{option}: expected each column once, got {column!r} twice", Exit.BAD_INPUT)
    conditions[column] = wanted


def _range(text: str) -> Range:
    low, dots, high = text.partition("..")
    if not dots or not (low or high):
        raise CommandError(
            "--within: expected FROM..TO, FROM.. or ..TO after COLUMN=, got something else", Exit.BAD_INPUT
        )
    return Range(_end(low), _end(high))


def _end(text: str) -> float | str | None:
    """An end of a range: a number as one, a date or datetime as the text that it is, None where it is left out."""
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return int(text) if _INTEGER.fullmatch(text) else number
    elif moment_of(text, last=False) is not None:
        return text
    raise CommandError(
        "--within: expected finite numbers, or ISO 8601 dates or datetimes without a time zone, as the ends",
        Exit.BAD_INPUT,
    )
