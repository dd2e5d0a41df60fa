"""Audits whose comparison means nothing, made of honest ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from privacy.threat import AuditTables
from tests.privacy.adult import jittered, with_synthetic

MISCODED = ("mirrored", "other units and spellings", "logarithms", "labels exchanged")


def in_both(tables: AuditTables, share: float, *, changed: bool = False) -> AuditTables:
    """This share of train stands in holdout and in the synthetic table, too, there with one cell changed if asked."""
    n = round(share * len(tables.train))
    rows = tables.train.iloc[:n]
    holdout = pd.concat([rows, tables.holdout.iloc[n:]]).reset_index(drop=True)
    shown = one_cell_changed(rows) if changed else rows
    return with_synthetic(replace(tables, holdout=holdout), pd.concat([shown, tables.synthetic.iloc[n:]]))


def one_cell_changed(frame: pd.DataFrame, seed: int = 6) -> pd.DataFrame:
    """One cell of each record is another record's."""
    rng = np.random.default_rng(seed)
    out = frame.reset_index(drop=True)
    chosen = rng.integers(0, out.shape[1], len(out))
    for place, name in enumerate(out.columns):
        here = chosen == place
        out.loc[here, name] = rng.permutation(out[name].to_numpy())[: int(here.sum())]
    return out


def trained_on_both(tables: AuditTables, *, share: float = 1.0, jitter: float = 0.0) -> AuditTables:
    """The generator gives away records of train and holdout alike; the rest of its table is fresh."""
    both = pd.concat([tables.train, tables.holdout]).sample(frac=1, random_state=7).reset_index(drop=True)
    n = round(share * len(tables.synthetic))
    rows = jittered(both.iloc[:n], jitter, seed=8) if jitter else both.iloc[:n]
    return with_synthetic(tables, pd.concat([rows, tables.synthetic.iloc[n:]]))


def miscoded(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    """The same records in another coding: one of MISCODED."""
    out = frame.copy()
    rng = np.random.default_rng(9)
    for name in frame.columns:
        column = frame[name]
        if column.dtype != object:
            changed = {
                "mirrored": column.max() + column.min() - column,
                "other units and spellings": 12 * column + 3,
                "logarithms": np.log1p(column.clip(lower=0)),
            }
        else:
            labels = column.unique()
            changed = {
                "other spellings": column,
                "other units and spellings": column.map({label: f"{i}-{len(label)}" for i, label in enumerate(labels)}),
                "labels exchanged": column.map(dict(zip(labels, rng.permutation(labels), strict=True))),
            }
        out[name] = changed.get(how, column)
    return out


def independent(frame: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """What a generator without any dependence makes: each column is right and no record is."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: frame[name].to_numpy()[rng.integers(0, len(frame), n)] for name in frame.columns})
