"""Categories that other columns tell alike lie side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synth.encode.correspondence import MANY_CATEGORIES, axes_of
from synth.encode.layout import Layout, make_layout

WIDTH = 200
ALL = torch.ones(300, dtype=torch.bool)


def table(n: int, seed: int = 0) -> tuple[torch.Tensor, Layout]:
    """Towns, a third of them in each of three lands, by a rule that their numbers do not show; and chance."""
    r = np.random.default_rng(seed)
    share = 1 / (10 + np.arange(WIDTH))
    town = r.choice(WIDTH, n, p=share / share.sum())
    land = np.where(r.random(n) < 0.9, town * 7919 % 3, r.integers(0, 3, n))
    codes = np.stack([town, land, r.integers(0, 5, n)], 1)
    return torch.from_numpy(codes), make_layout([WIDTH, 3, 5], [], "cpu")


def test_categories_that_go_together_lie_side_by_side() -> None:
    codes, layout = table(20_000)
    axes = axes_of(codes, ALL, layout, [0, 1], np.random.default_rng(0))
    land = np.arange(WIDTH) * 7919 % 3
    in_order = land[np.argsort(axes[0], kind="stable")]
    changes, by_number = (int((np.diff(lands) != 0).sum()) for lands in (in_order, land))
    assert by_number == WIDTH - 1
    # one axis holds one land apart from the two others, so that a third of the changes and more are gone
    assert changes < 0.6 * by_number
    ends = [np.bincount(part, minlength=3) for part in (in_order[: WIDTH // 4], in_order[-WIDTH // 4 :])]
    assert max(int(end.max()) for end in ends) > 0.9 * WIDTH // 4, "all of one end is of one land"


def test_only_columns_of_many_categories_have_an_axis() -> None:
    codes, layout = table(2000)
    assert set(axes_of(codes, ALL, layout, [0, 1, 2], np.random.default_rng(0))) == {0}
    assert axes_of(codes, ALL, layout, [1, 2], np.random.default_rng(0)) == {}
    few = make_layout([MANY_CATEGORIES - 1, 3, 5], [], "cpu")
    assert axes_of(codes % (MANY_CATEGORIES - 1), ALL, few, [0], np.random.default_rng(0)) == {}


def test_a_column_alone_and_one_that_nothing_tells_of_have_an_order() -> None:
    alone = torch.arange(300)[:, None] % 70
    assert axes_of(alone, ALL, make_layout([70], [], "cpu"), [0], np.random.default_rng(0)) == {}
    codes = torch.cat([alone, torch.zeros(300, 1, dtype=torch.int64)], 1)
    (axis,) = axes_of(codes, ALL, make_layout([70, 2], [], "cpu"), [0], np.random.default_rng(0)).values()
    assert np.isfinite(axis).all()


def test_categories_that_nobody_has_do_no_harm() -> None:
    codes, _ = table(2000)
    wide = make_layout([WIDTH + 50, 3, 5], [], "cpu")
    (axis,) = axes_of(codes, ALL, wide, [0], np.random.default_rng(0)).values()
    assert axis.shape == (WIDTH + 50,)
    assert np.isfinite(axis).all()
    assert axis[WIDTH:] == pytest.approx(0.0), "nothing sets them apart"


def test_the_same_seed_gives_the_same_axes() -> None:
    codes, layout = table(5000)
    first, second = (axes_of(codes, ALL, layout, [0, 1, 2], np.random.default_rng(3)) for _ in range(2))
    assert all((axis == second[column]).all() for column, axis in first.items())


def test_what_too_few_people_have_is_not_put_anywhere() -> None:
    codes, layout = table(5000)
    known = ALL.clone()
    known[[3, 90]] = False
    (axis,) = axes_of(codes, known, layout, [0], np.random.default_rng(0)).values()
    assert axis[3] == axis[90] == 0
    assert (axis != 0).sum() == WIDTH - 2
