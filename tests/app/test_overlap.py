"""Bottom-k sketches keep exact counts, and two of independent tables hardly ever agree beyond chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from app.overlap import Smallest, below, chi_square_below, share_people
from app.sketches import MOST, NO_LIMIT, Sketch


def sketch_of(hashes: np.ndarray, *, at_once: int = 1000) -> Sketch:
    smallest = Smallest()
    for begin in range(0, len(hashes), at_once):
        smallest.add(hashes[begin : begin + at_once].astype(np.uint64))
    return smallest.sketch()


def shared(one: np.ndarray, other: np.ndarray) -> bool:
    return share_people({"record": sketch_of(one)}, {"record": sketch_of(other)})


def hashes_of(kinds: np.ndarray) -> np.ndarray:
    """A hash for each kind of record."""
    table = np.random.default_rng(99).integers(NO_LIMIT, size=kinds.max() + 1, dtype=np.uint64)
    return table[kinds]


@pytest.mark.parametrize("at_once", [1, 777, 10**6])
def test_the_smallest_hashes_are_kept_with_exact_counts(at_once: int) -> None:
    hashes = hashes_of(np.random.default_rng(1).integers(6_000, size=20_000 if at_once > 1 else 5_000))
    sketch = sketch_of(hashes, at_once=at_once)
    values, counts = np.unique(hashes, return_counts=True)
    kept, times = below(sketch, sketch.limit)
    np.testing.assert_array_equal(kept, values[:MOST])
    np.testing.assert_array_equal(times, counts[:MOST])
    assert sketch.limit == (int(values[MOST]) if len(values) > MOST else NO_LIMIT)
    assert Sketch.from_json(sketch.to_json()) == sketch


@pytest.mark.parametrize("kinds", [30, 300, 3_000, 30_000])
@pytest.mark.parametrize("ratio", [1, 10])
def test_independent_tables_share_nobody_however_often_they_agree(kinds: int, ratio: int) -> None:
    """200 pairs each of two samples from one skewed population; at the stated rates not even one is expected."""
    rng = np.random.default_rng(kinds + ratio)
    weights = rng.pareto(1.5, kinds) + 0.05
    weights /= weights.sum()
    found = sum(
        shared(*(hashes_of(rng.choice(kinds, n, p=weights)) for n in (2_000, 2_000 // ratio))) for _ in range(200)
    )
    assert found <= 1


def test_halves_of_one_finite_table_are_different_people() -> None:
    rng = np.random.default_rng(4)
    for kinds in (50, 2_000, 20_000):
        whole = rng.permutation(hashes_of(rng.integers(kinds, size=4_000)))
        assert not shared(whole[:2_000], whole[2_000:])


@pytest.mark.parametrize("records", [2_000, 100_000])
def test_one_in_fifty_people_is_found_in_tables_of_any_size(records: int) -> None:
    rng = np.random.default_rng(5)
    one = rng.integers(NO_LIMIT, size=records, dtype=np.uint64)
    other = rng.integers(NO_LIMIT, size=records, dtype=np.uint64)
    assert not shared(one, other)
    other[: records // 50] = one[: records // 50]
    assert shared(one, other)


@pytest.mark.parametrize("freedom", [1, 5, 40, 400])
def test_the_lower_tail_of_chi_square(freedom: int) -> None:
    for value in (0.01 * freedom, 0.3 * freedom, 0.9 * freedom):
        assert chi_square_below(value, freedom) == pytest.approx(chi2.cdf(value, freedom), rel=1e-6, abs=1e-290)


def test_a_sketch_of_other_lengths_is_refused() -> None:
    good = sketch_of(np.arange(5))
    with pytest.raises(ValueError, match="8 bytes"):
        Sketch(limit=5, hashes=good.hashes[:-1], counts=good.counts)
    with pytest.raises(ValueError, match="63 bits"):
        Sketch(limit=-1, hashes=good.hashes, counts=good.counts)
    with pytest.raises(ValueError, match="count for each"):
        below(Sketch(limit=5, hashes=good.hashes[:8], counts=good.counts), 5)
