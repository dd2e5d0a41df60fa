"""The one missing cell of a sum or a product, where the others leave it a single value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.encode.categorical import CategoricalEncoder
from synth.encode.numeric import NumericEncoder
from synth.encode.rules.shown import Shown, shown_of
from synth.encode.table_encoder import TableEncoder
from synth.protection import HOLDERS
from synth.rules.ends import MICROS
from synth.rules.kept import gains_of, total_of
from synth.rules.numbers import Numbers, Unit, numbers_of, slack_of, unit_of
from synth.rules.rule import Linear, Product
from synth.table.schema import ColumnSpec

Counts = NDArray[np.int64]


def solved(rule: Linear | Product, numbers: dict[str, Numbers], name: str, target: Unit, own: Unit) -> Numbers:
    """(records,) what `name` has to be; NaN where a cell is missing, and where no value or several keep the rule.

    `numbers` are (records,) of each column of the rule; those of `name` are not looked at. `target` and `own` are what
    the target and the column are whole in. A rounded target leaves a column that is finer several values.
    """
    cells = {each: pd.Series(x) for each, x in numbers.items()}
    zero = cells | {name: pd.Series(np.zeros(len(numbers[name])))}
    gains, rest = gains_of(rule, zero, name), total_of(rule, zero)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (numbers[rule.target] - rest) / gains
    x[~np.isfinite(x)] = np.nan  # of a product with a factor 0
    if own.per == 0:
        return x if target.per == 0 else np.full(len(x), np.nan)
    x = own.numbers(own.count(x))
    total = rest + gains * x
    off, slack = np.abs(numbers[rule.target] - total), slack_of(target, total)
    alone = np.abs(gains) / own.per - off > slack
    return np.where((off <= slack) & alone, x, np.nan)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Holds:
    """What a column may hold: how it is stored, and which numbers it has."""

    shown: Shown
    low: float
    high: float
    """The range outside of which no number is filled in; infinite where it is open"""
    listed: NDArray[np.float64] | None
    """All numbers that there are, of a column of categories"""

    def within(self, x: Numbers) -> Numbers:
        """(n,) the numbers that the column may hold; NaN in place of others."""
        kept = (x >= self.low) & (x <= self.high)
        if self.listed is not None:
            kept &= np.isin(x, self.listed)
        return np.where(kept, x, np.nan)


def holds_of(
    column: pd.Series, values: pd.Series, spec: ColumnSpec, encoder: TableEncoder, counts: Counts
) -> Holds | None:
    """What a column may hold, by its cells as they are stored, their values and the model; None where it is text.

    An end of the range that HOLDERS training records have, such as hour 23, bounds what is filled in; (D,) `counts` are
    the training records of each code. Where fewer have the outermost value, a lost one may lie beyond it: there the
    range ends at 0 if no value is on the other side of 0, and is open otherwise.
    """
    shown, x = encoder.rules.shown.get(spec.name), numbers_of(values)
    learnt = next((each for each in encoder.encoders if each.name == spec.name), None)
    inner = None if learnt is None or spec.name in encoder.rules.replaced else learnt.numbers
    listed, dates = None, spec.kind.is_moment
    if shown is not None:
        unit = shown.unit
    elif learnt is not None and inner is not None:
        unit = _unit_of(learnt, inner)
    elif isinstance(learnt, CategoricalEncoder):
        if any(isinstance(each, str | bool) for each in learnt.categories):
            return None
        listed = np.array(learnt.categories, dtype=np.float64)
        unit = unit_of(listed, dates=False)
    else:
        unit = unit_of(x, dates=dates)
    known = None
    if learnt is not None and inner is not None:
        start = encoder.starts[encoder.names.index(spec.name)]
        known = _range_of(learnt, inner, counts[start : start + len(inner.atoms)])
    low, high = _ends(x, known)
    return Holds(shown=_stored(shown_of(column, spec), unit, dates=dates), low=low, high=high, listed=listed)


def _unit_of(column: ColumnEncoder, inner: NumericEncoder) -> Unit:
    if column.time_unit:
        return Unit(MICROS / column.time_unit)
    return Unit(0.0 if inner.decimals is None else 10.0**inner.decimals)


def _range_of(column: ColumnEncoder, inner: NumericEncoder, held: Counts) -> tuple[float, float, bool, bool]:
    """(both ends of what the model emits as numbers that rules compare, whether enough records have each).

    `held` are the training records of each of the values that have codes of their own.
    """
    scale = column.time_unit / MICROS if column.time_unit else 1.0
    first = min((piece.values[0] for piece in inner.pieces), default=np.inf)
    last = max((piece.values[-1] for piece in inner.pieces), default=-np.inf)
    if not inner.atoms:
        return inner.low * scale, inner.high * scale, False, False
    least, most = inner.atoms[0], inner.atoms[-1]
    firm = least <= first and held[0] >= HOLDERS, most >= last and held[-1] >= HOLDERS
    return min(inner.low, least) * scale, max(inner.high, most) * scale, *firm


def _ends(x: Numbers, learnt: tuple[float, float, bool, bool] | None) -> tuple[float, float]:
    """The range of numbers that are filled in, beside given ones."""
    x = x[~np.isnan(x)]
    low, high, low_firm, high_firm = learnt or (np.inf, -np.inf, False, False)
    low, high = min(low, x.min(initial=np.inf)), max(high, x.max(initial=-np.inf))
    if low > high:
        return -np.inf, np.inf
    return (
        low if low_firm else 0.0 if low >= 0 else -np.inf,
        high if high_firm else 0.0 if high <= 0 else np.inf,
    )


def _stored(shown: Shown, unit: Unit, *, dates: bool) -> Shown:
    """How the column is stored; where no cell says it, as its values ask for."""
    stored = shown.stored
    if stored == "object" and shown.spec.value_form is None:
        stored = "datetime64[us]" if dates else "Int64" if unit.per == 1 else "float64"
    return replace(shown, stored=stored, dates=dates, per=unit.per)
