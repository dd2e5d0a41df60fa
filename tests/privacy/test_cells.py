"""Cells as codes: what agrees with what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.cells import MISSING_CELL, NO_MATCH, cells_of
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy.attacks.awkward import MIXED, mixed


def coded(kind: ColumnKind, people, others, more=()):
    """The codes of a column in train (with `more` in holdout) and in another table."""
    schema = TableSchema(columns=(ColumnSpec(name="x", kind=kind),))
    frames = [pd.DataFrame({"x": pd.Series(values)}) for values in (people, more or people, others)]
    train, _, other = cells_of(frames[:2], frames[2:], schema)
    return train.columns["x"], other.columns["x"]


def test_labels_agree_whatever_their_case_width_and_blanks():
    people = ["Never married", "Straße", "\uff211", None]
    train, other = coded(ColumnKind.CATEGORICAL, people, ["never  MARRIED ", "STRASSE", "a1", None, "widowed"])
    assert list(other[:4]) == list(train)
    assert other[3] == MISSING_CELL
    assert other[4] == NO_MATCH


def test_a_number_agrees_within_a_tenth_of_the_gap_to_the_next_value():
    train, other = coded(ColumnKind.NUMERICAL, [100.0, 200.0, 1000.0], [100.0, 109.0, 111.0, 195.0, 1079.0, 1081.0])
    assert list(other) == [train[0], train[0], NO_MATCH, train[1], train[2], NO_MATCH]


def test_in_consecutive_integers_only_equal_ones_agree():
    train, other = coded(ColumnKind.NUMERICAL, [17, 18, 19], [18.0, 18.2, 20.0, np.nan])
    assert list(other) == [train[1], NO_MATCH, NO_MATCH, MISSING_CELL]


def test_one_second_in_a_date_is_neither_hidden_nor_forgotten():
    days = pd.to_datetime(["1950-01-01 00:00:00", "2013-05-05 10:00:00", "2013-05-05 10:00:01"])
    moved = pd.to_datetime(["1950-01-01 00:00:01", "2013-05-05 10:00:00", "2013-05-05 10:00:01", "2013-05-05 10:00:02"])
    train, other = coded(ColumnKind.DATETIME, days, moved)
    assert len(set(train)) == 3
    assert list(other) == [*train, NO_MATCH]


def test_time_zones_and_resolutions_do_not_matter():
    utc = pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True))
    train, other = coded(ColumnKind.DATETIME, utc, utc.dt.tz_localize(None).astype("datetime64[s]"))
    assert list(train) == list(other)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [5.0], [np.inf, -np.inf, 1.0, 2.0]])
def test_odd_columns_agree_with_themselves_alone(values):
    train, other = coded(ColumnKind.NUMERICAL, np.array(values or [np.nan]), np.array([*values, 12345.6]))
    assert list(other[: len(values)]) == list(train[: len(values)])
    assert other[-1] == NO_MATCH


def test_codes_do_not_tell_train_from_holdout():
    one, two, other = mixed(200, 1), mixed(200, 2), mixed(200, 3)
    ours = cells_of([one, two], [other], MIXED)
    theirs = cells_of([two, one], [other], MIXED)
    assert "person" not in ours[0].columns
    for name in ours[0].columns:
        pairs = [(ours[0], theirs[1]), (ours[1], theirs[0]), (ours[2], theirs[2])]
        left = np.concatenate([a.columns[name] for a, _ in pairs])
        right = np.concatenate([b.columns[name] for _, b in pairs])
        assert len(set(zip(left, right, strict=True))) == len(set(left)) == len(set(right)), name


def test_values_are_kept_where_nearly_everybody_has_one_of_their_own():
    train, _, other = cells_of([mixed(300, 1), mixed(300, 2)], [mixed(50, 3)], MIXED)
    assert set(train.numbers) == {"amount", "born"}
    both = other.join(train.take(np.array([4, 2])))
    assert len(both) == 52
    assert both.columns["town"][-1] == train.columns["town"][2]
    assert both.numbers["amount"][-2] == pytest.approx(train.numbers["amount"][4], nan_ok=True)
