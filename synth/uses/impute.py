"""Fills missing cells: a table with gaps becomes several complete ones, and what differs between them is uncertainty.

Multiple imputation (Rubin 1987). A generator learns the table with its gaps, and each gap is drawn from the values that
it gives such records. That assumes that whether a cell is missing depends on the other cells only (missing at random);
where it depends on the lost value itself, no method that sees the table alone can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from synth.config import TrainConfig
from synth.errors import SynthError, TableError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sequences.learnt import learnable
from synth.table.frame import validate
from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import FrameTable
from synth.table.values import values_of
from synth.training.fit import fit
from synth.uses.complete import completions, nothing_missing
from synth.uses.partial import Partial, read_partial
from synth.uses.sizes import FEWEST_TIMES, TIMES


@dataclass(frozen=True, kw_only=True, slots=True)
class PooledMean:
    """The mean of one column over completed tables, by Rubin's rules."""

    column: str
    missing: float
    """Share of its cells that were missing"""
    mean: float
    error: float
    """Standard error, of both what is sampled and what is imputed"""
    low: float
    high: float
    """Ends of the 95 % interval (Student's t, degrees of freedom after Barnard & Rubin 1999)"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Imputed:
    """What became of a table with missing cells."""

    tables: list[pd.DataFrame]
    """Completed; gaps of identifiers stay, and those that a rule asks for"""
    cells: pd.DataFrame
    """One row for each cell that was filled: `record` (from 0), `column`, `value` (the mean over the tables, or the
    most frequent category) and `uncertainty` (the standard deviation, or the share of tables with another category)"""
    means: list[PooledMean]
    """Of numeric columns"""


def impute(
    table: pd.DataFrame,
    schema: TableSchema,
    rng: Rng,
    *,
    times: int = TIMES,
    config: TrainConfig | None = None,
    train: Callable[[pd.DataFrame, TableSchema, TrainConfig, Rng], TrainedModel] = fit,
    progress: Callable[[float], None] | None = None,
) -> Imputed:
    """`times` completed tables, by a generator that is trained on `table`.

    Without a `config` the generator does not protect rare values: the tables hold the real cells, and are not to leave.
    `train` fits the generator, and `progress` is told the fraction of the imputing done. Raises, before it trains,
    TableError where no cell is missing, people have several records or the table cannot be learnt, and SynthError where
    `times` is less than 2.
    """
    if times < FEWEST_TIMES:
        raise SynthError(f"times: expected 2 or more, as what differs between tables is the uncertainty, got {times}")
    config = config or TrainConfig(protect=False)
    _expect_imputable(table, schema, config)
    model = train(table, schema, config, rng.spawn("fit"))
    return impute_with(model, table, rng, times=times, progress=progress)


def _expect_imputable(table: pd.DataFrame, schema: TableSchema, config: TrainConfig) -> None:
    """Raises TableError where the table shows that no model of it could fill its gaps."""
    table = validate(table, schema)
    if bool(values_of(table, schema)[list(schema.learnt)].notna().all(axis=None)):
        raise _no_gaps()
    person = schema.with_role(ColumnRole.PERSON)
    if person is not None and learnable(FrameTable(table), schema, config.least).outline is not None:
        raise TableError(
            f"column {person!r}: expected people with one record each to impute, got people with several: name no "
            "person column, so that each record is filled by itself"
        )


def _no_gaps() -> TableError:
    return TableError("expected a table with missing cells in columns that are learnt, got one without")


def impute_with(
    model: TrainedModel,
    table: pd.DataFrame,
    rng: Rng,
    *,
    times: int = TIMES,
    progress: Callable[[float], None] | None = None,
) -> Imputed:
    """The same by a model that is there already. Raises TableError where no cell is missing that it could fill."""
    partial = read_partial(model, table, rng.spawn("read"), known=False)
    learnt = {column.name for column in model.encoder.encoders if column.made_up is None and column.width > 0}
    fillable = [name for name in model.schema.names if name in learnt | model.encoder.rules.changed]
    if bool(partial.came[fillable].all(axis=None)):
        raise _no_gaps()
    allowed = nothing_missing(model)
    tables = list(completions(model, partial, rng, times=times, allowed=allowed, progress=progress))
    kept = [_with_gaps(each, partial, fillable) for each in tables]
    valued = [values_of(each, model.schema) for each in kept]
    return Imputed(tables=kept, cells=_cells(valued, partial, fillable), means=pooled_means(valued, partial.came))


def pooled_means(tables: Sequence[pd.DataFrame], given: pd.DataFrame) -> list[PooledMean]:
    """The mean of each numeric column over completed tables; `given` says which cells were there."""
    names = [str(name) for name in tables[0] if pd.api.types.is_numeric_dtype(tables[0][name].dtype)]
    return [
        found
        for name in names
        if (found := _pooled(name, [each[name] for each in tables], float(1 - given[name].mean()))) is not None
    ]


def _pooled(name: str, columns: Sequence[pd.Series], missing: float) -> PooledMean | None:
    """Rubin's rules: T = W + (1 + 1/m) B. None where fewer than two values are there."""
    values = [column.dropna().to_numpy(dtype=np.float64) for column in columns]
    if min(map(len, values)) < 2:
        return None
    m, n = len(values), len(values[0])
    mean = float(np.mean([each.mean() for each in values]))
    within = float(np.mean([each.var(ddof=1) / len(each) for each in values]))
    between = (1 + 1 / m) * float(np.var([each.mean() for each in values], ddof=1))
    total = within + between
    lost = between / total if total > 0 else 0.0
    complete = n - 1
    seen = (complete + 1) / (complete + 3) * complete * (1 - lost)
    old = (m - 1) / lost**2 if lost > 0 else math.inf
    freedom = seen if math.isinf(old) else old * seen / (old + seen) if old + seen > 0 else 1.0
    half = float(stats.t.ppf(0.975, max(freedom, 1.0))) * math.sqrt(total)
    return PooledMean(
        column=name, missing=missing, mean=mean, error=math.sqrt(total), low=mean - half, high=mean + half
    )


def _with_gaps(table: pd.DataFrame, partial: Partial, fillable: Sequence[str]) -> pd.DataFrame:
    """Cells that no model can know, such as missing identifiers, stay missing."""
    others = [name for name in table if name not in fillable and not partial.came[name].all()]
    return table.assign(**{str(name): table[name].where(partial.came[name].to_numpy()) for name in others})


def _cells(tables: Sequence[pd.DataFrame], partial: Partial, fillable: Sequence[str]) -> pd.DataFrame:
    parts = []
    for name in fillable:
        gaps = np.flatnonzero(~partial.came[name].to_numpy())
        drawn = pd.concat([each[name].iloc[gaps].reset_index(drop=True) for each in tables], axis=1)
        filled = drawn.notna().any(axis=1).to_numpy()  # a rule may say that a cell is missing
        gaps, drawn = gaps[filled], drawn[filled].reset_index(drop=True)
        value, apart = _summary(drawn)
        parts.append(pd.DataFrame({"record": gaps, "column": name, "value": value, "uncertainty": apart}))
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return found.sort_values(["record", "column"], kind="stable", ignore_index=True)


def _summary(drawn: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """((cells,) values as objects, (cells,) how far the (cells, tables) drawn ones differ)."""
    if not len(drawn):
        return pd.Series(dtype=object), pd.Series(dtype=float)
    if pd.api.types.is_bool_dtype(drawn.dtypes.iloc[0]) or not pd.api.types.is_numeric_dtype(drawn.dtypes.iloc[0]):
        most = drawn.mode(axis=1)[0]
        return most.astype(object), 1 - drawn.eq(most, axis=0).mean(axis=1)
    numbers = drawn.astype(float)
    return numbers.mean(axis=1).astype(object), numbers.std(axis=1, ddof=1)
