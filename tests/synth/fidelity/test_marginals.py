"""Pictures of columns never show the few."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.fidelity.frames import MISSING_LABEL, Tables, align
from synth.fidelity.marginals import marginals
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

numbers = st.lists(
    st.one_of(st.integers(-1000, 1000).map(float), st.floats(-1e6, 1e6), st.just(float("nan")), st.just(0.0)),
    min_size=1,
    max_size=200,
)


def tables(column: str, real, synthetic, *, is_number: bool, holders=None) -> Tables:
    frames = [pd.DataFrame({column: values}) for values in (real, synthetic)]
    return Tables(
        train=frames[0],
        holdout=frames[0],
        synthetic=frames[1],
        numbers=(column,) if is_number else (),
        categories=() if is_number else (column,),
        holders=holders,
    )


@given(numbers, numbers)
@settings(deadline=None)
def test_a_histogram_accounts_for_every_record_and_no_bin_holds_a_few(real, synthetic):
    found = marginals(tables("x", np.array(real), np.array(synthetic), is_number=True))["x"].to_json()
    edges = found["edges"]
    assert 2 <= len(edges) <= 31
    assert edges == sorted(set(edges))
    for side in ("real", "synthetic"):
        total = sum(found[side]) + sum(found[f"{side}_tails"]) + found[f"{side}_missing"]
        assert np.isclose(total, 1)
    counts = np.array(found["real"]) * len(real)
    if len(counts) > 1:
        assert (counts > 4.5).all()
    tails = np.array(found["real_tails"]) * len(real)
    assert ((tails == 0) | (tails > 4.5)).all()


def test_a_tail_of_one_record_is_in_the_bin_beside_it():
    real = np.concatenate([np.arange(60) / 10, [1e6]])
    synthetic = np.concatenate([np.arange(60) / 10, [2e6]])
    found = marginals(tables("x", real, synthetic, is_number=True))["x"]
    assert found.real_tails[1] == found.synthetic_tails[1] == 0
    assert np.isclose(sum(found.real) + found.real_tails[0], 1)
    assert found.edges[-1] < 1e5


def test_people_and_not_their_records_make_a_bin_or_a_category():
    """Fifty records above 100, or of the category `rare`, all of two people; the other records have one person each."""
    values = np.concatenate([np.linspace(0, 10, 400), np.linspace(100, 110, 50)])
    holders = np.concatenate([np.arange(400), np.repeat([400, 401], 25)])
    found = marginals(tables("x", values, values, is_number=True, holders=holders))["x"]
    edges = np.asarray([-np.inf, *found.edges, np.inf])
    held = [np.unique(holders[(values >= a) & (values < b)]).size for a, b in pairwise(edges)]
    shares = [found.real_tails[0], *found.real, found.real_tails[1]]
    assert all(n >= 5 for n, share in zip(held, shares, strict=True) if share > 0)
    words = np.where(values > 50, "rare", "common").astype(object)
    named = marginals(tables("x", words, words, is_number=False, holders=holders))["x"]
    assert named.labels == ("common", "(other)")
    alone = marginals(tables("x", words, words, is_number=False))["x"]
    assert alone.labels == ("common", "rare")


def test_the_person_column_says_whose_records_they_are():
    schema = TableSchema(
        columns=(
            ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
            ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
        )
    )
    frame = pd.DataFrame({"who": ["a", None, "a", None, "b"], "x": np.arange(5.0)})
    holders = align(frame, frame, frame, schema).holders
    assert holders is not None
    assert np.unique(holders).size == 4
    assert holders[0] == holders[2]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", MISSING_LABEL, *map(str, range(30))]), min_size=1, max_size=120))
def test_categories_account_for_every_record_and_none_names_a_few(values):
    found = marginals(tables("x", np.array(values, dtype=object), np.array(["new"], dtype=object), is_number=False))
    shares = found["x"].to_json()
    assert np.isclose(sum(shares["real"]) + shares["real_missing"], 1)
    assert np.isclose(sum(shares["synthetic"]) + shares["synthetic_missing"], 1)
    assert all(values.count(label) >= 5 for label in shares["labels"] if label != "(other)")
    assert "new" not in shares["labels"]
