"""Look-ups that forgive: one or two cells of a record, or a shift of all values of a column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy import near
from privacy.cells import Cells, cells_of
from privacy.exact import found_more
from privacy.near import NOT_FOUND, Nearby, left_out_scores, near_values
from tests.privacy.attacks.awkward import MIXED, mixed, only
from tests.privacy.attacks.awkward import fresh as fresh_tables


def looked_up(synthetic: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame, schema=MIXED):
    coded = cells_of([train, holdout], [synthetic], schema)
    return left_out_scores(*coded)


def test_a_copy_is_found_with_up_to_two_other_cells_and_scores_by_what_is_left():
    train, holdout = mixed(300, 1), mixed(300, 2)
    row = int(np.flatnonzero(train.notna().all(axis=1))[3])
    copies = [train.iloc[[row]].copy() for _ in range(4)]
    for frame, changed in zip(copies, [[], ["amount"], ["amount", "gain"], ["amount", "gain", "born"]], strict=True):
        for name in changed:
            frame[name] = pd.Timestamp("1900-01-01") if name == "born" else -12345.6
    scores = [looked_up(frame, train, holdout)[0][row] for frame in copies]
    assert scores[0] > scores[1] > scores[2] > 0
    assert scores[3] == NOT_FOUND
    for frame in copies:
        ours, others = looked_up(frame, train, holdout)
        assert (np.delete(ours, row) == NOT_FOUND).all()
        assert (others == NOT_FOUND).all()


def test_people_who_agree_with_others_in_the_cells_that_are_left_are_not_found():
    train = mixed(300, 1)
    ours, others = looked_up(train, train, train)
    assert (ours == NOT_FOUND).all()
    assert (others == NOT_FOUND).all()


def test_two_columns_or_more_must_be_left():
    given = only(fresh_tables(), "amount", "town")
    coded = cells_of([given.train, given.holdout], [given.train.assign(town="elsewhere")], given.schema)
    assert (left_out_scores(*coded)[0] == NOT_FOUND).all()


def test_in_large_tables_only_one_cell_is_forgiven(monkeypatch):
    train, holdout = mixed(300, 1), mixed(300, 2)
    copy = train.assign(amount=-12345.6)
    found = (looked_up(copy, train, holdout)[0] > NOT_FOUND).sum()
    monkeypatch.setattr(near, "MOST_KEYS", 100)
    one = (looked_up(copy, train, holdout)[0] > NOT_FOUND).sum()
    assert 0 < one <= found
    assert (looked_up(copy.assign(gain=-12345.6), train, holdout)[0] == NOT_FOUND).all()


def lower(found: Nearby) -> float:
    return found_more(found.train_found, found.train, found.holdout_found, found.holdout)[0]


def values(seed: int, n: int = 3000, *, whole: bool = True) -> np.ndarray:
    drawn = np.random.default_rng(seed).lognormal(11, 0.8, n)
    return np.round(drawn) if whole else drawn


WAYS = {
    "plus one": lambda x: x + 1,
    "plus 1,000": lambda x: x + 1_000,
    "less 31": lambda x: x - 31,
    "times 1.01": lambda x: x * 1.01,
    "times 7, rounded": lambda x: np.round(x * 7),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_column_that_was_moved_alike_is_found(way, whole):
    train, holdout = values(1, whole=whole), values(2, whole=whole)
    found = near_values(train, holdout, np.random.default_rng(3).permutation(WAYS[way](train)))
    assert max(lower(count) for count in found.values()) > 0.9


def test_values_on_both_sides_of_0_are_found_after_a_change_of_unit_or_sign():
    rng = np.random.default_rng(5)
    train, holdout = rng.normal(0, 50, 2000), rng.normal(0, 50, 2000)
    for factor in (1.01, -2.54):
        assert lower(near_values(train, holdout, factor * train)["times a constant"]) > 0.9


@pytest.mark.parametrize("draws", [40])
def test_fresh_values_are_as_near_to_train_as_to_holdout(draws):
    alarms = {"near": 0, "moved by a constant": 0, "times a constant": 0}
    for seed in range(draws):
        found = near_values(values(3 * seed, 1000), values(3 * seed + 1, 1000), values(3 * seed + 2, 1000))
        for way, count in found.items():
            alarms[way] += lower(count) > 0
            assert count.train_found < 0.1 * count.train
    assert max(alarms.values()) <= binom.ppf(0.999, draws, 0.025)


@pytest.mark.parametrize(
    "published",
    [np.array([np.nan, np.nan]), np.zeros(10), np.array([1.0]), np.array([np.inf, -np.inf, 3.0, 1e300])],
)
def test_odd_values_are_looked_up_too(published):
    for train in (values(1, 400), np.where(np.arange(400) % 2, np.nan, values(1, 400)), np.full(400, 7.0)):
        for found in near_values(train, values(2, 400), published).values():
            assert found.train_found <= 2
            assert found.holdout_found <= 2


def test_no_columns_at_all():
    nothing = Cells(columns={}, numbers={}, size=3)
    assert (left_out_scores(nothing, nothing, nothing)[0] == NOT_FOUND).all()
