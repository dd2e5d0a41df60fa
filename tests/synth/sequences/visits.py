"""Made-up people with several visits each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="visit", kind=ColumnKind.IDENTIFIER),
        ColumnSpec(name="patient", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="sex", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="born", kind=ColumnKind.DATETIME),
        ColumnSpec(name="at", kind=ColumnKind.DATETIME),
        ColumnSpec(name="ward", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="weight", kind=ColumnKind.NUMERICAL),
    )
)


def visits(people: int = 300, seed: int = 0) -> pd.DataFrame:
    """1 to 6 visits, 7, 14 or 28 days apart, in opening hours; people mostly stay in their ward and keep their weight.

    The records stand in random order.
    """
    rng = np.random.default_rng(seed)
    each = rng.integers(1, 7, people)
    who = np.repeat(np.arange(people), each)
    first = np.diff(who, prepend=-1) != 0
    days = np.where(first, rng.integers(0, 400, len(who)), rng.choice([7, 14, 28], len(who), p=[0.6, 0.3, 0.1]))
    total = np.cumsum(days)
    days = total - (total - days)[np.flatnonzero(first)][who]
    moves = first | (rng.random(len(who)) < 0.15)
    ward = rng.choice(["north", "south", "east"], len(who))[
        np.maximum.accumulate(np.where(moves, np.arange(len(who)), 0))
    ]
    table = pd.DataFrame(
        {
            "visit": [f"V{n:06d}" for n in rng.permutation(len(who))],
            "patient": [f"P{n:04d}" for n in who],
            "sex": rng.choice(["f", "m"], people)[who],
            "born": (pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 15000, people), unit="D"))[who],
            "at": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(days, unit="D")
            + pd.to_timedelta(rng.integers(8, 18, len(who)), unit="h"),
            "ward": ward,
            "weight": np.round(rng.normal(75, 12, people)[who] + rng.normal(0, 1, len(who)), 1),
        }
    )
    return table.iloc[rng.permutation(len(table))].reset_index(drop=True)
