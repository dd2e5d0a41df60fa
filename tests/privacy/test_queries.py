"""What is seen of a synthetic table from one record agrees with counting it one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy import queries
from privacy.errors import AuditInputError
from privacy.queries import NEAR, Views, make_lens
from tests.privacy import adult


def lens_at(count: int, seed: int = 0):
    tables = adult.fresh(seed, n=400, reference=100)
    return tables, make_lens(tables.train, tables.holdout.iloc[:count], tables, np.random.default_rng(seed))


def spreads_of(frame: pd.DataFrame) -> dict[str, float]:
    found = {}
    for name in frame.columns:
        if frame[name].dtype != object:
            low, high = frame[name].quantile([0.01, 0.99])
            found[str(name)] = (high - low) or (frame[name].max() - frame[name].min()) or 1.0
    return found


def apart(spread: float | None, mine: object, other: object) -> float:
    if spread is None:
        return float(not (mine == other or (pd.isna(mine) and pd.isna(other))))
    return min(abs(float(mine) - float(other)) / spread, 1.0)


def test_counts_and_distances_are_those_of_a_plain_loop_over_records(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queries, "BLOCK", 60)
    tables, lens = lens_at(2)
    table = pd.concat([tables.synthetic.iloc[:150], tables.holdout.iloc[:1]], ignore_index=True)
    seen = lens.look(table)
    spreads = spreads_of(tables.train)
    for target in range(2):
        mine = tables.holdout.iloc[target]
        gaps = np.array(
            [[apart(spreads.get(name), mine[name], row[name]) for name in lens.columns] for _, row in table.iterrows()]
        )
        np.testing.assert_allclose(seen.near[target], np.sort(gaps.mean(axis=1))[:5])
        for place, query in enumerate(lens.queries.T):
            asked = query.astype(bool)
            assert seen.counts[target, place] == (gaps[:, asked] <= NEAR).all(axis=1).sum()
    assert seen.near[0, 0] == 0


def test_tables_of_more_than_64_columns_are_counted_as_well():
    tables, _ = lens_at(1)
    agree = np.random.default_rng(0).random((50, 70)) < 0.9
    asked = np.zeros((70, 2), dtype=np.float32)
    asked[[3, 69], 0] = 1
    asked[:, 1] = 1
    lens = queries.Lens(targets=tables.train, spreads={}, columns=(), queries=asked)
    assert lens.count_agreeing(agree).tolist() == [(agree[:, 3] & agree[:, 69]).sum(), agree.all(axis=1).sum()]


def test_a_planted_copy_is_seen_as_it_is_when_it_lies_in_the_table():
    tables, lens = lens_at(1)
    table = tables.synthetic.iloc[:50]
    copied = lens.look(pd.concat([table, tables.holdout.iloc[:1]], ignore_index=True))
    plain = lens.look(table)
    both = Views(near=np.concatenate([plain.near] * 2), counts=np.concatenate([plain.counts] * 2))
    planted = both.with_copy(np.array([True, False]))
    np.testing.assert_allclose(planted.near, np.concatenate([copied.near, plain.near]))
    np.testing.assert_allclose(planted.counts, np.concatenate([copied.counts, plain.counts]))


def test_a_table_of_one_record_is_seen():
    tables, lens = lens_at(2)
    seen = lens.look(tables.synthetic.iloc[:1])
    assert np.isfinite(seen.near).all()
    assert (seen.near == seen.near[:, :1]).all()


def test_a_table_without_records_or_columns_is_refused():
    tables, lens = lens_at(1)
    with pytest.raises(AuditInputError):
        lens.look(tables.synthetic.iloc[:0])
    with pytest.raises(AuditInputError):
        lens.look(tables.synthetic.drop(columns="age"))
