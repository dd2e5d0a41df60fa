"""How the trees come to be that draw columns anew (`synth.redraw`), and which columns those are.

For each column some trees are grown on the training records that tell its value from the others (Breiman et al. 1984).
Drawn anew from records that the generator made, a column would not have quite the frequencies that it has in the
table: a first round on such records says how much more or less often each value is to be drawn.

Drawing anew helps where columns hang together closely, and may do harm where a tree knows less than the generator does.
So an adversary decides: a fresh one is grown against the records of each choice, and the fewest columns are drawn
anew with which it can tell them from real ones hardly better than with the best choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.adversary import draw
from synth.follow import Followers
from synth.layout import Layout, make_layout
from synth.leaves import Ranking
from synth.nets import Generator
from synth.randomness import Rng
from synth.redraw import DEPTH, Redraw, nothing_again
from synth.step import Material
from synth.tables import part_of
from synth.target import TargetTrees, draw_last
from synth.threads import one_thread
from synth.trees import LEAST_RECORDS, Ranks

TREES = 2
"""Trees for each column."""
MOST_RECORDS = 50_000
"""Training records that fill the leaves, at most."""
RECORDS = 20_000
"""Of these a tree is grown on so many, at most."""
SHARE = 0.8
"""Share of the records that a tree is grown on, drawn anew for each."""
FEATURES = 24
"""Columns that each split looks at, at most, so that time grows with the columns and not with their square."""
MOST_CODES = 512
"""A column of more codes is left to the generator."""
FEW_CODES = 10
"""A column of at most so many codes is told code by code, another by where it lies."""
STEPS = 8
"""Parts of equal frequency by which a tree tells where a column of many codes lies."""
COMMON = 0.03
"""A code of a column of many is told by itself where it is as frequent as this."""
ROUNDS = 3
"""Times that the shares in the leaves are corrected."""
FARTHEST = 5.0
"""A value weighs at most so many times as much as its records, and at least one part in so many."""
CHOICES = (0.0, 0.125, 0.25, 0.5, 1.0)
"""Shares of the columns that are tried, those first that the others tell most about."""
AS_GOOD = 0.03
"""How much more an AUC may be than the best. A tree blurs pairs of rare values, so few columns are better than many."""
FEWEST_RECORDS = 10 * LEAST_RECORDS
"""Below so many records a tree has too few leaves to say anything."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Conditional:
    """How one column is distributed given the others."""

    column: int
    trees: tuple[DecisionTreeRegressor, ...]
    tables: tuple[Numbers, ...]
    """For each tree (nodes, W): the share of each rank among the records of a leaf; rows of other nodes are 0"""
    told: float
    """How much of the column's variance the trees explain on records that they were not grown on, at most 1"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trial:
    """What choices are made on; all of it on the host."""

    layout: Layout
    ranking: Ranking
    real: Ranks
    """(records, C) training records"""
    made: Tensor
    """(records, C) codes of generated ones"""
    followers: Followers
    """Columns that other ones determine: they are not drawn, and tell trees nothing that their sources do not"""
    target: TargetTrees | None
    """Draws the target last"""

    def judge(self, choice: Redraw, rng: Rng) -> float:
        """How well records that a choice has drawn anew can be told from real ones: an AUC."""
        random = rng.spawn("records").torch()
        drawn = self.followers.follow(choice.apply(self.made, self.ranking, self.layout, random))
        if self.target is not None:
            drawn = draw_last(self.target, drawn, self.ranking, self.layout, random)
            drawn = self.followers.follow(drawn)
        made = ranks_of_codes(drawn, self.ranking, self.layout)
        return told_apart(self.real, made, rng.spawn("critic").numpy)


def learn_redraw(generator: Generator, material: Material, target: TargetTrees | None, rng: Rng) -> Redraw:
    """Which columns are drawn anew, and by what trees; `generator` is settled, and `target` draws the target last.

    None are where there are too few records for leaves, or so many codes that tables of pairs are not held either.
    """
    if len(material.codes) < FEWEST_RECORDS or material.tables is None:
        return nothing_again()
    layout = make_layout(material.layout.sizes, material.layout.residual_columns.tolist(), "cpu")
    ranking = Ranking(order=material.ranking.order.cpu(), place=material.ranking.place.cpu())
    made = draw(generator, RECORDS, material, rng.spawn("made").torch(str(material.layout.device))).cpu()
    some = part_of(material.codes, MOST_RECORDS, rng.spawn("real").numpy).cpu()
    trial = Trial(
        layout=layout,
        ranking=ranking,
        real=ranks_of_codes(some, ranking, layout),
        made=made,
        followers=material.followers.cpu(),
        target=target,
    )
    return choose(trial, rng)


def choose(trial: Trial, rng: Rng) -> Redraw:
    """The fewest columns with which records are told from real ones hardly better than with the best choice."""
    followers = trial.followers.column.tolist()
    drawn_otherwise = {*followers, *([] if trial.target is None else [int(trial.target.column)])}
    open_ = [c for c, w in enumerate(trial.layout.sizes) if 2 <= w <= MOST_CODES and c not in drawn_otherwise]
    seen = trial.real.copy()
    seen[:, followers] = 0
    numpy = rng.spawn("trees").numpy
    if not open_:
        return nothing_again()
    grown = [grow(seen, trial.real, column, trial.layout.sizes[column], numpy) for column in open_]
    best_told = sorted(grown, key=lambda one: -one.told)
    begun = ranks_of_codes(trial.made, trial.ranking, trial.layout)
    judged: list[tuple[float, Redraw]] = []
    for count in sorted({round(share * len(grown)) for share in CHOICES}):
        some = sorted(best_told[:count], key=lambda one: one.column)
        choice = calibrated(some, trial.real, begun, numpy)
        judged.append((trial.judge(choice, rng.spawn(f"choice {count}")), choice))
    least = min(told for told, _ in judged)
    return next(choice for told, choice in judged if told <= least + AS_GOOD)


def ranks_of_codes(codes: Tensor, ranking: Ranking, layout: Layout) -> Ranks:
    """(records, C) ranks within columns."""
    ranks: Ranks = (ranking.place[codes.long() + layout.starts] - layout.starts).numpy().astype(np.float32)
    return ranks


def grow(seen: Ranks, real: Ranks, column: int, width: int, rng: np.random.Generator) -> Conditional:
    """The trees of one column of (records, C) `real` ranks, by the (records, C) `seen` ones."""
    own = real[:, column].astype(np.int64)
    # the column itself is a constant to the trees
    others = seen.copy()
    others[:, column] = 0
    wanted = outcome(own, width)
    trees, tables, missed, spread = [], [], 0.0, 0.0
    for _ in range(TREES):
        order = rng.permutation(len(own))
        inside = min(RECORDS, int(SHARE * len(own)))
        some, rest = order[:inside], order[inside : inside + RECORDS]
        tree = DecisionTreeRegressor(
            max_depth=DEPTH,
            min_samples_leaf=LEAST_RECORDS,
            max_features=min(FEATURES, seen.shape[1]),
            random_state=int(rng.integers(2**31)),
        ).fit(others[some], wanted[some])
        leaf, nodes = tree.apply(others), tree.tree_.node_count
        table = np.bincount(leaf * width + own, minlength=nodes * width).reshape(nodes, width).astype(np.float64)
        trees.append(tree)
        tables.append(table / table.sum(1, keepdims=True).clip(1))
        missed += float(((wanted[rest] - tree.predict(others[rest]).reshape(len(rest), -1)) ** 2).sum())
        spread += float(((wanted[rest] - wanted[some].mean(0)) ** 2).sum())
    told = 1 - missed / spread if spread else 0.0
    return Conditional(column=column, trees=tuple(trees), tables=tuple(tables), told=told)


def outcome(ranks: NDArray[np.int64], width: int) -> Numbers:
    """(records, outputs) what a tree is to tell of (records,) ranks of a column with so many codes."""
    if width <= FEW_CODES:
        hot: Numbers = np.eye(width)[ranks]
        return hot
    share = np.bincount(ranks, minlength=width) / len(ranks)
    place = (np.cumsum(share) - share / 2)[ranks]
    steps = [place > cut for cut in np.linspace(0, 1, STEPS + 1)[1:-1]]
    common = [ranks == code for code in np.argsort(-share, kind="stable")[:STEPS] if share[code] >= COMMON]
    told: Numbers = np.stack([STEPS / 2 * place, *steps, *common], 1).astype(np.float64)
    return told


def calibrated(some: Sequence[Conditional], real: Ranks, made: Ranks, rng: np.random.Generator) -> Redraw:
    """The trees of these columns, in this order, by which generated records get the frequencies of the real ones."""
    if not some:
        return nothing_again()
    made = made.copy()
    corrected = []
    for one in some:
        wanted = np.bincount(real[:, one.column].astype(np.int64), minlength=one.tables[0].shape[1]) / len(real)
        others = made.copy()
        others[:, one.column] = 0
        which = rng.integers(len(one.trees), size=len(made))
        leaves = [tree.apply(others) for tree in one.trees]
        visits = [np.bincount(leaf[which == t], minlength=len(one.tables[t])) for t, leaf in enumerate(leaves)]
        tables, weight = one.tables, np.ones_like(wanted)
        for _ in range(ROUNDS):
            got = sum(visit @ table for visit, table in zip(visits, tables, strict=True)) / len(made)
            weight = (weight * wanted / np.maximum(got, 1e-12)).clip(1 / FARTHEST, FARTHEST)
            tables = tuple(_as_shares(table * weight) for table in one.tables)
        corrected.append(replace(one, tables=tables))
        summed = [np.cumsum(table, 1) for table in tables]
        at = rng.random(len(made))
        upto = np.stack([rows[leaf] for rows, leaf in zip(summed, leaves, strict=True)])[which, np.arange(len(made))]
        made[:, one.column] = (upto <= at[:, None]).sum(1).clip(max=upto.shape[1] - 1)
    return packed(corrected)


def _as_shares(table: Numbers) -> Numbers:
    shares: Numbers = table / np.maximum(table.sum(1, keepdims=True), 1e-300)
    return shares


def told_apart(real: Ranks, made: Ranks, rng: np.random.Generator) -> float:
    """The AUC of boosted trees that tell (records, C) ranks apart: grown on one half, judged on the other, and back.

    A classifier two-sample test (Lopez-Paz & Oquab 2017).
    """
    size = min(len(real), len(made), RECORDS)
    real, made = (side[rng.permutation(len(side))[:size]] for side in (real, made))
    ranks, is_real = np.concatenate([real, made]), np.repeat([1, 0], size)
    model = HistGradientBoostingClassifier(early_stopping=False, random_state=int(rng.integers(2**31)))
    folds = StratifiedKFold(2, shuffle=True, random_state=int(rng.integers(2**31)))
    with one_thread():
        scores = cross_val_predict(model, ranks, is_real, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(is_real, scores))


def packed(some: Sequence[Conditional]) -> Redraw:
    """The trees of all columns in one set of arrays."""
    feature, cut, left, right, rank, upto = [], [], [], [], [], []
    root: list[list[int]] = []
    begin = 0
    for one in some:
        root.append([])
        for tree, table in zip(one.trees, one.tables, strict=True):
            inner = tree.tree_
            own = np.arange(inner.node_count)
            ends = inner.children_left < 0
            root[-1].append(begin)
            feature.append(np.where(ends, 0, inner.feature))
            cut.append(np.floor(np.where(ends, 0, inner.threshold)))
            left.append(begin + np.where(ends, own, inner.children_left))
            right.append(begin + np.where(ends, own, inner.children_right))
            leaf, code = np.nonzero(table)
            shares = np.cumsum(table, 1)[leaf, code]
            last = np.r_[leaf[1:] != leaf[:-1], True]
            rank.append(code)
            upto.append(begin + leaf + np.where(last, 1.0, np.minimum(shares, 1.0)))
            begin += inner.node_count
    whole = {"feature": feature, "cut": cut, "left": left, "right": right, "rank": rank}
    arrays = {name: torch.from_numpy(np.concatenate(parts).astype(np.int64)) for name, parts in whole.items()}
    return Redraw(
        column=torch.tensor([one.column for one in some]),
        root=torch.tensor(root),
        upto=torch.from_numpy(np.concatenate(upto)),
        **arrays,
    )
