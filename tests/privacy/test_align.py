"""A copy in another coding is turned back, so that nearest neighbours find it; a fresh table gains nothing by that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.membership import membership
from privacy.evidence import gather
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy import adult, control
from tests.privacy.adult import with_synthetic


def aucs(tables: AuditTables) -> dict[str, tuple[float, float]]:
    found = membership(gather(tables, np.random.default_rng(0)))
    return {f.statistic: (f.value, f.lower) for f in found if f.statistic.endswith("auc") and f.value is not None}


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(64, n=800, reference=300)


@pytest.mark.parametrize("how", control.MISCODED)
def test_a_copy_in_another_coding_is_found_nearly_as_surely_as_a_plain_one(tables, how):
    found = aucs(with_synthetic(tables, control.miscoded(tables.train, how)))
    assert found["aligned_k1_auc"][1] > 0.9
    assert found["aligned_k5_auc"][1] > 0.5


def test_a_jittered_copy_that_is_mirrored_is_found(tables):
    found = aucs(with_synthetic(tables, control.miscoded(adult.jittered(tables.train, 0.1, 1), "mirrored")))
    assert found["aligned_k1_auc"][1] > 0.6


def measured(n: int, seed: int) -> pd.DataFrame:
    """Numbers alone, symmetric, so that only their dependence tells which way up they are."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    return pd.DataFrame(0.6 * common * [1, -1, 1, 1, -1, 1] + rng.normal(size=(n, 6)), columns=list("abcdef"))


@pytest.mark.parametrize("turned", ["ad", "abcdef"], ids=["some", "all"])
def test_mirrored_symmetric_columns_are_turned_back_by_their_dependence(turned):
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in "abcdef"))
    train, holdout = measured(1500, 1), measured(1500, 2)
    mirrored = train.assign(**{name: -train[name] for name in turned})
    tables = AuditTables(train=train, holdout=holdout, synthetic=mirrored, schema=schema)
    found = aucs(tables)
    assert found["plain_k1_auc"][0] < 0.7
    assert found["aligned_k1_auc"][0] > 0.9


def test_fresh_rows_in_another_coding_give_no_alarm():
    alarms = 0
    for seed in range(8):
        tables = adult.fresh(seed, n=400, reference=100)
        how = control.MISCODED[seed % 4]
        found = aucs(with_synthetic(tables, control.miscoded(tables.synthetic, how)))
        alarms += found["aligned_k1_auc"][1] > 0.5
    assert alarms <= 2
