"""Mixes that no model could be asked for are refused before a job is made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.blobs import Blobs, Stored
from app.config import Settings
from app.errors import InvalidRequestError
from app.parts import sizes
from app.services import checks
from app.services.columns import values_read
from app.wire import JobOptions
from synth.errors import RuleError, SynthError
from synth.protection import HOLDERS
from synth.rules.rule import AnyRule, Combination, Unique
from synth.rules.text import text_of_rule
from synth.table.margins import nearest_joint
from synth.table.mix import Augment, Mix, check_augment, check_together, columns_said
from synth.table.ranges import Condition, category_meant
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

FEWEST_OF_CELL = 4 * HOLDERS
"""People. Of these twelve or so are trained on: that fewer than HOLDERS are, happens once in 3,000 times."""

Cell = dict[str, Condition]
Places = tuple[int, ...]


def check_columns(schema: TableSchema, options: JobOptions) -> None:
    """Raises InvalidRequestError where a mix cannot be read, is on no learnt column, or beside one that excludes it."""
    try:
        mixes, more = options.mixes(), options.augmenting()
        if more is not None:
            check_augment(mixes, options.conditions)
        check_together(mixes, options.conditions)
    except SynthError as error:
        raise InvalidRequestError(str(error)) from None
    for mix in mixes:
        for values in mix.shares:
            checks.check_condition_columns(schema, dict(zip(mix.columns, values, strict=True)), option="mix")
    if more is not None:
        checks.check_condition_columns(schema, {more.column: more.value}, option="augment")
        if schema[more.column].kind is not ColumnKind.CATEGORICAL:
            raise InvalidRequestError(f"augment: expected a categorical column, got {more.column!r}, which is none")


def check_held(blobs: Blobs, table: Stored, schema: TableSchema, options: JobOptions, settings: Settings) -> None:
    """Raises InvalidRequestError where fewer than 20 people are as a mix asks, beside the conditions of the job.

    Also where no records can be: because a rule or another column forbids them, or shares of several columns do not
    fit one another; and where a category to augment has the share already. Only columns named are read, batch by batch.
    """
    mixes, more = options.mixes(), options.augmenting()
    if not mixes and more is None:
        return
    with closing(blobs.open(table.key, table.sha256)) as source:
        if more is not None:
            _check_more(source, schema, more, options, settings)
            return
        cells = [_cells_of(source, schema, mix) for mix in mixes]
        counted = _count(source, schema, options.given(), cells)
    for place, mix in enumerate(mixes):
        counted.check(place, mix)
    if len(mixes) > 1:
        counted.check_joint(mixes)


def _cells_of(source: Any, schema: TableSchema, mix: Mix) -> list[Cell]:  # noqa: ANN401 - a file of any store
    """What the records of each cell meet, as the table writes it. Raises InvalidRequestError on unknown categories."""
    spelled = {}
    for place, name in enumerate(mix.columns):
        asked = dict.fromkeys(values[place] for values in mix.shares)
        spelled[name] = _spelled(source, schema, name, [each for each in asked if isinstance(each, str)], "mix")
    cells = [{n: spelled[n][v] for n, v in zip(mix.columns, values, strict=True)} for values in mix.shares]  # type: ignore[index]
    if len({tuple(cell.values()) for cell in cells}) < len(cells):
        raise InvalidRequestError(f"mix: {columns_said(mix.columns)}: expected each value once, got one twice")
    return cells


def _spelled(
    source: Any,  # noqa: ANN401 - a file of any store
    schema: TableSchema,
    name: str,
    values: Sequence[str],
    option: str,
) -> dict[str, Condition]:
    """By the value as it was asked for, the condition that it is."""
    kind = schema[name].kind
    if kind is not ColumnKind.CATEGORICAL:
        return {value: checks.as_its_column_has_it(value, kind) for value in values}
    known: Counter[str] = Counter()
    for batch in checks.batches(source, name):
        known.update(str(each["values"]) for each in batch.value_counts().to_pylist() if each["values"] is not None)
    found = {value: category_meant(known, value) for value in values}
    for value, meant in found.items():
        if meant is None:
            raise InvalidRequestError(
                f"{option}: column {name!r}: expected a category that it has, got {value!r}; write it as the table"
                " does, with zeros in front and capitals"
            )
    return {value: str(meant) for value, meant in found.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    """Who is in which cell: by the place of a record's cell in each mix, -1 for none."""

    schema: TableSchema
    conditions: Mapping[str, Condition]
    people: Mapping[Places, set[object]]
    """Who has a record that keeps the declared rules"""
    nameless: Mapping[Places, int]
    """Such records that name nobody, each a person of its own"""
    broken: Mapping[Places, int]
    """Records that break a declared rule"""

    def held(self, number: int | None, places: Places) -> int:
        """How many people are in a cell of one mix, or of all together."""
        keys = [key for key in self.nameless if (key if number is None else (key[number],)) == places]
        return len(set[object]().union(*(self.people[key] for key in keys))) + sum(self.nameless[key] for key in keys)

    def check(self, number: int, mix: Mix) -> None:
        """Raises InvalidRequestError where too few people are in a cell that has a share."""
        beside = f" beside conditions on {', '.join(map(repr, self.conditions))}" if self.conditions else ""
        for place, share in enumerate(mix.shares.values()):
            if share == 0 or self.held(number, (place,)) >= FEWEST_OF_CELL:
                continue
            broken = sum(n for key, n in self.broken.items() if key[number] == place)
            said = f"mix: {columns_said(mix.columns)}: "
            if broken:
                about = [each for each in _rules_of(self.schema) if set(each.columns) & set(mix.columns)] or _rules_of(
                    self.schema
                )
                said += f"expected values that the rule {text_of_rule(about[0])!r} allows, got some that break it"
            else:
                together = " together" if len(mix.columns) > 1 else ""
                said += (
                    f"expected values that {FEWEST_OF_CELL} people or more have{together}{beside}, got some that"
                    " fewer do: many records made after few people tell of these people"
                )
            raise InvalidRequestError(said)

    def check_joint(self, mixes: Sequence[Mix]) -> None:
        """Raises InvalidRequestError where no records can have the shares of all mixes at once."""
        shape = tuple(len(mix.shares) for mix in mixes)
        held = np.zeros(shape)
        for places in product(*map(range, shape)):
            count = self.held(None, places)
            held[places] = count if count >= FEWEST_OF_CELL else 0
        try:
            nearest_joint(held, [np.array(list(mix.shares.values())) for mix in mixes])
        except SynthError:
            names = [name for mix in mixes for name in mix.columns]
            raise InvalidRequestError(
                f"mix: {columns_said(names)}: expected shares that records can have together, got others: too few"
                f" people have some of the values at once; a combination counts where {FEWEST_OF_CELL} people have it"
            ) from None


def _count(
    source: Any,  # noqa: ANN401 - a file of any store
    schema: TableSchema,
    conditions: Mapping[str, Condition],
    cells: Sequence[Sequence[Cell]],
) -> _Counted:
    """Who is in the cells of each mix, of those who meet the conditions."""
    people, nameless, broken = defaultdict[Places, set[object]](set), Counter[Places](), Counter[Places]()
    person, rules = schema.with_role(ColumnRole.PERSON), _rules_of(schema)
    named = [*conditions, *(name for some in cells for name in some[0]), *(n for rule in rules for n in rule.columns)]
    columns = list(dict.fromkeys([*named, *([] if person is None else [person])]))
    source.seek(0)
    file = pq.ParquetFile(source)
    for batch in file.iter_batches(batch_size=checks.BATCH_RECORDS, columns=columns, use_threads=False):
        places, bad = _places(batch, schema, cells), _breaking(batch, schema, rules)
        met = checks.met_in(batch, schema, conditions).to_numpy(zero_copy_only=False)
        for each in np.unique(places[met], axis=0):
            own, key = met & (places == each).all(axis=1), tuple(map(int, each))
            broken[key] += int((own & bad).sum())
            owners = pa.nulls(len(batch)) if person is None else batch.column(person)
            owners = owners.filter(pa.array(own & ~bad))
            people[key].update(owners.drop_null().unique().to_pylist())
            nameless[key] += owners.null_count
    return _Counted(schema=schema, conditions=conditions, people=people, nameless=nameless, broken=broken)


def _rules_of(schema: TableSchema) -> list[AnyRule]:
    """The declared rules that one record can break."""
    return [rule for rule in schema.rules.declared if not isinstance(rule, Unique | Combination)]


def _places(batch: pa.RecordBatch, schema: TableSchema, cells: Sequence[Sequence[Cell]]) -> NDArray[np.int64]:
    """(records, mixes) which cell of each mix a record is in, -1 for none."""
    found = np.full((len(batch), len(cells)), -1, dtype=np.int64)
    for number, some in enumerate(cells):
        for place, cell in enumerate(some):
            found[checks.met_in(batch, schema, cell).to_numpy(zero_copy_only=False), number] = place
    return found


def _breaking(batch: pa.RecordBatch, schema: TableSchema, rules: Sequence[AnyRule]) -> NDArray[np.bool_]:
    """(records,) which break one of the rules."""
    found = np.zeros(len(batch), dtype=np.bool_)
    if not rules:
        return found
    from synth.rules.kept import BROKEN, kept_by  # noqa: PLC0415 - loads pandas, which few requests need

    for rule in rules:
        cells = {}
        for name in rule.columns:
            values = values_read(batch.column(name), schema[name])
            decoded = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
            cells[name] = decoded.to_pandas()
        try:
            found |= kept_by(rule, cells) == BROKEN
        except RuleError as error:
            raise InvalidRequestError(f"rules: {error}") from None
    return found


def _check_more(
    source: Any,  # noqa: ANN401 - a file of any store
    schema: TableSchema,
    more: Augment,
    options: JobOptions,
    settings: Settings,
) -> None:
    """Raises InvalidRequestError where a category cannot be augmented."""
    said = f"augment: column {more.column!r}"
    meant = _spelled(source, schema, more.column, [more.value], "augment")[more.value]
    counted = _count(source, schema, {}, [[{more.column: meant}]])
    if counted.held(0, (0,)) < FEWEST_OF_CELL:
        raise InvalidRequestError(
            f"{said}: expected a category that {FEWEST_OF_CELL} people or more have, got one of fewer: many records"
            " made after few people tell of these people"
        )
    ruled = [rule for rule in schema.rules.declared if more.column in rule.columns]
    if ruled:
        raise InvalidRequestError(
            f"{said}: expected one that no rule decides, got one that {text_of_rule(ruled[0])!r} is about"
        )
    people, held = counted.held(None, (-1,)) + counted.held(None, (0,)), counted.held(0, (0,))
    if more.share <= held / people:
        raise InvalidRequestError(f"{said}: expected a share above the one that the category has in the table")
    total = (options.rows or sizes(people)[0]) * (1 - held / people) / (1 - more.share)
    if total > settings.max_sample_rows:
        raise InvalidRequestError(
            f"{said}: expected a share for which {settings.max_sample_rows:,} records are enough, got one that takes"
            " more"
        )
