"""Whether the row where column names are expected holds a record instead: then a person would become column names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.intake.values import MOSTLY, are_values, is_value, may_be_wide

FEWEST = 3
"""Fewer records than these say nothing of what a column holds."""
WORD_DIGITS = 2
"""A word with at most so many digits, such as q1 or Item12, is a common name of a column."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"(?:\+|\(0|0[1-9]\d*[ /-]|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}$)[\d ()./-]*")
_PHONE_DIGITS = range(7, 16)
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}")
_BARE_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_WORD_AND_NUMBER = re.compile(rf"([^\W\d_]+)\d{{1,{WORD_DIGITS}}}")


def is_record(cells: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the first row looks like one of the records `rest` below it and not like column names."""
    if all(is_value(cell) for cell in cells) or any(_is_contact(cell.strip()) for cell in cells):
        return True
    if len(rest) < FEWEST:
        return False
    return is_like(cells, rest) or any(_has_shape_of(cell, below) for cell, below in _columns(cells, rest))


def is_like(cells: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the cells are values where the columns below hold values, or recur below."""
    columns = {i: [r[i] for r in rest if i < len(r)] for i, cell in enumerate(cells) if cell.strip()}
    valued = [i for i, below in columns.items() if are_values(below)]
    others = [i for i in columns if i not in valued]
    recurring = [i for i in others if cells[i] in columns[i]]
    values = sum(is_value(cells[i]) for i in valued)
    if valued and values == len(valued):
        wide = may_be_wide([cells[i] for i in valued]) or _are_dates_above_others(cells, columns, valued)
        return bool(recurring) or not others or not wide
    return len(recurring) > 1 and 2 * (len(recurring) + values) >= len(columns)


def _are_dates_above_others(cells: Sequence[str], columns: Mapping[int, Sequence[str]], places: Sequence[int]) -> bool:
    """Whether there are several dates for names, with something else than dates below: a column for each day."""
    dates = {cells[i].strip() for i in places if _DATE.fullmatch(cells[i].strip())}
    below = [cell.strip() for i in places for cell in columns[i] if cell.strip()]
    return 1 < len(dates) == len(places) and not any(map(_DATE.match, below))


def _columns(cells: Sequence[str], rest: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Each cell, and the cells below it that are not blank."""
    return [(cell.strip(), [r[i].strip() for r in rest if i < len(r) and r[i].strip()]) for i, cell in enumerate(cells)]


def _is_contact(cell: str) -> bool:
    """Whether the cell is an e-mail address or a phone number."""
    digits = sum(map(str.isdigit, cell))
    return bool(_EMAIL.fullmatch(cell) or (digits in _PHONE_DIGITS and _PHONE.fullmatch(cell)))


def _has_shape_of(cell: str, below: Sequence[str]) -> bool:
    """Whether a cell with digits has the shape of nearly all cells below it.

    A bare number is left to `is_like`: years may be names. A word with a number is a name where the cells below have
    other words: q1 above answers such as A2.
    """
    if not any(map(str.isdigit, cell)) or _BARE_NUMBER.fullmatch(cell) or len(below) < FEWEST:
        return False
    word = _WORD_AND_NUMBER.fullmatch(cell)
    if word is not None:
        below_words = [found[1].casefold() for each in below if (found := _WORD_AND_NUMBER.match(each)) is not None]
        return below_words.count(word[1].casefold()) >= MOSTLY * len(below)
    shape = _shape(cell)
    return sum(_shape(each) == shape for each in below) >= MOSTLY * len(below)


def _shape(cell: str) -> str:
    """The cell with one `a` for letters in a row and one `9` for digits in a row: `Main St. 12` is `a a. 9`."""
    signs = ("9" if each.isdigit() else "a" if each.isalpha() else each for each in cell)
    return re.sub(r"(a|9)\1+", r"\1", "".join(signs))
