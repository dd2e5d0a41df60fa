"""Adult, cut into train, holdout, reference and synthetic, and the leaks of table D planted into it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

FILE = Path(__file__).parents[2] / "examples" / "adult.csv.gz"


@cache
def whole() -> pd.DataFrame:
    return pd.read_csv(FILE)


def schema_of(frame: pd.DataFrame) -> TableSchema:
    return TableSchema(
        columns=tuple(
            ColumnSpec(
                name=str(name),
                kind=ColumnKind.CATEGORICAL if frame[name].dtype == object else ColumnKind.NUMERICAL,
            )
            for name in frame.columns
        )
    )


def fresh(seed: int, *, n: int = 4000, holdout: int | None = None, reference: int = 3000) -> AuditTables:
    """Four disjoint draws: no leak."""
    frame = whole().sample(frac=1, random_state=seed).reset_index(drop=True)
    ends = np.cumsum([n, holdout or n, reference, n])
    parts = [frame.iloc[a:b].reset_index(drop=True) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    return AuditTables(
        train=parts[0], holdout=parts[1], reference=parts[2], synthetic=parts[3], schema=schema_of(frame)
    )


def with_synthetic(tables: AuditTables, synthetic: pd.DataFrame) -> AuditTables:
    return AuditTables(
        train=tables.train,
        holdout=tables.holdout,
        reference=tables.reference,
        synthetic=synthetic.reset_index(drop=True),
        schema=tables.schema,
    )


def without(tables: AuditTables, column: str) -> AuditTables:
    reference = None if tables.reference is None else tables.reference.drop(columns=column)
    train = tables.train.drop(columns=column)
    return AuditTables(
        train=train,
        holdout=tables.holdout.drop(columns=column),
        reference=reference,
        synthetic=tables.synthetic.drop(columns=column),
        schema=schema_of(train),
    )


def jittered(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Numbers moved by `share` of their column's standard deviation, that share of the categories redrawn."""
    rng = np.random.default_rng(seed)
    out = frame.copy()
    for name in frame.columns:
        if frame[name].dtype == object:
            hit = rng.random(len(frame)) < share
            out.loc[hit, name] = rng.choice(frame[name].to_numpy(), int(hit.sum()))
        else:
            moved = frame[name] + share * frame[name].std() * rng.standard_normal(len(frame))
            out[name] = moved.round().astype("int64")
    return out


def copied(tables: AuditTables, share: float) -> AuditTables:
    """This share of train's records in place of fresh ones."""
    n = round(share * len(tables.train))
    return with_synthetic(tables, pd.concat([tables.train.iloc[:n], tables.synthetic.iloc[n:]]))


def jittered_copy(tables: AuditTables, share: float) -> AuditTables:
    return with_synthetic(tables, jittered(tables.train, share, seed=1))


def matrix(frame: pd.DataFrame, like: pd.DataFrame) -> np.ndarray:
    """Numbers over their spread and categories as halved indicators: the Manhattan distance is Gower's."""
    numbers = [name for name in frame.columns if frame[name].dtype != object]
    spread = {name: like[name].quantile(0.99) - like[name].quantile(0.01) or 1.0 for name in numbers}
    coded = [pd.get_dummies(frame[name]).to_numpy(dtype=float) / 2 for name in frame.columns if name not in numbers]
    return np.column_stack([*[(frame[name] / spread[name]).to_numpy() for name in numbers], *coded])


def outlier_positions(tables: AuditTables, n: int) -> np.ndarray:
    """The records of train that are farthest from their five nearest in train and holdout."""
    pool = pd.concat([tables.train, tables.holdout])
    x = matrix(pool, pool)
    train = x[: len(tables.train)]
    distances = NearestNeighbors(n_neighbors=6, metric="manhattan").fit(x).kneighbors(train)[0]
    return np.argsort(-distances[:, 1:].mean(axis=1))[:n]


def outliers_memorised(tables: AuditTables, n: int = 50, jitter: float = 0.0) -> AuditTables:
    rows = tables.train.iloc[outlier_positions(tables, n)]
    rows = jittered(rows, jitter, seed=2) if jitter else rows
    return with_synthetic(tables, pd.concat([rows, tables.synthetic.iloc[n:]]))


def smote(tables: AuditTables, k: int = 5, seed: int = 3) -> AuditTables:
    """A "generator" that moves the numbers of each training record towards one of its `k` nearest."""
    rng = np.random.default_rng(seed)
    train = tables.train
    x = matrix(train, train)
    index = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x, return_distance=False)[:, 1:]
    mate = index[np.arange(len(train)), rng.integers(0, k, len(train))]
    weight = rng.random(len(train))
    out = train.copy()
    for name in train.columns:
        values = train[name].to_numpy()
        if train[name].dtype == object:
            out[name] = np.where(rng.random(len(train)) < weight, values[mate], values)
        else:
            out[name] = np.round(values + weight * (values[mate] - values)).astype("int64")
    return with_synthetic(tables, out)


def column_copied(tables: AuditTables, name: str = "fnlwgt") -> AuditTables:
    synthetic = tables.synthetic.copy()
    synthetic[name] = np.random.default_rng(4).permutation(tables.train[name].to_numpy())[: len(synthetic)]
    return with_synthetic(tables, synthetic)


def drifted(tables: AuditTables) -> AuditTables:
    """A holdout of other people: most of the young are missing."""
    old = tables.holdout["age"] >= tables.holdout["age"].median()
    keep = old | (np.random.default_rng(5).random(len(old)) < 0.5)
    return AuditTables(
        train=tables.train,
        holdout=tables.holdout[keep].reset_index(drop=True),
        reference=tables.reference,
        synthetic=tables.synthetic,
        schema=tables.schema,
    )
