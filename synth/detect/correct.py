"""What the owner of a table says of its columns takes the place of what was proposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from synth.detect.columns import Found, read_as, read_texts
from synth.detect.values import Reading, readings_of
from synth.errors import SchemaError
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.written.markers import is_marker
from synth.written.moments import TOKEN, MomentForm
from synth.written.numbers import NumberForm
from synth.written.surrogate import Replaced, SurrogateForm

KINDS = (*ColumnKind, *(of for of in Replaced if of is not Replaced.CODE))
"""What a column can be said to be; `datetime` may be followed by a colon and a pattern such as %d/%m/%Y."""
SAID = "said by its owner"


class Stored(StrEnum):
    """The type of the stored column."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    MOMENT = "moment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a stored column holds."""

    stored: Stored
    counts: Mapping[str, int]
    """How many records have each value, as text; needed of texts and integers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What the owner says, by column."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All columns of which something is said."""
        return list(dict.fromkeys([*self.kinds, *self.roles, *self.missing]))


def correct(schema: TableSchema, said: Said, content: Callable[[str], Content]) -> TableSchema:
    """The schema with what was said in place of what was proposed; `content` gives what a column holds.

    Raises SchemaError on a column that is not there, an unknown kind or role, and a kind that the values cannot have.
    """
    for name in said.names:
        schema[name]
    columns = {column.name: column for column in schema}
    for name in {*said.kinds, *said.missing}:
        columns[name] = _corrected(columns[name], said.kinds.get(name), said.missing.get(name, ()), content(name))
    schema = replace(schema, columns=tuple(columns.values()))
    for once in (ColumnRole.PERSON, ColumnRole.ORDER, ColumnRole.TARGET):
        if sum(role == once for role in said.roles.values()) > 1:
            raise SchemaError(f"expected at most one column with the role {once}, got more")
    for name, role in said.roles.items():
        learnt = name in said.kinds and schema[name].kind.is_learnt
        if role == ColumnRole.PERSON and learnt:
            raise SchemaError(f"column {name!r}: a person column must be of kind identifier, got {schema[name].kind}")
        schema = _in_role(schema, name, role)
    return schema


def _in_role(schema: TableSchema, name: str, role: str) -> TableSchema:
    if role not in {each.value for each in ColumnRole}:
        raise SchemaError(f"column {name!r}: expected a role of {[r.value for r in ColumnRole]}, got another one")
    if role == ColumnRole.FEATURE:
        kept = (replace(c, role=ColumnRole.FEATURE, doubt="") if c.name == name else c for c in schema)
        return replace(schema, columns=tuple(kept))
    return schema.with_roles(**{role: name})


def _corrected(spec: ColumnSpec, kind: str | None, missing: Sequence[str], content: Content) -> ColumnSpec:
    markers = tuple(dict.fromkeys([*missing, *spec.markers]))
    rest = {text: count for text, count in content.counts.items() if text not in missing}
    if kind is None:
        found = _read_again(spec, rest, content)
    else:
        name, _, pattern = kind.partition(":")
        if name not in {each.value for each in KINDS} or (pattern and name != ColumnKind.DATETIME):
            raise SchemaError(f"column {spec.name!r}: expected a kind of {', '.join(KINDS)}; got another one")
        found = _as(spec, name, pattern, rest, content.stored)
    if found.kind.is_quantity:
        used = (m for m in markers if m in content.counts or content.stored is not Stored.TEXT)
        found = replace(found, markers=tuple(dict.fromkeys([*missing, *found.markers, *used])))
    elif missing:
        raise SchemaError(f"column {spec.name!r}: expected markers of missing values for numbers or dates alone")
    quantity = found.kind.is_quantity
    lost = (spec.role is ColumnRole.PERSON and found.kind.is_learnt) or (spec.role is ColumnRole.ORDER and not quantity)
    return replace(
        found.spec(spec.name),
        role=ColumnRole.FEATURE if lost else spec.role,
        arrow_type=spec.arrow_type,
        pandas_dtype=spec.pandas_dtype,
        order=spec.order,
        places=spec.places,
        reason=SAID,
        doubt="",
    )


def _read_again(spec: ColumnSpec, rest: Mapping[str, int], content: Content) -> Found:
    """The column without some markers."""
    if content.stored is Stored.TEXT and rest:
        return read_texts(spec.name, rest, _decimal(spec))
    return Found(kind=spec.kind, form=spec.form, markers=spec.markers, reason=SAID)


def _decimal(spec: ColumnSpec) -> str | None:
    """The decimal sign that the column was read with, where one of its numbers shows it."""
    form = spec.form
    return form.decimal if isinstance(form, NumberForm) and (form.group or not form.whole) else None


def _as(spec: ColumnSpec, kind: str, pattern: str, counts: Mapping[str, int], stored: Stored) -> Found:
    name = spec.name
    if kind == ColumnKind.CATEGORICAL:
        if stored is Stored.MOMENT:
            raise SchemaError(f"column {name!r}: expected text or numbers to be categorical, got dates")
        return Found(kind=ColumnKind.CATEGORICAL, reason=SAID)
    if kind == ColumnKind.NUMERICAL:
        return _numerical(spec, counts, stored)
    if kind == ColumnKind.DATETIME:
        return _moments(name, pattern, counts, stored)
    if stored in {Stored.MOMENT, Stored.REAL}:
        raise SchemaError(f"column {name!r}: expected text or whole numbers to be replaced, got others")
    of = Replaced.CODE if kind == ColumnKind.IDENTIFIER else Replaced(kind)
    return Found(kind=ColumnKind.IDENTIFIER, form=SurrogateForm(of=of), reason=SAID)


def _numerical(spec: ColumnSpec, counts: Mapping[str, int], stored: Stored) -> Found:
    name = spec.name
    if stored is Stored.MOMENT:
        raise SchemaError(f"column {name!r}: expected numbers, got dates")
    if stored is not Stored.TEXT:
        return Found(kind=ColumnKind.NUMERICAL, reason=SAID)
    readings = [r for r in readings_of(counts, _decimal(spec)) if not isinstance(r.form, MomentForm)]
    if readings:
        return read_as(name, readings)
    texts = [text.strip() for text in counts if not is_marker(text)]
    if texts and all(text.isascii() and text.isdigit() for text in texts):
        padded = any(len(text) > 1 and text[0] == "0" for text in texts)
        form = NumberForm(whole=True, width=min(map(len, texts)) if padded else 1)
        markers = tuple(text for text in counts if is_marker(text))
        return Found(kind=ColumnKind.NUMERICAL, form=form, markers=markers, reason=SAID)
    raise SchemaError(f"column {name!r}: expected numbers, got texts of which too many are none")


def _moments(name: str, pattern: str, counts: Mapping[str, int], stored: Stored) -> Found:
    if stored is Stored.MOMENT:
        return Found(kind=ColumnKind.DATETIME, reason=SAID)
    if stored is Stored.REAL:
        raise SchemaError(f"column {name!r}: expected dates, got numbers with decimals")
    readings = [r for r in readings_of(counts) if isinstance(r.form, MomentForm)]
    if pattern:
        readings = [r for r in readings if isinstance(r.form, MomentForm) and r.form.pattern == pattern]
        readings = readings or _by_pattern(name, pattern, counts)
    if not readings:
        raise SchemaError(f"column {name!r}: expected dates in one format, got texts of which too many are none")
    return read_as(name, readings[:1])


def _by_pattern(name: str, pattern: str, counts: Mapping[str, int]) -> list[Reading]:
    if not TOKEN.search(pattern):
        raise SchemaError(f"column {name!r}: expected a pattern such as %d/%m/%Y after the colon, got another text")
    try:
        form = MomentForm(pattern=pattern)
        read = [text for text in counts if form.parse(text) is not None]
    except (KeyError, ValueError):
        raise SchemaError(f"column {name!r}: expected a pattern of %Y %m %d %H %M %S and the like") from None
    values, total = sum(counts[text] for text in read), sum(counts.values())
    if values * 2 < total:
        return []
    markers = tuple(text for text in counts if is_marker(text))
    marked = sum(counts[text] for text in markers)
    return [Reading(form=form, markers=markers, mistakes=total - values - marked, values=values)]
