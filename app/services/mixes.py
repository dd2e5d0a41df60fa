"""Mixes that no model could be asked for are refused before a job is made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.blobs import Blobs, Stored
from app.config import Settings
from app.errors import InvalidRequestError
from app.parts import sizes
from app.services.columns import values_read
from app.services.conditions import (
    Counted,
    as_counted,
    as_its_column_has_it,
    batches,
    check_condition_columns,
    meant,
    met_in,
)
from app.services.holders import Holders, least_of, read
from app.wire_jobs import JobOptions
from synth.errors import RuleError, SynthError
from synth.rules.rule import AnyRule, Combination, Unique
from synth.rules.text import text_of_rule
from synth.table.margins import nearest_joint
from synth.table.mix import Augment, Mix, check_augment, check_together, columns_said, more_of
from synth.table.ranges import Condition
from synth.table.schema import TableSchema

FEWEST_OF_CELL = 22
"""People. Of these twelve or so are trained on: that fewer than HOLDERS are, happens once in 4,000 times at most."""
TOLD = 20
"""A share is compared as it is of numbers of people rounded to so many."""

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
        for cell in mix.cells():
            check_condition_columns(schema, cell, option="mix")
    if more is not None:
        check_condition_columns(schema, {more.column: more.value}, option="augment")
        if not schema[more.column].kind.is_category:
            raise InvalidRequestError(f"augment: expected a categorical column, got {more.column!r}, which is none")


def check_held(blobs: Blobs, table: Stored, schema: TableSchema, options: JobOptions, settings: Settings) -> None:
    """Raises InvalidRequestError where too few people are as a mix asks, beside the conditions of the job.

    Also where no records can be: because a rule or another column forbids them, or shares of several columns do not
    fit one another; and where a category to augment has the share already. That few people have a value and that nobody
    has it is told alike. Only columns named are read, batch by batch.
    """
    mixes, more = options.mixes(), options.augmenting()
    if not mixes and more is None:
        return
    with closing(blobs.open(table.key, table.sha256)) as source:
        if more is not None:
            least = least_of(blobs, table, FEWEST_OF_CELL, [more.column])
            _check_more(source, schema, more, options, settings, least)
            return
        given = as_counted(blobs, table, source, schema, options.given())
        cells = [_cells_of(source, schema, mix) for mix in mixes]
        counted = _count(source, schema, given, cells)
    for place, mix in enumerate(mixes):
        counted.check(place, mix, cells[place], least_of(blobs, table, FEWEST_OF_CELL, [*mix.columns, *given]))
    if len(mixes) > 1:
        names = [name for mix in mixes for name in mix.columns]
        counted.check_joint(mixes, least_of(blobs, table, FEWEST_OF_CELL, [*names, *given]))


def _cells_of(source: Any, schema: TableSchema, mix: Mix) -> list[Cell]:  # noqa: ANN401 - a file of any store
    """What the records of each cell meet, as the table writes it."""
    cells = mix.cells()
    spelled = {
        name: {value: _spelled(source, schema, name, value) for value in dict.fromkeys(cell[name] for cell in cells)}
        for name in mix.columns
    }
    return [{name: spelled[name][value] for name, value in cell.items()} for cell in cells]


def _spelled(source: Any, schema: TableSchema, name: str, value: Condition) -> Condition:  # noqa: ANN401
    """The condition that a value is; a category that the column does not have stays as it is."""
    if not isinstance(value, str):
        return value
    kind = schema[name].kind
    if not kind.is_category:
        return as_its_column_has_it(value, kind)
    return meant(batches(source, name), value)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    """Who is in which cell: by the place of a record's cell in each mix, -1 for none."""

    schema: TableSchema
    conditions: Collection[str]
    """The columns that conditions are on"""
    kept: Mapping[Places, Holders]
    """Who has a record that keeps the declared rules"""
    broken: Mapping[Places, Holders]
    """Who has one that breaks a rule"""

    def check(self, number: int, mix: Mix, cells: Sequence[Cell], least: int) -> None:
        """Raises InvalidRequestError where too few people are in a cell, with a share or without.

        A rule is named where so many people break it as have to be behind a value: one person's record tells nothing.
        """
        beside = f" beside conditions on {', '.join(map(repr, self.conditions))}" if self.conditions else ""
        together = " together" if len(mix.columns) > 1 else ""
        said = f"mix: {columns_said(mix.columns)}: "
        few = (
            f"{said}expected values that {FEWEST_OF_CELL} people or more have{together}{beside}, got some that"
            " fewer do: many records made after few people tell of these people; write values as the table does"
        )
        for cell in cells:
            place = cells.index(cell)
            kept, broken = (_where(each, number, place) for each in (self.kept, self.broken))
            if Holders.together([kept, broken]).behind < least:
                raise InvalidRequestError(few)
            if kept.behind >= least:
                continue
            if broken.behind < least:
                raise InvalidRequestError(few)
            rules = _rules_of(self.schema)
            rule = next((each for each in rules if set(each.columns) & set(mix.columns)), rules[0])
            raise InvalidRequestError(
                f"{said}expected values that the rule {text_of_rule(rule)!r} allows, got some that break it"
            )
        if len({tuple(cell.values()) for cell in cells}) < len(cells):  # after it was found that people have them
            raise InvalidRequestError(f"{said}expected each value once, got one twice")

    def check_joint(self, mixes: Sequence[Mix], least: int) -> None:
        """Raises InvalidRequestError where no records can have the shares of all mixes at once."""
        names = [name for mix in mixes for name in mix.columns]
        shape = tuple(len(mix.shares) for mix in mixes)
        held = np.zeros(shape)
        for places in product(*map(range, shape)):
            count = self.kept[places].behind if places in self.kept else 0
            held[places] = count if count >= least else 0
        try:
            nearest_joint(held, [np.array(list(mix.shares.values())) for mix in mixes], names)
        except SynthError:
            raise InvalidRequestError(
                f"mix: {columns_said(names)}: expected shares that records can have together, got others: too few"
                f" people have some of the values at once; a combination counts where {FEWEST_OF_CELL} people have it"
            ) from None


def _where(people: Mapping[Places, Holders], number: int, place: int) -> Holders:
    """Who is in a cell of one mix."""
    return Holders.together(each for places, each in people.items() if places[number] == place)


def _count(
    source: Any,  # noqa: ANN401 - a file of any store
    schema: TableSchema,
    conditions: Mapping[str, Counted],
    cells: Sequence[Sequence[Cell]],
) -> _Counted:
    """Who is in the cells of each mix, of those who meet the conditions."""
    kept, broken = defaultdict[Places, Holders](Holders), defaultdict[Places, Holders](Holders)
    rules = _rules_of(schema)
    named = [*conditions, *(name for some in cells for name in some[0]), *(n for rule in rules for n in rule.columns)]
    for batch in read(source, schema, named):
        places, bad = _places(batch, schema, cells), _breaking(batch, schema, rules)
        met = met_in(batch, schema, conditions).to_numpy(zero_copy_only=False)
        for each in np.unique(places[met], axis=0):
            own, key = met & (places == each).all(axis=1), tuple(map(int, each))
            kept[key].add(batch, schema, pa.array(own & ~bad))
            broken[key].add(batch, schema, pa.array(own & bad))
    return _Counted(schema=schema, conditions=list(conditions), kept=kept, broken=broken)


def _rules_of(schema: TableSchema) -> list[AnyRule]:
    """The declared rules that one record can break."""
    return [rule for rule in schema.rules.declared if not isinstance(rule, Unique | Combination)]


def _places(batch: pa.RecordBatch, schema: TableSchema, cells: Sequence[Sequence[Cell]]) -> NDArray[np.int64]:
    """(records, mixes) which cell of each mix a record is in, -1 for none."""
    found = np.full((len(batch), len(cells)), -1, dtype=np.int64)
    for number, some in enumerate(cells):
        for cell in some:
            place = some.index(cell)  # two ways to write a value are one cell
            found[met_in(batch, schema, cell).to_numpy(zero_copy_only=False), number] = place
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
    least: int,
) -> None:
    """Raises InvalidRequestError where a category cannot be augmented."""
    said = f"augment: column {more.column!r}"
    counted = _count(source, schema, {}, [[{more.column: _spelled(source, schema, more.column, more.value)}]])
    own, all_ = _where(counted.kept, 0, 0).behind, Holders.together(counted.kept.values()).behind
    if own < least:
        raise InvalidRequestError(
            f"{said}: expected a category that {FEWEST_OF_CELL} people or more have, got another one: many records"
            " made after few people tell of these people; write it as the table does"
        )
    ruled = [rule for rule in schema.rules.declared if more.column in rule.columns]
    if ruled:
        raise InvalidRequestError(
            f"{said}: expected one that no rule decides, got one that {text_of_rule(ruled[0])!r} is about"
        )
    held = min(1.0, _told(own) / _told(all_))  # whoever moves the share to and fro learns no more
    if more.share <= held:
        raise InvalidRequestError(f"{said}: expected a share above the one that the category has in the table")
    rows = options.rows or sizes(all_)[0]
    if rows + more_of(held * rows, rows, more.share) > settings.max_sample_rows:
        raise InvalidRequestError(
            f"{said}: expected a share for which {settings.max_sample_rows:,} records are enough, got one that takes"
            " more"
        )


def _told(people: int) -> int:
    """So many people to the nearest number that may be told."""
    return max(TOLD, round(people / TOLD) * TOLD)
