"""Categories survive encoding with their type; rare ones are never emitted; identifiers are invented."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.encode.categorical import CategoricalEncoder, fit_categorical
from synth.errors import ArtifactError, ConditionError


def round_trip(encoder: CategoricalEncoder, column: pd.Series) -> pd.Series:
    rng = np.random.default_rng(0)
    return encoder.decode(encoder.encode(column, rng).codes, None, rng)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=60))
def test_text_is_exact_without_protection(values: list[str | None]) -> None:
    column = pd.Series(values, name="c", dtype=object)
    encoder = fit_categorical(column, min_count=1)
    assert encoder is not None
    back = round_trip(encoder, column)
    assert back.tolist() == [None if v is None else v for v in values]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=30, max_size=60), st.integers(2, 9))
def test_only_frequent_categories_come_back_under_protection(values: list[str | None], min_count: int) -> None:
    column = pd.Series(values, name="c", dtype=object)
    encoder = fit_categorical(column, min_count=min_count)
    if encoder is None:
        assert column.value_counts().max() < min_count
        return
    counts = column.value_counts()
    back = round_trip(encoder, column)
    assert set(back.dropna()) <= set(counts[counts >= min_count].index)
    assert (back.isna() == column.isna()).all()
    frequent = column.isin(counts[counts >= min_count].index)
    assert (back[frequent] == column[frequent]).all()
    assert not {c for c in counts.index if counts[c] < min_count} & set(encoder.to_json()["categories"])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([0, 1, 1, 0] * 5, name="c"),
        pd.Series([0.5, 1.0, np.nan, 1.0] * 5, name="c"),
        pd.Series([1, None, 3, 1] * 5, name="c", dtype="Int64"),
        pd.Series([True, False, True, True] * 5, name="c"),
        pd.Series(["00042", "42", None, "NA"] * 5, name="c", dtype=object),
    ],
    ids=["int64", "float64", "Int64", "bool", "text"],
)
def test_values_and_types_are_those_of_the_column(column: pd.Series) -> None:
    encoder = fit_categorical(column, min_count=5)
    assert encoder is not None
    read = CategoricalEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert read == encoder
    pd.testing.assert_series_equal(round_trip(read, column), column)


def test_a_category_is_found_by_what_it_reads() -> None:
    encoder = fit_categorical(pd.Series([1.0, 2.5] * 10, name="c"), min_count=5)
    assert encoder is not None
    assert encoder.categories[encoder.code_of("1")] == 1.0
    assert encoder.categories[encoder.code_of("2.50")] == 2.5
    with pytest.raises(ConditionError) as error:
        encoder.code_of("7")
    assert "2.5" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"categories": ["a", "a"]},
        {"categories": ["a"]},
        {"categories": [1, 2]},
        {"categories": [["a"], ["b"]]},
        {"categories": "ab"},
        {"weights": [1.0, -1.0]},
        {"weights": [1.0]},
        {"rare": "yes"},
        {"dtype": "complex128"},
    ],
)
def test_a_changed_state_is_refused(change: dict[str, object]) -> None:
    encoder = fit_categorical(pd.Series(["a", "b"] * 10, name="c"), min_count=5)
    assert encoder is not None
    with pytest.raises(ArtifactError):
        CategoricalEncoder.from_json(encoder.to_json() | change)


def test_the_frequencies_of_categories_hold_what_their_rare_code_decodes_to() -> None:
    column = pd.Series(["often"] * 30 + ["seldom"] * 10 + ["once", "twice", None], name="x", dtype=object)
    encoder = fit_categorical(column, min_count=5)
    assert encoder is not None
    assert encoder.frequencies(np.array([30.0, 10.0, 2.0, 1.0])) == {"often": 31.5, "seldom": 10.5}
    assert encoder.rare_code() == 2


def test_what_is_lost_of_categories_is_told_without_naming_one() -> None:
    column = pd.Series(["often"] * 30 + ["once", "twice"], name="x", dtype=object)
    encoder = fit_categorical(column, min_count=5)
    assert encoder is not None
    (said,) = encoder.losses(column, 5)
    assert said.startswith("2 of 3 categories, 6.25% of the values: fewer than 5 people have each")
    assert "once" not in said
