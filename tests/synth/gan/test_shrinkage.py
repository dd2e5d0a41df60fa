"""What chance explains of a table is not to be matched, and what it does not explain is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.encode.layout import Layout, make_layout
from synth.gan.shrinkage import copula_tables, without_chance
from synth.gan.table_loss import EPSILON, count_pairs

WIDTHS = [6, 8, 5, 7]
LAYOUT = make_layout(WIDTHS, [], "cpu")
ORDER = torch.arange(LAYOUT.codes)
ACROSS = LAYOUT.column[:, None] != LAYOUT.column


def normal_codes(n: int, seed: int, slope: float) -> torch.Tensor:
    """(n, 4) codes of equal frequency of normal variables that have one in common."""
    rng = np.random.default_rng(seed)
    z = slope * rng.standard_normal((n, 1)) + np.sqrt(1 - slope**2) * rng.standard_normal((n, len(WIDTHS)))
    ranks = torch.special.ndtr(torch.from_numpy(z))
    return (ranks * torch.tensor(WIDTHS)).long()


def shrunk(codes: torch.Tensor, layout: Layout = LAYOUT) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = count_pairs(codes, layout)
    return pairs, without_chance(pairs, len(codes), torch.arange(layout.codes), layout, EPSILON)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 400), st.integers(0, 10**6))
def test_frequencies_stay_as_they_are_whatever_the_table(widths: list[int], n: int, seed: int) -> None:
    rng, layout = np.random.default_rng(seed), make_layout(widths, [], "cpu")
    draws = [np.minimum(rng.geometric(0.4, n) - 1, width - 1) for width in widths]
    order = torch.cat([start + torch.randperm(w) for start, w in zip(layout.starts.tolist(), widths, strict=True)])
    pairs = count_pairs(torch.from_numpy(np.stack(draws, 1)), layout)
    found = without_chance(pairs, n, order, layout, EPSILON)
    assert torch.equal(found, found.T)
    assert bool((found >= 0).all())
    inside = layout.column[:, None] == layout.column
    assert torch.equal(found[inside], pairs[inside])
    for column, start in enumerate(layout.starts.tolist()):
        margin = found[start : start + widths[column]].sum(0)
        assert torch.allclose(margin, pairs.diagonal(), atol=2e-3)


@pytest.mark.parametrize("slope", [0.0, 0.4, 0.7])
def test_of_few_records_the_tables_come_closer_to_those_of_everybody(slope: float) -> None:
    everybody = count_pairs(normal_codes(400_000, 1, slope), LAYOUT)
    for seed in range(5):
        raw, found = shrunk(normal_codes(300, 10 + seed, slope))
        before, after = ((table - everybody)[ACROSS].square().mean().sqrt() for table in (raw, found))
        assert after < 0.8 * before


def test_where_columns_do_not_hang_together_one_person_changes_a_table_by_little() -> None:
    """What a table of few says of one person is in the cell of what that person has."""
    codes = normal_codes(300, 3, 0.0)
    with_one, without = shrunk(codes), shrunk(codes[1:])
    (a, b) = (int(LAYOUT.starts[c] + codes[0, c]) for c in (0, 1))
    raw, found = (one[a, b] - other[a, b] for one, other in zip(with_one, without, strict=True))
    assert raw > 0.9 / 300
    assert found.abs() < 0.4 * raw


def test_of_many_records_a_table_that_no_correlation_explains_is_kept() -> None:
    """One column says how far the other is from its middle: a correlation of none."""
    layout = make_layout([8, 4], [], "cpu")
    first = torch.randint(8, (20_000,), generator=torch.Generator().manual_seed(0))
    second = torch.minimum((first - 3.5).abs().long(), torch.tensor(3))
    raw, found = shrunk(torch.stack([first, second], 1), layout)
    assert (found - raw).abs().max() < 0.002
    assert found[0, 8 + 3] > 0.12


def test_a_copula_has_the_correlation_of_the_variables_behind_the_codes() -> None:
    codes = normal_codes(400_000, 5, 0.8)
    pairs = count_pairs(codes, LAYOUT).double()
    assert (copula_tables(pairs, ORDER, LAYOUT) - pairs)[ACROSS].abs().max() < 0.004


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
@pytest.mark.parametrize("slope", [-0.9, 0.6, 0.9])
def test_a_copula_is_right_about_columns_of_two_codes(share: float, slope: float) -> None:
    rng, layout = np.random.default_rng(0), make_layout([2, 2], [], "cpu")
    z = rng.standard_normal((400_000, 2))
    z[:, 1] = slope * z[:, 0] + np.sqrt(1 - slope**2) * z[:, 1]
    pairs = count_pairs(torch.from_numpy((z > np.quantile(z, 1 - share)).astype(np.int64)), layout).double()
    found = copula_tables(pairs, torch.arange(4), layout)
    assert (found - pairs).abs()[:2, 2:].max() < 0.02 * share


@pytest.mark.parametrize("base", [0.5, 0.1])
@pytest.mark.parametrize("n", [400, 1000, 5000])
def test_what_no_correlation_says_of_few_codes_is_not_lost(base: float, n: int) -> None:
    """A yes that is frequent at both ends of a quantity: tables are little worse than the records' own, in all."""
    layout = make_layout([2, 8], [], "cpu")

    def drawn(count: int, seed: int) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        place = rng.integers(0, 8, count)
        yes = rng.random(count) < base * (0.4 + 1.2 * np.abs(place - 3.5) / 3.5)
        return torch.from_numpy(np.stack([yes.astype(np.int64), place], 1))

    everybody = count_pairs(drawn(400_000, 0), layout)
    errors = np.zeros(2)
    for seed in range(1, 41):
        for number, table in enumerate(shrunk(drawn(n, seed), layout)):
            errors[number] += float((table - everybody)[:2, 2:].square().sum())
    assert errors[1] < 1.1 * errors[0]


def test_two_columns_that_say_the_same_do_not_contradict_each_other_much() -> None:
    layout = make_layout([5, 5], [], "cpu")
    one = torch.arange(5).repeat(200)
    _, found = shrunk(torch.stack([one, one], 1), layout)
    assert found[:5, 5:].diagonal().sum() > 0.98
