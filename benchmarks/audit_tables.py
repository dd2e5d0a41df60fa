"""The real tables on which the audit is measured, cut into train, holdout, reference and synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from privacy.threat import AuditTables
from synth.detect.propose import propose_schema

Sizes = tuple[int, int, int, int]
SIZES: Mapping[str, Sizes] = {"large": (5_000, 5_000, 4_000, 5_000), "small": (2_000, 2_000, 1_500, 2_000)}
"""Records of train, holdout, reference and synthetic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """How to read one table, and the sizes that it is long enough for."""

    target: str
    separator: str = ","
    missing: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Columns in which what is no number is missing."""
    moments: tuple[str, ...] = ()
    most_rows: int | None = None
    large: Sizes = SIZES["large"]
    small: Sizes = SIZES["small"]


TABLES: Mapping[str, Table] = {
    "adult": Table(target="income", missing=("?",)),
    "default": Table(target="has_default"),
    "magic": Table(target="class"),
    "shoppers": Table(target="Revenue", large=(3_500, 3_500, 2_500, 2_800)),
    "telco_churn": Table(
        target="Churn",
        numbers=("TotalCharges",),
        large=(2_500, 2_000, 1_000, 1_500),
        small=(2_000, 2_000, 1_500, 1_500),
    ),
    "bank_additional": Table(target="y", separator=";"),
    "nycflights13": Table(target="arr_delay", moments=("time_hour",), most_rows=60_000),
}


def read(data: Path, name: str) -> pd.DataFrame:
    """The table as a data frame."""
    table = TABLES[name]
    frame = pd.read_csv(data / f"{name}.csv.gz", sep=table.separator, na_values=list(table.missing) or None)
    for column in table.numbers:
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    for column in table.moments:
        frame[column] = pd.to_datetime(frame[column])
    if table.most_rows is not None:
        frame = frame.sample(table.most_rows, random_state=0)
    return frame.reset_index(drop=True)


def drawn(data: Path, name: str, size: str, seed: int) -> AuditTables:
    """Disjoint draws: nothing leaks."""
    frame, table = read(data, name), TABLES[name]
    schema = propose_schema(frame, target=table.target)
    order = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    ends = np.cumsum(table.large if size == "large" else table.small)
    parts = [order.iloc[a:b].reset_index(drop=True) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    return AuditTables(train=parts[0], holdout=parts[1], reference=parts[2], synthetic=parts[3], schema=schema)
