"""All that was released from the same data, attacked together: each further table adds to what an attacker knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from privacy.audit import ATTACKS, AuditResult, Progress, audit
from privacy.errors import AuditInputError
from privacy.running import Attack
from privacy.threat import AuditTables
from synth.table.schema import ColumnRole


def attack_together(
    result: AuditResult,
    tables: AuditTables,
    earlier: Sequence[pd.DataFrame],
    rng: np.random.Generator,
    *,
    progress: Progress | None = None,
    attacks: Mapping[str, Attack] = ATTACKS,
    planting: bool = True,
) -> AuditResult:
    """`result`, the audit of `tables.synthetic`, with what the battery finds on it and the `earlier` tables together.

    `tables` are as for `audit`, but where earlier generators learnt other people than this one did, train must have
    everybody whom one of them learnt, and holdout and reference nobody. Without earlier tables `result` comes back as
    it is. The planted leaks are laid anew: what an attack sees in one table it may miss in many.
    Raises AuditInputError where an earlier table does not fit the schema.
    """
    if not earlier:
        return result
    every = [tables.synthetic, *(_fitting(tables, i, each) for i, each in enumerate(earlier, start=1))]
    joined = pd.concat(_people_apart(every, tables))
    together = audit(
        replace(tables, synthetic=joined.reset_index(drop=True)),
        rng,
        progress=progress,
        attacks=attacks,
        planting=planting,
    )
    return replace(result, together=replace(together, sizes={**together.sizes, "tables": 1 + len(earlier)}))


def _fitting(tables: AuditTables, number: int, table: pd.DataFrame) -> pd.DataFrame:
    """The earlier table, checked as the one under audit is."""
    try:
        return replace(tables, synthetic=table).synthetic
    except AuditInputError as error:
        raise AuditInputError(f"earlier table {number}: {error}") from None


def _people_apart(every: Sequence[pd.DataFrame], tables: AuditTables) -> Sequence[pd.DataFrame]:
    """The synthetic tables, of which no two have a made-up person of the same name.

    Two tables may number those that they make up alike, and the records of two would count as one person's. Names of
    real people stay, for whoever looks for these.
    """
    person = tables.schema.with_role(ColumnRole.PERSON)
    if person is None:
        return every
    sides = [side[person] for side in (tables.train, tables.holdout, tables.reference) if side is not None]
    columns = [table[person] for table in every]
    names = pd.concat([pd.Series(column.dropna().unique(), dtype=object) for column in columns])
    shared = pd.Index(names[names.duplicated()].unique()).difference(pd.concat(sides).dropna().unique(), sort=False)
    numeric = all(pd.api.types.is_numeric_dtype(column) for column in columns)
    top = max(names.max(), *(side.max() for side in sides)) if numeric and len(shared) else 0
    apart = []
    for number, (table, column) in enumerate(zip(every, columns, strict=True)):
        place = pd.Series(shared.get_indexer(pd.Index(column, dtype=object)), index=column.index)
        own = place + top + 1 + number * len(shared) if numeric else column.astype(str) + f" of table {number}"
        apart.append(table.assign(**{person: column.mask(place >= 0, own)}))
    return apart
