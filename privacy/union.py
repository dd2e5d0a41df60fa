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
    joined = pd.concat([tables.synthetic, *(_fitting(tables, i, each) for i, each in enumerate(earlier, start=1))])
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
