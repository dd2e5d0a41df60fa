"""A column that has to meet a condition is drawn as if records that do not were thrown away."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from synth.chain.base import Allowed, Records
from synth.chain.forest_column import allowed_leaves, forest_columns
from synth.chain.stratified import stratified_points
from tests.synth.chain.test_forest import LAYOUT, RANKING, book_of, by_hand, codes_of, records, redraw


def allowed(shares: list[float]) -> Allowed:
    ends = torch.ones(len(shares))
    return Allowed(shares=torch.tensor(shares).double(), low=-ends, high=ends)


@given(
    shares=st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any), min_size=1, max_size=6),
    weights=st.lists(st.floats(-3, 3), min_size=33, max_size=33),
    wanted=st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=3, max_size=3).filter(any),
    seed=st.integers(0, 2**32),
)
def test_what_will_do_is_drawn_and_counted_by_how_likely_it_was(
    shares: list[list[int]], weights: list[float], wanted: list[float], seed: int
) -> None:
    held, table = by_hand(shares, weights)
    (link,) = forest_columns(held, book_of(held.group))
    asked = torch.arange(len(table)).repeat(20)
    groups = codes_of(records(len(asked), seed=1)) + LAYOUT.starts
    groups[:, 2] = 8
    found = allowed_leaves(link, allowed(wanted), book_of(held.group))
    drawn, likely = found.draw_rank(link, asked, groups, torch.Generator().manual_seed(seed))
    assert (torch.tensor(wanted)[drawn] > 0).all()
    by_rank = link.shares(asked, groups).double()
    expected = (by_rank * torch.tensor(wanted)).sum(1) / by_rank.sum(1)
    assert torch.allclose(likely, expected, atol=1e-6)
    assume(bool((likely > 0).any()))
    assert (torch.from_numpy(table)[asked, drawn][likely > 0] > 0).all(), "where a leaf holds what will do, it is that"


def test_a_column_that_has_to_meet_a_condition_is_drawn_as_if_the_others_were_thrown_away() -> None:
    """The same records thousands of times: which of their ranks come up, and how often they will do at all."""
    held, wanted = redraw((0, 1)), torch.tensor([0.0, 1.0, 0.5, 0.0]).double()
    book = book_of(held.group)
    few = codes_of(records(20, seed=5)).repeat(3000, 1)
    random = torch.Generator().manual_seed(0)
    for link in forest_columns(held, book):
        start = int(LAYOUT.starts[link.column])
        by_code = wanted[RANKING.place[start : start + 4] - start]
        found = allowed_leaves(link, allowed(by_code.tolist()), book)
        whole = Records.of(few, book)
        leaf = link.reach(whole, random)
        plain = link.draw_rank(leaf, whole.groups, stratified_points(leaf, random))
        kept = torch.rand(len(plain), generator=random) < wanted[plain]
        drawn, likely = found.draw_rank(link, leaf, whole.groups, random)
        error = 5 * (0.25 / len(few)) ** 0.5
        assert float(likely.mean()) == pytest.approx(float(kept.double().mean()), abs=error)
        share = float((likely * (drawn == 1)).sum() / likely.sum())
        few_kept = 5 * (0.5 / int(kept.sum())) ** 0.5
        assert share == pytest.approx(float((plain[kept] == 1).double().mean()), abs=few_kept)
