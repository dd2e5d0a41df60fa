"""Pictures of columns never show the few."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.fidelity.frames import MISSING_LABEL, Tables
from synth.fidelity.marginals import marginals

numbers = st.lists(
    st.one_of(st.integers(-1000, 1000).map(float), st.floats(-1e6, 1e6), st.just(float("nan")), st.just(0.0)),
    min_size=1,
    max_size=200,
)


def tables(column: str, real, synthetic, *, is_number: bool) -> Tables:
    frames = [pd.DataFrame({column: values}) for values in (real, synthetic)]
    return Tables(
        train=frames[0],
        holdout=frames[0],
        synthetic=frames[1],
        numbers=(column,) if is_number else (),
        categories=() if is_number else (column,),
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


@given(st.lists(st.sampled_from(["a", "b", "c", MISSING_LABEL, *map(str, range(30))]), min_size=1, max_size=120))
def test_categories_account_for_every_record_and_none_names_a_few(values):
    found = marginals(tables("x", np.array(values, dtype=object), np.array(["new"], dtype=object), is_number=False))
    shares = found["x"].to_json()
    assert np.isclose(sum(shares["real"]) + shares["real_missing"], 1)
    assert np.isclose(sum(shares["synthetic"]) + shares["synthetic_missing"], 1)
    assert all(values.count(label) >= 5 for label in shares["labels"] if label != "(other)")
    assert "new" not in shares["labels"]
