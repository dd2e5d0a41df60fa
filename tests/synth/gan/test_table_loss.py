"""The losses are what their formulas say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synth.config import TrainConfig
from synth.encode.layout import make_layout, one_hot, softmax_by_column
from synth.gan.net import Generator
from synth.gan.table_loss import (
    WHOLE_CODES,
    count_pairs,
    make_targets,
    part_loss,
    table_loss,
    wide_columns,
)

LAYOUT = make_layout([3, 2, 4], [2], "cpu")


def codes(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(3, (n,), generator=generator)
    return torch.stack([first, (first > 1).long(), torch.randint(4, (n,), generator=generator)], 1)


def test_tables_counted_from_codes_are_the_real_ones() -> None:
    real = codes(1000)
    pairs = count_pairs(real, LAYOUT)
    assert torch.isclose(pairs[2, 4], ((real[:, 0] == 2) & (real[:, 1] == 1)).float().mean())
    assert torch.isclose(pairs[5, 5], (real[:, 2] == 0).float().mean())


def test_matching_the_tables_learns_a_dependence() -> None:
    real = codes(2000)
    targets = make_targets(real, LAYOUT, None, np.random.default_rng(0), order=None)
    logits = torch.zeros(256, LAYOUT.codes, requires_grad=True)
    start, running = logits.detach() + torch.randn(256, 9, generator=torch.Generator().manual_seed(0)), targets.start()
    with torch.no_grad():
        logits += start
    adam = torch.optim.Adam([logits], 0.1)
    for _ in range(150):
        probabilities = softmax_by_column(logits, LAYOUT)
        loss, running = table_loss(probabilities, torch.ones(256), running, targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
    probabilities = softmax_by_column(logits, LAYOUT).detach()
    table = probabilities.T @ probabilities / 256
    assert (table[:3, 3:5] - targets.pairs[:3, 3:5]).abs().max() < 0.02


def test_parts_vanish_on_average_at_the_real_tables() -> None:
    real = codes(4000)
    hot = one_hot(real, LAYOUT)
    apart = one_hot(torch.stack([real[:, 0].roll(1), real[:, 1], real[:, 2]], 1), LAYOUT)
    flat = real + LAYOUT.starts
    picked = torch.tensor([0, 2, 4, 6])
    frequencies = hot.mean(0)
    wide = torch.arange(9) < 3
    near = part_loss(hot, torch.ones(4000), flat, picked, frequencies, wide, LAYOUT)
    far = part_loss(apart, torch.ones(4000), flat, picked, frequencies, wide, LAYOUT)
    assert near.abs() < 0.1 * far.abs()
    none = part_loss(apart, torch.ones(4000), flat, picked, frequencies, torch.zeros(9, dtype=torch.bool), LAYOUT)
    assert not none, "tables of columns that are not wide are matched as a whole"


@pytest.mark.parametrize("wide", [False, True])
def test_what_is_chance_in_a_table_is_not_to_be_matched_but_stays_counted(wide: bool) -> None:
    few = codes(200)
    layout = LAYOUT
    if wide:
        few = torch.cat([torch.arange(200)[:, None], few], 1)
        layout = make_layout([WHOLE_CODES, 3, 2, 4], [], "cpu")
    order = torch.arange(layout.codes)
    raw, found = (make_targets(few, layout, None, np.random.default_rng(0), order=each) for each in (None, order))
    assert torch.equal(found.counted, raw.pairs)
    alone = slice(0, 3), slice(5, 9)
    product = raw.pairs.diagonal()[alone[0], None] * raw.pairs.diagonal()[alone[1]]
    before, after = ((targets.pairs[alone] - product).abs().max() for targets in (raw, found))
    assert after < 0.8 * before, "columns that do not hang together"
    together = slice(0, 3), slice(3, 5)
    assert (found.pairs[together] - raw.pairs[together]).abs().max() < 0.05, "and columns that do"


def test_beside_a_wide_column_tables_of_all_others_are_matched_as_if_it_were_not_there() -> None:
    narrow = codes(3000)
    wide = torch.randint(WHOLE_CODES, (3000,), generator=torch.Generator().manual_seed(1))
    real = torch.cat([narrow[:, :1], wide[:, None], narrow[:, 1:]], 1)
    layout = make_layout([3, WHOLE_CODES, 2, 4], [], "cpu")
    assert wide_columns(layout, 2).tolist() == [False, True, False, False]
    found = make_targets(real, layout, 2, np.random.default_rng(0), order=None)
    alone = make_targets(narrow, LAYOUT, 1, np.random.default_rng(0), order=None)
    assert alone.flat is None
    for name in ("pairs", "across"):
        assert torch.equal(getattr(found, name), getattr(alone, name)), name
    made = one_hot(codes(500, seed=2), LAYOUT)
    whole = torch.full((500, layout.codes), 0.5)
    assert found.flat is not None
    whole[:, found.flat] = made
    assert torch.equal(found.of(whole), made)
    assert torch.equal(found.open_codes(), layout.column == 1)
    assert not alone.open_codes().any()
    ours, theirs = (
        table_loss(targets.of(drawn), torch.ones(500), targets.start(), targets)
        for drawn, targets in ((whole, found), (made, alone))
    )
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])


@pytest.mark.parametrize("target", [None, 0])
def test_where_all_columns_are_wide_no_table_is_held(target: int | None) -> None:
    layout = make_layout([WHOLE_CODES + 1, WHOLE_CODES + 2], [], "cpu")
    found = make_targets(torch.zeros(50, 2, dtype=torch.long), layout, target, np.random.default_rng(0), order=None)
    assert found.pairs.shape == (0, 0)
    probabilities = torch.full((8, layout.codes), 0.5, requires_grad=True)
    loss, running = table_loss(found.of(probabilities), torch.ones(8), found.start(), found)
    loss.backward()  # type: ignore[no-untyped-call]
    assert not loss
    assert running.shape == (0, 0)


@given(st.lists(st.integers(1, 1500), min_size=1, max_size=12))
def test_columns_of_few_codes_are_matched_first(widths: list[int]) -> None:
    wide = wide_columns(make_layout(widths, [], "cpu"), None).tolist()
    narrow = [w for w, far in zip(widths, wide, strict=True) if not far]
    assert sum(narrow) <= WHOLE_CODES
    assert max(narrow, default=0) <= min([w for w, far in zip(widths, wide, strict=True) if far], default=1500)
    assert not any(wide) or sum(sorted(widths)[: len(narrow) + 1]) > WHOLE_CODES


def test_a_target_that_fits_is_never_wide() -> None:
    layout = make_layout([2] * (WHOLE_CODES // 2) + [50, WHOLE_CODES + 1], [], "cpu")
    assert torch.nonzero(wide_columns(layout, layout.columns - 2))[:, 0].tolist() == [
        *range(WHOLE_CODES // 2 - 25, WHOLE_CODES // 2),
        layout.columns - 1,
    ]
    # a target that does not fit takes no place from the others
    assert torch.equal(wide_columns(layout, layout.columns - 1), wide_columns(layout, None))
    assert int(wide_columns(layout, None).sum()) == 2


def test_parameters_grow_linearly_with_categories() -> None:
    def size(codes: int) -> int:
        return sum(p.numel() for p in Generator(TrainConfig(width=64), codes).parameters())

    assert size(20_000) - size(10_000) == size(30_000) - size(20_000)
