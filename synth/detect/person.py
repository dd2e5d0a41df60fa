"""Which column says whom the records are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synth.detect.identifiers import SHARED, is_called_identifier, names_others, names_people, names_records, stems_of
from synth.detect.wording import counted
from synth.detect.words import FULL_NAMES, NOT_PEOPLE, words_of
from synth.table.schema import ColumnSpec
from synth.written.surrogate import Replaced

PERSON_RECORDS = 100
"""A thing with more records than this on average is taken for a person only where its name says so."""
_RANKS = {
    Replaced.NATIONAL_ID: 1,
    Replaced.EMAIL: 2,
    Replaced.CARD: 3,
    Replaced.IBAN: 3,
    Replaced.USERNAME: 4,
    Replaced.PHONE: 6,
    Replaced.NAME: 7,
}
"""Personal data by which records of one person can be found, the surest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """How many records of an identifier column have a value, and how many distinct ones there are."""

    spec: ColumnSpec
    present: int
    distinct: int

    @property
    def repeats(self) -> bool:
        """Whether some values stand in several records."""
        return self.distinct < self.present

    @property
    def of(self) -> Replaced:
        """What the values are."""
        return self.spec.surrogate.of if self.spec.surrogate is not None else Replaced.CODE


@dataclass(frozen=True, kw_only=True, slots=True)
class Whom:
    """The person column, why, and what else may be."""

    name: str
    reason: str
    doubt: str = ""


def find_person(columns: Sequence[Held], rows: int) -> Whom | None:
    """The column that says whom the records are about; None where each record is about somebody else.

    A complete and distinct identifier of people means that records are people, whatever repeats beside it.
    """
    held = [c for c in columns if not c.spec.kind.is_learnt and c.present]
    distinct = [c for c in held if not c.repeats and c.present == rows]
    if any(_is_of_people(c) for c in distinct):
        return None
    found = sorted((rank, i) for i, c in enumerate(held) if (rank := _rank(c)) is not None)
    if not found:
        return None
    chosen = held[found[0][1]]
    name, people = chosen.spec.name, _people_with(chosen)
    if names_people(name):
        return Whom(name=name, reason=f"its name speaks of people and its values repeat: {people}")
    doubt = ""
    if distinct and chosen.of is Replaced.CODE and not any(names_records(c.spec.name) for c in distinct):
        other = f"if each of the {rows:,} records is another person, say --role {name}=feature"
        doubt = f"{distinct[0].spec.name!r} is distinct: {other}"
    what = "its name is an identifier's" if chosen.of is Replaced.CODE else f"it holds values of kind {chosen.of}"
    return Whom(name=name, reason=f"{what} and its values repeat: {people}", doubt=doubt)


def _people_with(chosen: Held) -> str:
    return f"{counted(chosen.distinct, 'person', 'people')} with {counted(chosen.present, 'record')}"


def _is_of_people(column: Held) -> bool:
    """Whether distinct values of this column mean distinct people."""
    if column.of in {Replaced.NATIONAL_ID, Replaced.EMAIL}:
        return True
    return column.of is Replaced.CODE and names_people(column.spec.name)


def _is_called_name(name: str) -> bool:
    """Whether the column is called name, of people rather than of things; codes may stand in it."""
    words = words_of(name)
    return not FULL_NAMES.isdisjoint(words) and NOT_PEOPLE.isdisjoint(words)


def _rank(column: Held) -> int | None:
    """How likely the column says whom records are about, the least first; None where it does not."""
    name = column.spec.name
    if not column.repeats or names_others(name) or names_records(name):
        return None
    if column.spec.surrogate is not None and column.spec.surrogate.refers_to is not None:
        return None
    if column.of is not Replaced.CODE:
        return _RANKS.get(column.of)
    if not is_called_identifier(name) and not _is_called_name(name):
        return None
    if names_people(name):
        return 0
    shared = not SHARED.isdisjoint(stems_of(name))
    return 5 if not shared and column.present <= PERSON_RECORDS * column.distinct else None
