"""Small tables with everything that trips a distance, a density or a tree, and one case per way to be odd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="amount", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="balance", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="since", kind=ColumnKind.DATETIME),
        ColumnSpec(name="town", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="code", kind=ColumnKind.CATEGORICAL),
    )
)
PARTS = ("train", "holdout", "synthetic", "reference")
Frames = dict[str, pd.DataFrame]


def mixed(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Negatives, zeros, ties, missing values of each kind, dates, infinities and a category of many levels."""
    amount = np.where(rng.random(n) < 0.4, 0.0, np.round(rng.normal(0, 50, n), 2))
    amount[rng.random(n) < 0.1] = np.nan
    balance = -np.exp(rng.normal(3, 2, n))
    balance[rng.random(n) < 0.01] = np.inf
    balance[rng.random(n) < 0.01] = -np.inf
    since = pd.Series(pd.Timestamp("1960-01-01") + pd.to_timedelta(rng.integers(0, 20_000, n), unit="D"))
    since[rng.random(n) < 0.05] = pd.NaT
    town = pd.Series(rng.choice(["A", "B", "C"], n, p=[0.8, 0.15, 0.05]), dtype=object)
    town[rng.random(n) < 0.1] = None
    code = [f"c{value}" for value in rng.integers(0, max(2, n // 2), n)]
    return pd.DataFrame({"amount": amount, "balance": balance, "since": since, "town": town, "code": code})


def _each(change: Callable[[pd.DataFrame], pd.DataFrame], *names: str) -> Callable[[Frames], Frames]:
    return lambda frames: {n: change(f) if n in (names or PARTS) else f for n, f in frames.items()}


def _one_value(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame.iloc[[0]]] * len(frame), ignore_index=True)


def _all_equal(frames: Frames) -> Frames:
    row = frames["train"].iloc[[1]]
    return {name: pd.concat([row] * len(frame), ignore_index=True) for name, frame in frames.items()}


CASES: dict[str, Callable[[Frames], Frames]] = {
    "mixed": lambda frames: frames,
    "all rows equal": _all_equal,
    "all synthetic rows equal": _each(_one_value, "synthetic"),
    "all reference rows equal": _each(_one_value, "reference"),
    "no numeric column": _each(lambda f: f[["town", "code"]]),
    "no categorical column": _each(lambda f: f[["amount", "balance", "since"]]),
    "one column": _each(lambda f: f[["town"]]),
    "one numeric column": _each(lambda f: f[["balance"]]),
    "synthetic of one row": _each(lambda f: f.iloc[:1], "synthetic"),
    "synthetic of 150 rows": _each(lambda f: f.iloc[:150], "synthetic"),
    "categories never seen": _each(lambda f: f.assign(town="Z", code="unheard of"), "synthetic"),
    "a column all missing": _each(lambda f: f.assign(amount=np.nan)),
    "no reference": lambda frames: {name: frame for name, frame in frames.items() if name != "reference"},
    "a reference of twenty": _each(lambda f: f.iloc[:20], "reference"),
    "one person a side": _each(lambda f: f.iloc[:1], "train", "holdout"),
    "thirty people a side": _each(lambda f: f.iloc[:30], "train", "holdout"),
    "sides of unequal size": _each(lambda f: f.iloc[:150], "holdout"),
}


def evidence(case: str, seed: int = 0, n: int = 300) -> Evidence:
    """The evidence of one odd case."""
    rng = np.random.default_rng(seed)
    frames = CASES[case]({part: mixed(n, rng) for part in PARTS})
    schema = TableSchema(columns=tuple(SCHEMA[str(name)] for name in frames["train"].columns))
    return gather(AuditTables(**frames, schema=schema), rng)


def assert_told(findings: tuple[Finding, ...], attack: str) -> None:
    """Each finding is a number within its interval, or says why there is none."""
    assert findings
    assert len({finding.key for finding in findings}) == len(findings)
    for finding in findings:
        assert finding.attack == attack
        assert finding.threat
        if finding.status is FindingStatus.NOT_APPLICABLE:
            assert finding.note
            assert finding.value is None
        else:
            assert finding.status is FindingStatus.MEASURED
            assert 0 <= finding.lower <= finding.value <= finding.upper <= 1
            assert finding.minimum_detectable > finding.baseline
