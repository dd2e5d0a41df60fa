"""Points lie evenly among records of the same state, and those of two calls have nothing to do with each other."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.chain.stratified import PARTS, pick, stratified_points


@settings(deadline=None)
@given(size=st.integers(1, 2000), states=st.integers(1, 50), seed=st.integers(0, 2**32))
def test_neighbours_have_a_part_each(size: int, states: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    state = torch.randint(states, (size,), generator=random)
    points = stratified_points(state, random)
    assert bool(((points >= 0) & (points < 1)).all())
    in_order = points[torch.argsort(state, stable=True)]
    for block in (PARTS, PARTS**2, PARTS**3):
        for some in torch.split(in_order, block):
            assert len(torch.unique((some * block).long())) == len(some)


@settings(deadline=None)
@given(chance=st.floats(0.001, 0.999), seed=st.integers(0, 2**32))
def test_what_is_drawn_is_as_frequent_as_it_is_likely(chance: float, seed: int) -> None:
    """Independent draws of 4,096 records would be 20 to 32 off by chance alone where it is near one half."""
    random = torch.Generator().manual_seed(seed)
    state = torch.arange(4096) % 4
    drawn = stratified_points(state, random) < chance
    assert abs(int(drawn.sum()) - 4096 * chance) <= 1
    for one in range(4):
        # 1,024 neighbours are two blocks of 512
        assert abs(int(drawn[state == one].sum()) - 1024 * chance) <= 2


def test_points_of_two_calls_have_nothing_to_do_with_each_other() -> None:
    """The same states in the same order: how often two points lie in each of 64 cells, over 2^15 records."""
    random = torch.Generator().manual_seed(0)
    state = torch.arange(2**15) // 6
    first, second = (8 * stratified_points(state, random)).long(), (8 * stratified_points(state, random)).long()
    cells = torch.bincount(8 * first + second, minlength=64)
    assert int((cells - 512).abs().max()) < 5 * 512**0.5
    apart = torch.bincount((first - second) % 8, minlength=8)
    assert int((apart - 4096).abs().max()) < 5 * 4096**0.5


def test_the_point_of_a_record_is_uniform_whatever_its_place() -> None:
    points = torch.stack(
        [stratified_points(torch.tensor([0, 0, 0, 1, 1]), torch.Generator().manual_seed(s)) for s in range(4000)]
    )
    assert float((points.mean(0) - 0.5).abs().max()) < 5 * (1 / 12 / 4000) ** 0.5
    assert float(torch.corrcoef(points.T).triu(1).max()) < 0.1, "neighbours never have the same part"


@settings(deadline=None)
@given(
    shares=st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any),
    at=st.floats(0, 1, exclude_max=True, width=32),
)
def test_a_point_picks_the_share_that_it_lies_in(shares: list[int], at: float) -> None:
    place, inside = pick(torch.tensor([shares]).float(), torch.tensor([at]).double())
    before = sum(shares[: int(place)])
    assert shares[int(place)] > 0
    assert 0 <= float(inside) <= 1
    assert abs((before + float(inside) * shares[int(place)]) / sum(shares) - at) < 1e-6
