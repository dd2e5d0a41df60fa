"""Small tables with everything in them that trips attacks up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from privacy.evidence import Evidence, gather
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

KINDS = {
    "person": ColumnKind.IDENTIFIER,
    "amount": ColumnKind.NUMERICAL,
    "born": ColumnKind.DATETIME,
    "town": ColumnKind.CATEGORICAL,
    "gain": ColumnKind.NUMERICAL,
    "sick": ColumnKind.CATEGORICAL,
}
MIXED = TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in KINDS.items()))


def mixed(n: int, seed: int) -> pd.DataFrame:
    """Negative amounts, dates, zeros, ties, and missing cells in a number, a date and a category."""
    rng = np.random.default_rng(seed)
    amount = -rng.gamma(2.0, 100.0, n)
    born = pd.Series(pd.Timestamp("1980-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), unit="D"))
    town = rng.choice(["a.b", "c", "d", None], n, p=[0.6, 0.3, 0.06, 0.04])
    gain = np.where(rng.random(n) < 0.8, 0.0, rng.integers(1, 40, n) * 50.0)
    sick = np.where(rng.random(n) < 0.15 + 0.3 * (amount < -250), "yes", "no")
    amount[rng.random(n) < 0.05] = np.nan
    born[rng.random(n) < 0.05] = pd.NaT
    return pd.DataFrame(
        {"person": np.arange(n), "amount": amount, "born": born, "town": town, "gain": gain, "sick": sick}
    )


def tables(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema = MIXED,
    reference: pd.DataFrame | None = None,
) -> AuditTables:
    return AuditTables(train=train, holdout=holdout, synthetic=synthetic, schema=schema, reference=reference)


def fresh(n: int = 600, seed: int = 1, *, reference: bool = False) -> AuditTables:
    others = mixed(n, seed * 10 + 4) if reference else None
    return tables(*(mixed(n, seed * 10 + part) for part in (1, 2, 3)), reference=others)


def copied(n: int = 600, seed: int = 1, share: float = 1.0) -> AuditTables:
    base = fresh(n, seed)
    rows = round(share * n)
    synthetic = pd.concat([base.train.iloc[:rows], base.synthetic.iloc[rows:]], ignore_index=True)
    return tables(base.train, base.holdout, synthetic)


def swapped(given: AuditTables) -> AuditTables:
    return tables(given.holdout, given.train, given.synthetic, given.schema)


def seen(given: AuditTables, seed: int = 0) -> Evidence:
    return gather(given, np.random.default_rng(seed))


def only(given: AuditTables, *names: str) -> AuditTables:
    """The tables with these columns alone."""
    schema = TableSchema(columns=tuple(spec for spec in given.schema if spec.name in names))
    frames = (frame[list(schema.names)] for frame in (given.train, given.holdout, given.synthetic))
    return tables(*frames, schema=schema)


def with_target(given: AuditTables, name: str) -> AuditTables:
    schema = given.schema.with_roles(target=name)
    assert schema.with_role(ColumnRole.TARGET) == name
    return tables(given.train, given.holdout, given.synthetic, schema, given.reference)


def awkward() -> Mapping[str, AuditTables]:
    """Tables that must end in findings, measured or not applicable, and never in a crash."""
    base = fresh(300)
    same = pd.concat([base.train.iloc[[5]]] * 300, ignore_index=True)
    unseen = base.synthetic.assign(town="nowhere", sick="perhaps", amount=base.synthetic["amount"] + 1e9)
    infinite = base.synthetic.assign(amount=np.inf)
    empty = base.synthetic.assign(amount=np.nan, born=pd.NaT, town=None)
    return {
        "fresh": base,
        "all rows equal": tables(same, same, same),
        "synthetic rows equal": tables(base.train, base.holdout, same),
        "one column": only(base, "gain"),
        "one category": only(base, "sick"),
        "no number": only(base, "town", "sick"),
        "no category": only(base, "amount", "born", "gain"),
        "one synthetic row": tables(base.train, base.holdout, base.synthetic.iloc[:1]),
        "two synthetic rows": tables(base.train, base.holdout, base.synthetic.iloc[:2]),
        "categories never seen": tables(base.train, base.holdout, unseen),
        "infinite numbers": tables(base.train, base.holdout, infinite),
        "all cells missing": tables(base.train, base.holdout, empty),
        "one person in holdout": tables(base.train, base.holdout.iloc[:1], base.synthetic),
        "constant column": with_target(
            tables(*(f.assign(sick="no") for f in (base.train, base.holdout, base.synthetic))), "sick"
        ),
    }
