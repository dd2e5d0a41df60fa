"""What a table's columns mean. All other packages read a table through its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from synth.errors import SchemaError
from synth.rules.settings import RuleSettings
from synth.rules.text import parse_rules
from synth.written.forms import Form, ValueForm, form_from_json, form_to_json
from synth.written.surrogate import SurrogateForm

DELIMITERS = (",", ";", "\t", "|")
"""What may stand between the fields of a text file."""
MOST_MARKERS = 32
"""A column has at most so many markers of missing values."""
_TEXTS = ("reason", "doubt", "arrow_type", "pandas_dtype")
"""The fields that are text and stand in JSON where they are not empty."""
MOST_FIXED = 6
"""Places of decimals, at most: more are no way to write an amount."""
LONGEST_TYPE = 128
"""Characters of the name of a type, at most."""


class ColumnKind(StrEnum):
    """How the values of a column are to be learnt. Other modules ask for the properties, not for a kind by name."""

    CATEGORICAL = "categorical"
    """A value from a list; order means nothing."""
    NUMERICAL = "numerical"
    """A quantity, integer or not."""
    DATETIME = "datetime"
    """A date or a point in time."""
    IDENTIFIER = "identifier"
    """Names one record or one person. Never learnt: sampling invents fresh surrogates."""

    @property
    def is_learnt(self) -> bool:
        """Whether its values are learnt; they are made up where they are not."""
        return self is not ColumnKind.IDENTIFIER

    @property
    def is_category(self) -> bool:
        """Whether its values come from a list."""
        return self is ColumnKind.CATEGORICAL

    @property
    def is_quantity(self) -> bool:
        """Whether its values have an order and distances, as numbers and dates have."""
        return self in {ColumnKind.NUMERICAL, ColumnKind.DATETIME}

    @property
    def is_moment(self) -> bool:
        """Whether its values are dates or points in time, which are counted in microseconds."""
        return self is ColumnKind.DATETIME


class ColumnRole(StrEnum):
    """What a column is for."""

    FEATURE = "feature"
    PERSON = "person"
    """Says whom a record is about; the sealed split keeps all records of one person on one side."""
    ORDER = "order"
    """Orders the records of a person: a date, or a number that rises from one record to the next."""
    TARGET = "target"
    """What models trained on the table predict; train-on-synthetic-test-on-real uses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnSpec:
    """One column: its name, how it is learnt and what it is for."""

    name: str
    kind: ColumnKind
    role: ColumnRole = ColumnRole.FEATURE
    form: Form | None = None
    """How the values are written, or what replaces them; None where they are written as their type is."""
    markers: tuple[str, ...] = ()
    """Values that stand for a missing one, such as N/A or -999; they are kept at their rate."""
    reason: str = field(default="", compare=False)
    """Why the column was read this way, in a line."""
    doubt: str = field(default="", compare=False)
    """What else the column may be, and how to say so; empty where there is no doubt."""
    arrow_type: str = ""
    """The Arrow type that the column came with and is written as, such as decimal128(38, 2); empty where it had none,
    as in CSV. See `synth.table.arrow_types`."""
    pandas_dtype: str = ""
    """The pandas dtype that the column came with, such as Int64; empty where its Arrow type says all."""
    order: tuple[str, ...] = ()
    """The categories of a column that came with an order of them, as text."""
    places: int | None = None
    """How many places all its decimals were written with, as in 12.50, and are written with in CSV."""

    def __post_init__(self) -> None:
        if not self.name:
            raise SchemaError("expected a column name of at least one character, got an empty one")
        if self.role is ColumnRole.TARGET and not self.kind.is_learnt:
            raise SchemaError(f"column {self.name!r}: an identifier cannot be the target")
        if self.role is ColumnRole.ORDER and not self.kind.is_quantity:
            raise SchemaError(
                f"column {self.name!r}: a column that orders records holds numbers or dates, got kind {self.kind}"
            )
        if self.role is ColumnRole.PERSON and self.kind.is_learnt:
            raise SchemaError(f"column {self.name!r}: a person column must be of kind identifier, got {self.kind}")
        if isinstance(self.form, SurrogateForm) != (not self.kind.is_learnt) and self.form is not None:
            raise SchemaError(f"column {self.name!r}: expected a form that fits the kind {self.kind}, got another one")

    @property
    def value_form(self) -> ValueForm | None:
        """How numbers or dates of this column are written; None for any other column."""
        return None if isinstance(self.form, SurrogateForm) else self.form

    @property
    def is_written(self) -> bool:
        """Whether the stored values are texts or markers that stand for the ones to learn."""
        return self.value_form is not None or (bool(self.markers) and self.surrogate is None)

    @property
    def surrogate(self) -> SurrogateForm | None:
        """What replaces the values of this column; None where they are learnt."""
        return self.form if isinstance(self.form, SurrogateForm) else None

    def to_json(self) -> dict[str, Any]:
        """The column as JSON values; what is empty is left out."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind.value, "role": self.role.value}
        if self.form is not None:
            found["form"] = form_to_json(self.form)
        if self.markers:
            found["missing"] = list(self.markers)
        if self.order:
            found["order"] = list(self.order)
        if self.places is not None:
            found["places"] = self.places
        return found | {key: text for key in _TEXTS if (text := getattr(self, key))}

    @staticmethod
    def from_json(column: Mapping[str, object]) -> ColumnSpec:
        """The column that `to_json` wrote. Raises SchemaError where a field is missing or of another kind."""
        name, kind, role = column.get("name"), column.get("kind"), column.get("role", ColumnRole.FEATURE.value)
        if not isinstance(name, str):
            raise SchemaError(f"expected a column name as text, got {type(name).__name__}")
        if kind not in {k.value for k in ColumnKind}:
            raise SchemaError(f"column {name!r}: expected a kind of {[k.value for k in ColumnKind]}, got {kind!r}")
        if role not in {r.value for r in ColumnRole}:
            raise SchemaError(f"column {name!r}: expected a role of {[r.value for r in ColumnRole]}, got {role!r}")
        form, markers = column.get("form"), column.get("missing") or []
        if not isinstance(markers, list) or len(markers) > MOST_MARKERS or not all(isinstance(m, str) for m in markers):
            raise SchemaError(f"column {name!r}: expected at most {MOST_MARKERS} texts as markers of missing values")
        return ColumnSpec(
            name=name,
            kind=ColumnKind(kind),
            role=ColumnRole(role),
            form=None if form is None else form_from_json(form),
            markers=tuple(markers),
            arrow_type=_type_name(name, column.get("arrow_type")),
            pandas_dtype=_type_name(name, column.get("pandas_dtype")),
            order=_order(name, column.get("order") or []),
            places=_places(name, column.get("places")),
            reason=str(column.get("reason") or ""),
            doubt=str(column.get("doubt") or ""),
        )


def _type_name(name: str, value: object) -> str:
    if value is not None and (not isinstance(value, str) or len(value) > LONGEST_TYPE):
        raise SchemaError(f"column {name!r}: expected the name of a type as text")
    return value or ""


def _places(name: str, value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 < value <= MOST_FIXED):
        raise SchemaError(f"column {name!r}: expected 1 to {MOST_FIXED} places of decimals")
    return value


def _order(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(category, str) for category in value):
        raise SchemaError(f"column {name!r}: expected a list of texts as the order of its categories")
    return tuple(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSchema:
    """The columns of a table, in order, and the rules between them."""

    columns: tuple[ColumnSpec, ...]
    rules: RuleSettings = field(default_factory=RuleSettings)
    """Which rules generated records keep; not a part of the JSON of the columns"""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names:
            raise SchemaError("expected at least one column, got none")
        if len(set(names)) != len(names):
            raise SchemaError(f"expected distinct column names, got {len(names) - len(set(names))} repeated")
        for role in (ColumnRole.PERSON, ColumnRole.ORDER, ColumnRole.TARGET):
            if sum(column.role is role for column in self.columns) > 1:
                raise SchemaError(f"expected at most one column with the role {role}, got more")
        for rules in (self.rules.declared, self.rules.without):
            for place, rule in enumerate(rules, start=1):
                for name in rule.columns:
                    if name not in names:
                        raise SchemaError(f"rule {place}: expected names of the {len(names)} columns, got {name!r}")

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

    @property
    def learnt(self) -> tuple[str, ...]:
        """The names of the columns that are learnt, in order."""
        return tuple(column.name for column in self.columns if column.kind.is_learnt)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The names of the columns that are not learnt, in order."""
        return tuple(column.name for column in self.columns if not column.kind.is_learnt)

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the columns of categories, in order."""
        return tuple(column.name for column in self.columns if column.kind.is_category)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names of the columns of quantities, in order: numbers and dates."""
        return tuple(column.name for column in self.columns if column.kind.is_quantity)

    @property
    def moments(self) -> tuple[str, ...]:
        """The names of the columns of dates, in order."""
        return tuple(column.name for column in self.columns if column.kind.is_moment)

    def with_role(self, role: ColumnRole) -> str | None:
        """The name of the one column that has this role, or None."""
        return next((column.name for column in self.columns if column.role is role), None)

    def with_roles(
        self, *, target: str | None = None, person: str | None = None, order: str | None = None
    ) -> TableSchema:
        """The schema with these columns as its target, its person column and the one that orders a person's records.

        A person column becomes an identifier. None leaves the role where it is. Raises SchemaError on an unknown
        column, on one that orders records but holds neither numbers nor dates, or where one column is two of them.
        """
        wanted = {ColumnRole.TARGET: target, ColumnRole.PERSON: person, ColumnRole.ORDER: order}
        named = [name for name in wanted.values() if name is not None]
        for name in named:
            self[name]
        if len(set(named)) < len(named):
            raise SchemaError("expected different columns as target, as person and as order, got one for two of them")
        return replace(self, columns=tuple(_in_role(column, wanted) for column in self))

    def with_rules(
        self, *rules: str, find: bool = True, without: Sequence[str] = (), leave_out: bool = False
    ) -> TableSchema:
        """The schema with these rules declared, such as `admitted <= discharged`, see `synth.rules.text`.

        Rules that the table proves are kept beside them, unless `find` is false or they are among
        those that are to be left out, `without`. Records that break a declared rule are learnt as if they kept it, or
        not at all where `leave_out` says so. Raises RuleError on a text that is no
        rule, and SchemaError on unknown columns.
        """
        settings = RuleSettings(
            declared=parse_rules(rules), find=find, without=parse_rules(without), leave_out=leave_out
        )
        return replace(self, rules=settings)

    def to_json(self) -> list[dict[str, Any]]:
        """The columns as JSON values; `from_json` reads them back."""
        return [column.to_json() for column in self]

    @staticmethod
    def from_json(columns: Sequence[Mapping[str, object]]) -> TableSchema:
        """The schema that `to_json` wrote. Raises SchemaError on an unknown kind or role or a missing name."""
        return TableSchema(columns=tuple(ColumnSpec.from_json(column) for column in columns))


def _in_role(column: ColumnSpec, wanted: Mapping[ColumnRole, str | None]) -> ColumnSpec:
    """The column in the role that it is wanted for; another one loses a role that is wanted for a new column."""
    role = next((role for role, name in wanted.items() if name == column.name), None)
    if role is None:
        taken = wanted.get(column.role) is not None
        return replace(column, role=ColumnRole.FEATURE) if taken else column
    if role is not ColumnRole.PERSON or not column.kind.is_learnt:
        return replace(column, role=role)
    return replace(column, role=role, kind=ColumnKind.IDENTIFIER, form=None)
