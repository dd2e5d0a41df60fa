"""Small made-up tables for the generator's tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

FAST = TrainConfig(steps=40, batch=200, width=32, noise=16, blocks=1, device="cpu", look_every=10)
"""Settings that take about a second; every loss takes part."""

KINDS = {
    "person": ColumnKind.IDENTIFIER,
    "sex": ColumnKind.CATEGORICAL,
    "city": ColumnKind.CATEGORICAL,
    "flag": ColumnKind.CATEGORICAL,
    "age": ColumnKind.NUMERICAL,
    "income": ColumnKind.NUMERICAL,
    "gain": ColumnKind.NUMERICAL,
    "joined": ColumnKind.DATETIME,
}


def schema(target: str | None = "flag") -> TableSchema:
    return TableSchema(
        columns=tuple(
            ColumnSpec(name=name, kind=kind, role=ColumnRole.TARGET if name == target else ColumnRole.FEATURE)
            for name, kind in KINDS.items()
        )
    )


def people(n: int = 600, seed: int = 0) -> pd.DataFrame:
    r = np.random.default_rng(seed)
    sex = r.choice(["f", "m"], n)
    city = r.choice(["Ulm", "Bonn", "Trier", "Jena"], n, p=[0.6, 0.3, 0.08, 0.02]).astype(object)
    city[r.random(n) < 0.05] = None
    income = np.round(r.lognormal(8, 0.6, n) * np.where(sex == "f", 1.0, 1.2), 2)
    income[r.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "person": [f"P{i:05d}" for i in range(n)],
            "sex": sex.astype(object),
            "city": city,
            "flag": r.choice([0, 1], n, p=[0.8, 0.2]),
            "age": r.integers(18, 80, n),
            "income": income,
            "gain": np.where(r.random(n) < 0.9, 0, r.integers(1, 5000, n)),
            "joined": pd.to_datetime("2019-01-01") + pd.to_timedelta(r.integers(0, 1500, n), unit="D"),
        }
    )
