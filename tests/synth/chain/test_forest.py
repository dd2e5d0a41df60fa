"""Columns are drawn anew by what their trees say, the others stay, and a changed file is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from synth.chain.base import Codebook, Records, fold
from synth.chain.chain import Chain
from synth.chain.column_trees import fit_trees
from synth.chain.forest import Forest, no_forest
from synth.chain.forest_column import FARTHEST, ForestColumn, forest_columns, weighted
from synth.chain.raking import make_groups
from synth.chain.stratified import stratified_points
from synth.encode.layout import make_layout
from synth.encode.ranking import Ranking
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.training.fit_forest import GrownForest, weigh
from synth.trees.arrays import Ranks, leaf_of

WIDTHS = [4, 4, 3]
LAYOUT = make_layout(WIDTHS, [], "cpu")
# the codes of the second column in an order that is not their own
RANKING = Ranking(
    order=torch.tensor([0, 1, 2, 3, 7, 4, 6, 5, 8, 9, 10]), place=torch.tensor([0, 1, 2, 3, 5, 7, 6, 4, 8, 9, 10])
)


def records(n: int, seed: int = 0) -> Ranks:
    """The second column is as the first in nine of ten records, the third is chance."""
    r = np.random.default_rng(seed)
    first = r.integers(0, 4, n)
    second = np.where(r.random(n) < 0.9, first, r.integers(0, 4, n))
    return np.stack([first, second, r.integers(0, 3, n)], 1).astype(np.float32)


def codes_of(ranks: Ranks) -> Tensor:
    return RANKING.order[torch.from_numpy(ranks).long() + LAYOUT.starts] - LAYOUT.starts


def book_of(group: Tensor) -> Codebook:
    none = torch.zeros(11, dtype=torch.int64)
    return Codebook(layout=LAYOUT, ranking=RANKING, group=group, counts=none + 1, pieces=none.bool())


def redrawn(forest: Forest, codes: Tensor, seed: int = 0) -> Tensor:
    book = book_of(forest.group)
    links = forest_columns(forest, book)
    return fold(links, Records.of(codes, book), torch.Generator().manual_seed(seed))[0].codes()


def redraw(columns: tuple[int, ...] = (1,)) -> Forest:
    real = records(4000)
    random = np.random.default_rng(0)
    grown = GrownForest(
        book=book_of(make_groups(real, [np.arange(float(width)) for width in WIDTHS], [])),
        real=real,
        columns=tuple(fit_trees(real, real, column, WIDTHS[column], random) for column in columns),
    )
    return weigh(grown, codes_of(records(4000, seed=1)), torch.Generator().manual_seed(0), lambda _: None)


def test_a_column_is_drawn_anew_by_the_others_and_they_stay() -> None:
    blind = records(4000, seed=9)
    blind[:, 1] = np.random.default_rng(1).permutation(blind[:, 1])
    codes = codes_of(blind)
    before = codes.clone()
    drawn = redrawn(redraw(), codes)
    assert torch.equal(codes, before), "what was given is not changed"
    assert torch.equal(drawn[:, [0, 2]], codes[:, [0, 2]])
    agreeing = (codes_of(records(4000, seed=9)) == drawn).float().mean(0)[1]
    # nine of ten and a quarter of the rest agree with the first column in the table, which also holds for what is drawn
    ranks = RANKING.place[drawn + LAYOUT.starts] - LAYOUT.starts
    assert abs(float((ranks[:, 0] == ranks[:, 1]).float().mean()) - 0.925) < 0.03
    assert float(agreeing) > 0.8


def test_without_trees_records_stay() -> None:
    codes = codes_of(records(500, seed=3))
    book = Chain().codebook(LAYOUT, RANKING, torch.ones(11), torch.zeros(11).bool())
    assert not forest_columns(no_forest(), book)
    assert torch.equal(Records.of(codes, book).codes(), codes)


def test_the_same_seed_draws_the_same() -> None:
    codes = codes_of(records(500, seed=3))
    first, second = (redrawn(redraw(), codes, 5) for _ in range(2))
    assert torch.equal(first, second)


def test_every_leaf_is_about_many_records() -> None:
    found, real = redraw((0, 1, 2)), records(4000)
    assert not found.predictions, "the last row says nothing"
    ranks = torch.cat([torch.from_numpy(real).long().T, torch.zeros(1, 4000, dtype=torch.long)])
    for root in found.root.flatten().tolist():
        leaf = leaf_of(found, ranks, torch.full((len(real),), root))
        assert int(torch.unique(leaf, return_counts=True)[1].min()) >= LEAF_RECORDS


def by_hand(shares: list[list[int]], weights: list[float]) -> tuple[Forest, Ranks]:
    """(one tree of the third column that has these leaves only, their shares of its ranks)."""
    table = np.array(shares, dtype=float)
    table /= table.sum(1, keepdims=True)
    leaf, rank = np.nonzero(table)
    upto = np.cumsum(table, 1)[leaf, rank]
    upto[np.r_[leaf[1:] != leaf[:-1], True]] = 1
    held = replace(
        no_forest(),
        column=torch.tensor([2]),
        root=torch.tensor([[0]]),
        feature=torch.zeros(len(table), dtype=torch.int64),
        rank=torch.from_numpy(rank),
        upto=torch.from_numpy(leaf + upto),
        group=torch.arange(11),
        weight=torch.tensor(weights),
    )
    return held, table


@given(
    shares=st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any), min_size=1, max_size=6),
    weights=st.lists(st.floats(-50, 50), min_size=33, max_size=33),
    seed=st.integers(0, 2**32),
)
def test_a_leaf_draws_only_what_its_records_have(shares: list[list[int]], weights: list[float], seed: int) -> None:
    held, table = by_hand(shares, weights)
    asked = torch.arange(len(shares)).repeat(50)
    groups = codes_of(records(len(asked), seed=1)) + LAYOUT.starts
    groups[:, 2] = 8
    (link,) = forest_columns(held, book_of(held.group))
    drawn = link.draw_rank(asked, groups, stratified_points(asked, torch.Generator().manual_seed(seed)))
    assert (table[asked.numpy(), drawn.numpy()] > 0).all()


def test_weights_raise_and_lower_a_group_within_bounds() -> None:
    """Two values that one leaf has in 1 of 100 and in 99 of 100 records, with weights beyond all bounds."""
    random = torch.Generator().manual_seed(0)
    held = replace(no_forest(), rank=torch.tensor([0, 1]), upto=torch.tensor([0.01, 1.0]).double())
    link = ForestColumn(
        forest=held,
        column=0,
        root=torch.zeros(1).long(),
        begin=0,
        share=torch.tensor([[0.01, 0.99]]),
        before=torch.tensor([[0.0, 0.01]]).double(),
        weight=torch.tensor([[100.0, -100.0]]),
    )
    leaf = torch.zeros(200_000).long()
    drawn = link.draw_rank(leaf, leaf[:, None], stratified_points(leaf, random))
    raised = 0.01 * FARTHEST / (0.01 * FARTHEST + 0.99 / FARTHEST)
    assert float((drawn == 0).double().mean()) == pytest.approx(raised, abs=0.005)


def test_weights_that_raise_all_groups_alike_change_nothing() -> None:
    """A record's weights add up over its columns: what they have in common is no bound on how they differ."""
    share = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
    apart = torch.tensor([[0.4, 0.0, -0.7], [0.1, -0.2, 0.3]])
    for alike in (3.0, -3.0, 15.0):
        torch.testing.assert_close(weighted(share, apart + alike), weighted(share, apart))
    torch.testing.assert_close(weighted(share, apart), torch.softmax(share.log() + apart, 1))


def test_what_was_written_is_read_back() -> None:
    found = redraw()
    again = Forest.from_tensors(found.tensors(), WIDTHS)
    assert all(torch.equal(value, again.tensors()[name]) for name, value in found.tensors().items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("column", torch.tensor(1)),
        ("column", torch.tensor([[1]])),
        ("column", torch.tensor([1, 1])),
        ("root", torch.tensor([0])),
        ("root", torch.zeros(1, 10_000, dtype=torch.int64)),
        ("feature", torch.tensor([0])),
        ("rank", torch.tensor(0)),
        ("upto", torch.tensor([0.5], dtype=torch.float64)),
        ("cut", torch.tensor([0.5])),
        ("group", torch.arange(10)),
        ("group", torch.arange(22).view(2, 11)),
        ("weight", torch.zeros(3)),
        ("weight", torch.zeros(4, 11)),
        ("weight", torch.full((44,), torch.nan)),
        ("more", torch.tensor([1])),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_refused(name: str, value: Tensor) -> None:
    with pytest.raises(ArtifactError):
        Forest.from_tensors(redraw().tensors() | {name: value}, WIDTHS)


@pytest.mark.parametrize("name", ["column", "root", "feature", "left", "right", "rank"])
@pytest.mark.parametrize("value", [-1, 10**6])
def test_nodes_columns_and_ranks_that_are_not_there_are_refused(name: str, value: int) -> None:
    tensors = redraw().tensors()
    changed = tensors[name].clone()
    changed.view(-1)[0] = value
    with pytest.raises(ArtifactError, match="there are"):
        Forest.from_tensors(tensors | {name: changed}, WIDTHS)


def test_a_column_comes_once() -> None:
    tensors = redraw((0, 1)).tensors()
    with pytest.raises(ArtifactError, match="once"):
        Forest.from_tensors(tensors | {"column": torch.tensor([1, 1])}, WIDTHS)


def test_shares_that_do_not_add_up_are_refused() -> None:
    tensors = redraw().tensors()
    for wrong in (tensors["upto"].flip(0), tensors["upto"] * torch.nan):
        with pytest.raises(ArtifactError, match=r"add up|finite"):
            Forest.from_tensors(tensors | {"upto": wrong}, WIDTHS)


@pytest.mark.parametrize("wrong", [[1, *range(1, 11)], [0] * 11, [0, 2, *range(2, 11)], [1, 0, *range(2, 11)]])
def test_groups_that_are_no_neighbours_are_refused(wrong: list[int]) -> None:
    with pytest.raises(ArtifactError, match="group"):
        Forest.from_tensors(redraw().tensors() | {"group": torch.tensor(wrong)}, WIDTHS)


def test_more_shares_of_groups_than_memory_is_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = redraw()
    Forest.from_tensors(found.tensors(), WIDTHS)
    monkeypatch.setattr("synth.chain.forest.MOST_SHARES", len(found.feature))
    with pytest.raises(ArtifactError, match="shares"):
        Forest.from_tensors(found.tensors(), WIDTHS)


def test_trees_that_lead_into_each_other_are_refused() -> None:
    tensors = redraw().tensors()
    second = int(tensors["root"][0, 1])
    for name, value in (("root", tensors["root"].flip(1)), ("root", tensors["root"] + 1), ("left", None)):
        changed = tensors[name].clone() if value is None else value
        if value is None:
            changed[0] = second
        with pytest.raises(ArtifactError, match="tree"):
            Forest.from_tensors(tensors | {name: changed}, WIDTHS)


def test_a_tree_that_goes_round_and_a_rank_beyond_its_column_do_no_harm() -> None:
    found = redraw((2,))
    tensors = found.tensors()
    own = torch.searchsorted(found.root[0], torch.arange(len(found.left)), right=True) - 1
    round_ = dict.fromkeys(("left", "right"), found.root[0][own]) | {"rank": torch.full_like(found.rank, 3)}
    read = Forest.from_tensors(tensors | round_, WIDTHS)
    drawn = redrawn(read, codes_of(records(100)))
    assert int(drawn[:, 2].max()) <= 2
