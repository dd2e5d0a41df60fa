"""The names of columns: those that are missing or repeated are made up, and the owner is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.intake.errors import RaggedRowsError
from app.intake.model import IntakeLimits
from app.intake.records import NAMED, check_names, check_width, tidied
from synth.detect.identifiers import is_called_identifier

ONE_MORE = "each record has one field more than there are names"
DIVIDED = (
    "; if the fields are divided by something else than what was recognised, declare it with `delimiter` or --delimiter"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """The columns by name, and what the owner is told about it."""

    names: tuple[str, ...]
    closed: bool
    """Whether a delimiter ends each record, behind the last field."""
    warnings: tuple[str, ...]


def column_names(
    names: Sequence[str], rest: Sequence[Sequence[str]], limits: IntakeLimits, *, quoted: bool = False
) -> Named:
    """Distinct names for the columns of a table that begins with the records `rest`.

    An empty name becomes `unnamed_3`, by its place; the second column of one name gets `_2`. `quoted` says that the
    first field of each record stands in quotes. Raises RaggedRowsError and what `check_names` raises.
    """
    check_width(len(names), limits, DIVIDED)
    found, told = tidied(names)
    closed, warnings = False, list(told)
    if rest and len(found) > 1 and all(len(cells) == len(found) + 1 for cells in rest):
        if any(cells[-1].strip() for cells in rest):
            _expect_row_names(found, rest, quoted=quoted)
            found.insert(0, _free("unnamed_1", set(found)))
            warnings.append(f"{ONE_MORE}; the first column was named {found[0]}")
        else:
            found.append("")
    if len(found) > 1 and not found[-1].strip() and all(not c[len(found) - 1 :] or not c[-1].strip() for c in rest):
        found.pop()
        closed = True
        warnings.append("a delimiter stands at the end of the lines, with no column behind it")
    found, filled = _filled(found)
    found, renamed = _distinct(found)
    check_names(found, limits)
    return Named(names=tuple(found), closed=closed, warnings=(*warnings, *filled, *renamed))


def _expect_row_names(names: Sequence[str], rest: Sequence[Sequence[str]], *, quoted: bool) -> None:
    """Returns where the first fields are row names as R writes them: distinct texts in quotes, or 1, 2, 3 and so on.

    They are none where the first name is that of an identifier which the second field does not hold. Raises
    RaggedRowsError.
    """
    firsts, seconds = [cells[0] for cells in rest], [cells[1] for cells in rest]
    counted = any(firsts == [str(begin + i) for i in range(len(firsts))] for begin in (0, 1))
    moved = is_called_identifier(names[0]) and len(set(seconds)) < len(seconds)
    if moved or not (counted or (quoted and len(set(firsts)) == len(firsts))):
        raise RaggedRowsError(
            f"expected {len(names)} fields, got {len(names) + 1}: {ONE_MORE}. If numbers are written with decimal "
            "commas, put them in quotes or divide the fields by semicolons; if the first column has no name, write one"
        )


def _filled(names: Iterable[str]) -> tuple[list[str], list[str]]:
    found = list(names)
    taken, empty = set(found), [i for i, name in enumerate(found) if not name.strip()]
    for i in empty:
        found[i] = _free(f"unnamed_{i + 1}", taken)
        taken.add(found[i])
    if not empty:
        return found, []
    said = "it is called" if len(empty) == 1 else "they are called"
    return found, [f"{_columns(empty)} without a name: {said} {_listed([found[i] for i in empty])}"]


def _distinct(names: Sequence[str]) -> tuple[list[str], list[str]]:
    found: list[str] = []
    taken, renamed = set(names), []
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            found.append(_free(name, taken))
            taken.add(found[-1])
            renamed.append(i)
        else:
            found.append(name)
            seen.add(name)
    if not renamed:
        return found, []
    said = "it is called" if len(renamed) == 1 else "they are called"
    return found, [
        f"{_columns(renamed)} with a name that an earlier one has: {said} {_listed([found[i] for i in renamed])}"
    ]


def _free(name: str, taken: set[str]) -> str:
    """The name itself, or with the first number from 2 that makes it distinct."""
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _columns(places: Sequence[int]) -> str:
    shown = [str(i + 1) for i in places[:NAMED]]
    return f"column{'s' if len(places) > 1 else ''} {', '.join(shown)}{', ...' if len(places) > NAMED else ''}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:NAMED]) + (", ..." if len(names) > NAMED else "")
