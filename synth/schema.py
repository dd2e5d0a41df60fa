"""What a table's columns mean. Every other room reads a table through its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from synth.errors import SchemaError


class ColumnKind(StrEnum):
    """How the values of a column are to be learnt."""

    CATEGORICAL = "categorical"
    """A value from a list; order means nothing."""
    NUMERICAL = "numerical"
    """A quantity, integer or not."""
    DATETIME = "datetime"
    """A date or a point in time."""
    IDENTIFIER = "identifier"
    """Names one record or one person. Never learnt: sampling invents fresh surrogates."""


class ColumnRole(StrEnum):
    """What a column is for."""

    FEATURE = "feature"
    PERSON = "person"
    """Says whom a record is about; the sealed split keeps all records of one person on one side."""
    TARGET = "target"
    """What models trained on the table predict; train-on-synthetic-test-on-real uses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnSpec:
    """One column: its name, how it is learnt and what it is for."""

    name: str
    kind: ColumnKind
    role: ColumnRole = ColumnRole.FEATURE

    def __post_init__(self) -> None:
        if not self.name:
            raise SchemaError("expected a column name of at least one character, got an empty one")
        if self.role is ColumnRole.TARGET and self.kind is ColumnKind.IDENTIFIER:
            raise SchemaError(f"column {self.name!r}: an identifier cannot be the target")
        if self.role is ColumnRole.PERSON and self.kind is not ColumnKind.IDENTIFIER:
            raise SchemaError(f"column {self.name!r}: a person column must be of kind identifier, got {self.kind}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSchema:
    """The columns of a table, in order."""

    columns: tuple[ColumnSpec, ...]

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names:
            raise SchemaError("expected at least one column, got none")
        if len(set(names)) != len(names):
            raise SchemaError(f"expected distinct column names, got {len(names) - len(set(names))} repeated")
        for role in (ColumnRole.PERSON, ColumnRole.TARGET):
            if sum(column.role is role for column in self.columns) > 1:
                raise SchemaError(f"expected at most one column with the role {role}, got more")

    def __iter__(self) -> Iterator[ColumnSpec]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, name: str) -> ColumnSpec:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(f"expected one of {len(self)} known columns, got {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    def of_kind(self, *kinds: ColumnKind) -> tuple[str, ...]:
        """The names of the columns of these kinds, in order."""
        return tuple(column.name for column in self.columns if column.kind in kinds)

    def with_role(self, role: ColumnRole) -> str | None:
        """The name of the one column that has this role, or None."""
        return next((column.name for column in self.columns if column.role is role), None)

    def with_roles(self, *, target: str | None = None, person: str | None = None) -> TableSchema:
        """The schema with these columns as its target and its person column; a person column becomes an identifier.

        None leaves the role where it is. Raises SchemaError on an unknown column, or where one column is both.
        """
        wanted = {ColumnRole.TARGET: target, ColumnRole.PERSON: person}
        for name in (target, person):
            if name is not None:
                self[name]
        if target is not None and target == person:
            raise SchemaError("expected different columns as target and as person, got one for both")
        return TableSchema(columns=tuple(_in_role(column, wanted) for column in self))

    def to_json(self) -> list[dict[str, str]]:
        """The columns as JSON values; `from_json` reads them back."""
        return [{"name": c.name, "kind": c.kind.value, "role": c.role.value} for c in self.columns]

    @staticmethod
    def from_json(columns: Sequence[Mapping[str, object]]) -> TableSchema:
        """The schema that `to_json` wrote. Raises SchemaError on an unknown kind or role or a missing name."""
        specs = []
        for column in columns:
            name, kind, role = column.get("name"), column.get("kind"), column.get("role", ColumnRole.FEATURE.value)
            if not isinstance(name, str):
                raise SchemaError(f"expected a column name as text, got {type(name).__name__}")
            if kind not in {k.value for k in ColumnKind}:
                raise SchemaError(f"column {name!r}: expected a kind of {[k.value for k in ColumnKind]}, got {kind!r}")
            if role not in {r.value for r in ColumnRole}:
                raise SchemaError(f"column {name!r}: expected a role of {[r.value for r in ColumnRole]}, got {role!r}")
            specs.append(ColumnSpec(name=name, kind=ColumnKind(kind), role=ColumnRole(role)))
        return TableSchema(columns=tuple(specs))


def _in_role(column: ColumnSpec, wanted: Mapping[ColumnRole, str | None]) -> ColumnSpec:
    """The column in the role that it is wanted for; another one loses a role that is wanted for a new column."""
    role = next((role for role, name in wanted.items() if name == column.name), None)
    if role is None:
        taken = wanted.get(column.role) is not None
        return replace(column, role=ColumnRole.FEATURE) if taken else column
    return replace(column, role=role, kind=ColumnKind.IDENTIFIER if role is ColumnRole.PERSON else column.kind)
