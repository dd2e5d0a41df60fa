"""Leaks of known kinds, put into a table of fresh rows: what an honest gate must not let pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from privacy.threat import AuditTables
from synth.table.schema import ColumnKind

Leak = Callable[[AuditTables, np.random.Generator], AuditTables | None]
"""The same tables with the leak, or None where the table has nothing to make it from."""


def _numbers(tables: AuditTables) -> list[str]:
    return [c.name for c in tables.schema if c.kind is ColumnKind.NUMERICAL]


def _richest(tables: AuditTables) -> str | None:
    """The number with most distinct values, where nearly every second record has one of its own."""
    names = _numbers(tables)
    best = max(names, key=lambda name: tables.train[name].nunique(), default=None)
    return best if best is not None and tables.train[best].nunique() > 0.4 * len(tables.train) else None


def _in_place_of(tables: AuditTables, rows: pd.DataFrame) -> AuditTables:
    """The rows in place of as many fresh ones, in random order."""
    joined = pd.concat([rows, tables.synthetic.iloc[len(rows) :]]).sample(frac=1, random_state=1)
    return replace(
        tables, synthetic=joined.reset_index(drop=True).astype(dict(tables.synthetic.dtypes), errors="ignore")
    )


def copied(share: float) -> Leak:
    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables:
        n = min(round(share * len(tables.train)), len(tables.synthetic))
        return _in_place_of(tables, tables.train.iloc[rng.permutation(len(tables.train))[:n]])

    return leak


def copied_rows(n: int) -> Leak:
    return lambda tables, rng: copied(n / len(tables.train))(tables, rng)


def jittered(share: float, of: float) -> Leak:
    """Numbers moved by a share of their standard deviation, that share of the categories redrawn."""

    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables:
        n = min(round(of * len(tables.train)), len(tables.synthetic))
        rows = tables.train.iloc[rng.permutation(len(tables.train))[:n]].copy()
        numbers = _numbers(tables)
        for name in rows.columns:
            if name in numbers:
                moved = rows[name] + share * tables.train[name].std() * rng.standard_normal(n)
                whole = pd.api.types.is_integer_dtype(tables.train[name].dtype)
                rows[name] = moved.round().astype(tables.train[name].dtype) if whole else moved
            else:
                hit = rng.random(n) < share
                rows.loc[hit, name] = rng.choice(tables.train[name].to_numpy(), int(hit.sum()))
        return _in_place_of(tables, rows)

    return leak


def one_cell_off(n: int) -> Leak:
    """Training rows with one number one unit off."""

    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables | None:
        numbers = _numbers(tables)
        if not numbers:
            return None
        rows = tables.train.iloc[rng.permutation(len(tables.train))[:n]].reset_index(drop=True).copy()
        chosen = rng.choice(numbers, n)
        for name in numbers:
            step = 1 if pd.api.types.is_integer_dtype(rows[name].dtype) else float(tables.train[name].std()) / 100
            rows.loc[chosen == name, name] = rows.loc[chosen == name, name] + step
        return _in_place_of(tables, rows)

    return leak


def one_cell_blank(n: int) -> Leak:
    """All cells but one verbatim, one column blank."""

    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables | None:
        numbers = _numbers(tables)
        if not numbers:
            return None
        rows = tables.train.iloc[rng.permutation(len(tables.train))[:n]].copy()
        rows[numbers[0]] = np.nan
        joined = pd.concat([rows, tables.synthetic.iloc[n:]]).sample(frac=1, random_state=1).reset_index(drop=True)
        return replace(tables, synthetic=joined)

    return leak


def part_of_a_record(people: float, cells: float, *, same: bool) -> Leak:
    """A share of the cells of some people, the rest fresh; the same cells for all, or others for each."""

    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables:
        n, names = round(people * len(tables.train)), list(tables.synthetic.columns)
        rows = tables.train.iloc[rng.permutation(len(tables.train))[:n]].reset_index(drop=True)
        fresh = tables.synthetic.iloc[:n].reset_index(drop=True).copy()
        taken = max(1, round(cells * len(names)))
        fixed = set(rng.choice(names, taken, replace=False))
        kept = np.array([[name in fixed for name in names]] * n)
        if not same:
            kept = np.argsort(rng.random((n, len(names))), axis=1) < taken
        for place, name in enumerate(names):
            fresh.loc[kept[:, place], name] = rows.loc[kept[:, place], name]
        return _in_place_of(tables, fresh)

    return leak


def column_moved(change: Callable[[pd.Series], pd.Series]) -> Leak:
    """A nearly unique column of everybody in train, changed alike, on fresh rows."""

    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables | None:
        name = _richest(tables)
        if name is None:
            return None
        synthetic = tables.synthetic.copy()
        taken = rng.permutation(len(tables.train))[: len(synthetic)]
        synthetic = synthetic.iloc[: len(taken)].copy()
        synthetic[name] = change(tables.train[name].iloc[taken]).to_numpy()
        return replace(tables, synthetic=synthetic.reset_index(drop=True))

    return leak


def mirrored(tables: AuditTables, _: np.random.Generator) -> AuditTables | None:
    """All of train, its numbers mirrored within their range."""
    rows = tables.train.copy()
    for name in _numbers(tables):
        rows[name] = rows[name].max() + rows[name].min() - rows[name]
    return replace(tables, synthetic=rows) if _numbers(tables) else None


def other_units(tables: AuditTables, _: np.random.Generator) -> AuditTables:
    """All of train in other units and other spellings."""
    rows = tables.train.copy()
    for column in tables.schema:
        if column.kind is ColumnKind.NUMERICAL:
            rows[column.name] = rows[column.name] * 2.54 + 3
        elif column.kind is ColumnKind.CATEGORICAL:
            rows[column.name] = "value " + rows[column.name].astype(str)
    return replace(tables, synthetic=rows)


def control_seen(tables: AuditTables, rng: np.random.Generator) -> AuditTables:
    """A tenth of the synthetic rows are training rows, and the same rows stand in the holdout."""
    n = len(tables.synthetic) // 10
    rows = tables.train.iloc[rng.permutation(len(tables.train))[:n]]
    holdout = pd.concat([rows, tables.holdout.iloc[n:]]).sample(frac=1, random_state=2).reset_index(drop=True)
    return _in_place_of(replace(tables, holdout=holdout), rows)


def generator_saw_both(tables: AuditTables, rng: np.random.Generator) -> AuditTables:
    """The synthetic rows are a fifth of train and a fifth of holdout, the rest fresh."""
    n = len(tables.synthetic) // 5
    rows = [side.iloc[rng.permutation(len(side))[:n]] for side in (tables.train, tables.holdout)]
    return _in_place_of(tables, pd.concat(rows))


def units_of_one_column(tables: AuditTables, _: np.random.Generator) -> AuditTables | None:
    """Fresh rows, one number in other units."""
    names = _numbers(tables)
    if not names:
        return None
    return replace(tables, synthetic=tables.synthetic.assign(**{names[0]: tables.synthetic[names[0]] * 100}))


def one_repeated_row(tables: AuditTables, _: np.random.Generator) -> AuditTables:
    rows = tables.synthetic.iloc[np.zeros(len(tables.synthetic), dtype=int)]
    return replace(tables, synthetic=rows.reset_index(drop=True))


def outliers(n: int) -> Leak:
    """The training rows that are farthest from the middle of all numbers."""

    def leak(tables: AuditTables, _: np.random.Generator) -> AuditTables | None:
        numbers = _numbers(tables)
        if not numbers:
            return None
        ranks = tables.train[numbers].rank(pct=True).sub(0.5).abs().sum(axis=1)
        return _in_place_of(tables, tables.train.loc[ranks.nlargest(n).index])

    return leak


def two_numbers(share: float, moved: float) -> Leak:
    """Two numbers of some people, both moved by a share of their standard deviation, in otherwise fresh records."""

    def leak(tables: AuditTables, rng: np.random.Generator) -> AuditTables | None:
        train, n = tables.train, round(share * len(tables.train))
        own = [name for name in _numbers(tables) if train[name].nunique() > 0.4 * len(train)]
        if len(own) < 2:
            return None
        rows, source = tables.synthetic.iloc[:n].copy(), rng.permutation(len(train))[:n]
        for name in own[:2]:
            values = train[name].to_numpy(np.float64)[source] + moved * train[name].std() * rng.standard_normal(n)
            rows[name] = values.round() if pd.api.types.is_integer_dtype(train[name].dtype) else values
        return _in_place_of(tables, rows)

    return leak


LEAKS: Mapping[str, Leak] = {
    "all of train": copied(1.0),
    "5 % of train": copied(0.05),
    "1 % of train": copied(0.01),
    "12 rows": copied_rows(12),
    "all of train, 5 % jitter": jittered(0.05, 1.0),
    "all of train, 20 % jitter": jittered(0.2, 1.0),
    "5 % of train, 2 % jitter": jittered(0.02, 0.05),
    "50 outliers": outliers(50),
    "50 rows, one cell one unit off": one_cell_off(50),
    "100 rows, one column blank": one_cell_blank(100),
    "5 % of people, two thirds of the cells": part_of_a_record(0.05, 0.7, same=False),
    "5 % of people, the same two thirds of the cells": part_of_a_record(0.05, 0.7, same=True),
    "a nearly unique column": column_moved(lambda values: values),
    "a nearly unique column plus one": column_moved(lambda values: values + 1),
    "a nearly unique column times 1.01": column_moved(lambda values: values * 1.01),
    "two nearly unique numbers of 5 %, moved by a thousandth": two_numbers(0.05, 0.001),
    "all of train, numbers mirrored": mirrored,
    "all of train, other units and spellings": other_units,
    "training rows in synthetic table and holdout": control_seen,
    "the generator saw train and holdout": generator_saw_both,
    "one column in other units": units_of_one_column,
    "one repeated row": one_repeated_row,
    "holdout is train": lambda tables, _: replace(tables, holdout=tables.train),
    "holdout is the synthetic table": lambda tables, _: replace(tables, holdout=tables.synthetic),
    "holdout is the reference": lambda tables, _: replace(tables, holdout=tables.reference),
    "reference is the synthetic table": lambda tables, _: replace(tables, reference=tables.synthetic),
}
