"""Orders of which the end is given and the beginning is not: the beginning moves, so that the record keeps the rule.

Of an order one column is generated as how far it lies from others (`Gap`). Where it is given and they are not, they
move by as much as it differs from what was generated, and lie as far from it as they did before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.rules.shown import shown_of
from synth.encode.rules.steps import Blank, Gap, Step, Values, Within
from synth.rules.numbers import Numbers, Unit, numbers_of
from synth.table.schema import TableSchema

Given = Mapping[str, NDArray[np.bool_]]
"""(records,) by column, which cells are given"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Moved:
    """The cells of one column that have moved."""

    where: NDArray[np.bool_]
    """(records,)"""
    numbers: Numbers
    """(records,) what all cells of the column are now"""

    def put(self, column: pd.Series, schema: TableSchema) -> pd.Series:
        """The column as it is stored, with these cells."""
        shown = shown_of(column, schema[str(column.name)])
        return column.mask(self.where, shown.written(self.numbers).set_axis(column.index))


def moved_back(
    steps: Sequence[Step], table: Values, generated: Mapping[str, Numbers], given: Given, schema: TableSchema
) -> dict[str, Moved]:
    """What has to move in a restored `table`, by column, where cells that are `given` stand in place of generated ones.

    `generated` are the numbers of columns of orders as they were generated. Columns that follow from others in another
    way do not move.
    """
    fixed = {name for step in steps if not isinstance(step, Gap | Within | Blank) for name in step.columns}
    found: dict[str, Moved] = {}
    for step in reversed(steps):  # the end of one order may be the beginning of another
        if not isinstance(step, Gap) or step.constant or step.ascends:
            continue
        end = _numbers(step.shown.name, found, table)
        moves = given[step.shown.name] | _where(step.shown.name, found, len(end))
        moves &= ~np.isnan(end)
        shift = np.nan_to_num(end - generated[step.shown.name])
        begins = [(name, strict) for name, strict in step.others if name not in fixed]
        alone = np.logical_and.reduce(
            [(name not in fixed) & (~given[name] | np.isnan(_numbers(name, found, table))) for name in step.sources]
        )
        for name, strict in begins:
            x, already = _numbers(name, found, table), _where(name, found, len(end))
            where = moves & ~given[name] & ~np.isnan(x)
            if where.any():
                unit = shown_of(table.stored(name), schema[name]).unit
                wanted = np.where(alone & ~already, x + shift, x)
                placed = _beside(wanted, end, x, unit, strict=strict, below=step.above)
                found[name] = Moved(where=where | already, numbers=np.where(where, placed, x))
    return found


def _numbers(name: str, found: Mapping[str, Moved], table: Values) -> Numbers:
    return found[name].numbers if name in found else numbers_of(table.values(name))


def _where(name: str, found: Mapping[str, Moved], records: int) -> NDArray[np.bool_]:
    return found[name].where if name in found else np.zeros(records, dtype=bool)


def _beside(wanted: Numbers, end: Numbers, own: Numbers, unit: Unit, *, strict: bool, below: bool) -> Numbers:
    """(records,) the wanted values, no farther off than any of the column's `own`, not beyond the `end`s."""
    if not below:
        return -_beside(-wanted, -end, -own, unit, strict=strict, below=True)
    wanted = np.maximum(wanted, np.nanmin(own))
    if unit.per == 0:
        return np.minimum(wanted, np.nextafter(end, -np.inf) if strict else end)
    units = np.minimum(unit.at_or_below(wanted, strict=False), unit.at_or_below(end, strict=strict))
    return unit.numbers(units)
