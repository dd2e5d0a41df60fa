"""The encoder and the nearest neighbours, against a naive distance written out pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import privacy.distance as room
from privacy.distance import Encoded, encode, nearest
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="id", kind=ColumnKind.IDENTIFIER),
        ColumnSpec(name="number", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="moment", kind=ColumnKind.DATETIME),
        ColumnSpec(name="word", kind=ColumnKind.CATEGORICAL),
    )
)
rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from([-3.0, 0.0, 1.5, 7.0])),
        st.one_of(st.none(), st.integers(0, 5)),
        st.one_of(st.none(), st.sampled_from(["a", "b", "None", ""])),
    ),
    min_size=1,
    max_size=12,
)


def frame(values) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [str(i) for i in range(len(values))],
            "number": np.array([np.nan if v[0] is None else v[0] for v in values], dtype=float),
            "moment": pd.to_datetime(
                [pd.NaT if v[1] is None else pd.Timestamp("2020-01-01") + pd.Timedelta(days=v[1]) for v in values]
            ),
            "word": pd.Series([v[2] for v in values], dtype=object),
        }
    )


def naive(a, b, middles, spreads) -> float:
    """Gower's distance times the number of columns, one pair at a time."""
    total = float(a[2] != b[2])
    for position in (0, 1):
        x = middles[position] if a[position] is None else a[position]
        y = middles[position] if b[position] is None else b[position]
        total += abs(x - y) / spreads[position] + float((a[position] is None) != (b[position] is None))
    return total


def scale(values, position) -> tuple[float, float]:
    known = [v[position] for v in values if v[position] is not None]
    if not known:
        return 0.0, 1.0
    low, middle, high = np.quantile(known, [0.01, 0.5, 0.99])
    return float(middle), float(high - low) or 1.0


@given(rows, rows)
@settings(deadline=None)
def test_distances_are_those_of_the_naive_version(queries, corpus):
    both = [*queries, *corpus]
    (middle0, spread0), (middle1, spread1) = scale(both, 0), scale(both, 1)
    ours = encode([frame(queries), frame(corpus)], SCHEMA, scale_on=2)
    found = nearest(ours[0], ours[1], 3)
    for i, query in enumerate(queries):
        expected = sorted(naive(query, other, (middle0, middle1), (spread0, spread1)) for other in corpus)
        assert found.distances[i] == pytest.approx(expected[: found.distances.shape[1]], abs=1e-4)


def random_rows(rng, n: int) -> Encoded:
    numbers = np.round(rng.standard_normal((3, n)), 1).astype(np.float32)
    return Encoded(
        numbers=numbers, codes=(rng.integers(0, 4, n).astype(np.uint8), rng.integers(0, 999, n).astype("u2"))
    )


def all_pairs(a: Encoded, b: Encoded) -> np.ndarray:
    total = np.abs(a.numbers[:, :, None] - b.numbers[:, None, :]).sum(axis=0)
    return total + sum((x[:, None] != y[None, :]).astype(float) for x, y in zip(a.codes, b.codes, strict=True))


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("block", [97, 256, 8192])
def test_blocks_and_chunks_change_nothing(monkeypatch, k, block):
    monkeypatch.setattr(room, "CORPUS_BLOCK", block)
    rng = np.random.default_rng(k)
    queries, corpus = random_rows(rng, 70), random_rows(rng, 3001)
    found = nearest(queries, corpus, k)
    expected = all_pairs(queries, corpus)
    assert found.distances == pytest.approx(np.sort(expected, axis=1)[:, :k], abs=1e-5)
    assert np.take_along_axis(expected, found.index, axis=1) == pytest.approx(found.distances, abs=1e-5)
    assert all(len(set(row)) == k for row in found.index)


def test_a_record_is_not_its_own_neighbour_but_its_twin_is():
    rng = np.random.default_rng(0)
    rows_ = random_rows(rng, 300)
    twins = rows_.join(rows_.take(np.array([7])))
    found = nearest(twins, twins, 1, skip_self=True)
    assert found.distances[7, 0] == 0
    assert found.index[7, 0] == 300
    expected = all_pairs(twins, twins)
    np.fill_diagonal(expected, np.inf)
    assert found.distances[:, 0] == pytest.approx(expected.min(axis=1), abs=1e-5)


def test_fewer_records_than_neighbours_asked_for():
    rng = np.random.default_rng(0)
    assert nearest(random_rows(rng, 4), random_rows(rng, 2), 5).distances.shape == (4, 2)
    with pytest.raises(ValueError, match="got none"):
        nearest(random_rows(rng, 4), random_rows(rng, 1), 5, skip_self=True)


def test_a_copy_is_at_distance_zero_whatever_is_missing():
    table = frame([(None, None, None), (1.5, 2, "a"), (7.0, None, "")])
    ours = encode([table, table], SCHEMA, scale_on=2)
    found = nearest(ours[0], ours[1], 1)
    assert (found.distances == 0).all()
    assert list(found.index[:, 0]) == [0, 1, 2]


def test_a_numeric_column_declared_categorical_is_compared_by_value():
    schema = TableSchema(columns=(ColumnSpec(name="code", kind=ColumnKind.CATEGORICAL),))
    whole, broken = pd.DataFrame({"code": [1, 2]}), pd.DataFrame({"code": [2.0, np.nan]})
    ours = encode([whole, broken], schema, scale_on=1)
    assert list(nearest(ours[0], ours[1], 1).distances[:, 0]) == [1.0, 0.0]


def test_codes_do_not_tell_which_table_a_category_came_from():
    schema = TableSchema(columns=(ColumnSpec(name="word", kind=ColumnKind.CATEGORICAL),))
    one, other = pd.DataFrame({"word": ["m", "c", "x"]}), pd.DataFrame({"word": ["b", "n", "y"]})
    ours = encode([one, other], schema, scale_on=2)
    assert list(ours[0].codes[0]) == [2, 1, 4]
    assert list(ours[1].codes[0]) == [0, 3, 5]
