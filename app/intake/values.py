"""Whether a cell of a text table looks like a value or like a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

MOSTLY = 0.9
"""A column holds values where this share of its cells are such; the others may stand for missing ones."""
SOME = 3
"""So many numbers with decimal commas are no accident."""
_COMMA_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?")
_COMMA_DECIMAL = re.compile(r",\d{1,2}$")
ANSWERS = frozenset(
    {
        *("na", "n/a", "n.a.", "nan", "null", "none", "nil", "missing", "unknown", "keine", "k.a.", "inf", "-inf"),
        *("-", "--", ".", "..", "?", "*", "true", "false", "yes", "no", "y", "n", "x"),
    }
)


def is_value(cell: str) -> bool:
    """Whether it has digits and no letters: a number, an amount, a date, a time."""
    return any(map(str.isdigit, cell)) and not any(map(str.isalpha, _without_exponent(cell)))


def are_values(cells: Sequence[str]) -> bool:
    """Whether nearly all cells that are not blank are values."""
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(map(is_value, filled)) >= MOSTLY * len(filled)


def is_answer(cell: str) -> bool:
    """Whether it may stand in a record of figures: a value, or a word for a missing one."""
    return is_value(cell) or cell.strip().casefold() in ANSWERS


def has_decimal_commas(cells: Sequence[str]) -> bool:
    """Whether nearly all filled cells are numbers, some of which have one or two decimals behind a comma."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in filled) < MOSTLY * len(filled):
        return False
    return sum(_COMMA_DECIMAL.search(cell) is not None for cell in filled) >= SOME


def may_be_wide(cells: Sequence[str]) -> bool:
    """Whether names that are numbers may be those of a table with a column for each year or item: 2019, 2020, 2021."""
    if len(cells) < 2 or not all(cell.strip().isdecimal() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(steps) == 1 and min(steps) > 0


def _without_exponent(cell: str) -> str:
    """`1e5` and `2024-01-01T00:00Z` have no letters that count."""
    return cell.translate({ord(mark): None for mark in "eETZ"})
