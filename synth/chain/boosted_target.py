"""The target column given the others: boosted trees that draw it last (Friedman 2001, algorithm 6).

Given its noise the generator's columns are independent, so how the target depends on the others passes through the
noise and comes out blurred: a model trained on such a table is weaker than one trained on real records. The trees learn
that dependence from the training records, as many of them as held-out records say, and no leaf of them is about fewer
than LEAF_RECORDS records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from synth.arrays import arrays_of, check_range
from synth.chain.base import Allowed, Records, draw_allowed, log_weight
from synth.chain.stratified import pick, stratified_points
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import Ranks
from synth.trees.boosted import DEPTH, LEAVES, Boosted, boosted_of, open_columns

PART = "target"
"""Its name in a model file."""
MOST_CODES = 12
"""A target of more codes is left to the generator."""
LEAST_RATE, MOST_RATE, RECORDS_A_RATE = 0.05, 0.2, 400_000
"""Learning rate, at least and at most; so many records would have one of 1. The more there are the longer a round
takes, and the less is gained by a low rate."""
ROUNDS, PATIENCE = 20.0, 2.5
"""Rounds of boosting, at most, and those without a gain on held-out records after which there are no more, both times
the rate; in a round a tree for each code grows, for two codes one."""
FEATURES = 0.5
"""Share of the columns that each split looks at."""
MOST_RECORDS = 200_000
"""Records that all trees are grown on, at most."""
HELD_OUT, TRIED = 0.2, 60_000
"""Share of the training records, of so many at most, that tells how many rounds there should be: validation records may
be too few for rare codes. So many are grown on all records then."""
DAMPING = 1.0
"""Added to the curvature of a leaf: how much a leaf of few or all but pure records is held back."""
FEWEST = 2
"""Records of a code, without which the trees do not know it: to hold out a like share of each code takes so many."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoostedTarget:
    """The link of the target: boosted trees that give the log-odds of its K codes."""

    column: int
    """Which encoded column they draw"""
    trees: Boosted

    def probabilities(self, ranks: Tensor) -> Tensor:
        """(B, K) probabilities of the target's ranks, by (B, C) float32 ranks of all columns."""
        return torch.softmax(self.trees.scores(ranks), 1)

    def weighs(self, allowed: Mapping[int, Allowed]) -> bool:
        """Whether something is allowed of the target."""
        return self.column in allowed

    def draw(self, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> Tensor | None:
        """See `Conditional`."""
        probabilities = self.probabilities(records.ranks[:-1].T.float())
        if self.column not in allowed:
            expected = probabilities @ torch.arange(probabilities.shape[1], dtype=probabilities.dtype)
            records.put(self.column, pick(probabilities, stratified_points(expected, random))[0][:, 0])
            return None
        shares = allowed[self.column].shares
        rank = records.rank_of(self.column, torch.arange(len(shares)))
        likely = probabilities[:, rank].double()
        records.put(self.column, rank[draw_allowed(likely, shares, random)])
        return log_weight(likely @ shares)

    def log_prob(self, records: Records) -> Tensor:
        """See `Conditional`."""
        scores = self.trees.scores(records.ranks[:-1].T.float()).double()
        return torch.log_softmax(scores, 1).gather(1, records.ranks[self.column][:, None])[:, 0]

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return {"column": torch.tensor(self.column), **arrays_of(self.trees)}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> BoostedTarget:
        """The trees in an untrusted file, for columns with so many codes. Raises ArtifactError where they are none."""
        column = tensors.get("column")
        if column is None or column.shape != () or column.dtype != torch.int64:
            raise ArtifactError(f"{PART}: expected one integer in column")
        check_range(PART, {"column": column}, {"column": len(widths)})
        arrays = {name: tensor for name, tensor in tensors.items() if name != "column"}
        most = int(ROUNDS / LEAST_RATE) * MOST_CODES
        trees = Boosted.from_tensors(PART, arrays, len(widths), widths[int(column)], most)
        return BoostedTarget(column=int(column), trees=trees)


def fit_target(ranks: Ranks, column: int, widths: Sequence[int], rng: np.random.Generator) -> BoostedTarget | None:
    """The trees that draw one column of (records, C) ranks.

    None where the column has one code or too many, where there are too few records, or where no tree gains anything.
    """
    codes = widths[column]
    if not 2 <= codes <= MOST_CODES or ranks.shape[1] < 2 or len(ranks) < 4 * LEAF_RECORDS:
        return None
    ranks = ranks[rng.permutation(len(ranks))[:MOST_RECORDS]]
    own = ranks[:, column].astype(np.int64)
    count = np.bincount(own, minlength=codes)
    known = np.flatnonzero(count >= FEWEST).tolist()
    if len(known) < 2:
        return None
    some = np.isin(own, known)
    others, own = ranks[some], own[some]
    others[:, column] = 0  # the column itself is a constant to the trees
    columns = open_columns(others)
    others = others[:, columns]
    booster = _booster(len(own), int(rng.integers(2**31)))
    rounds = best_count(booster, others, own) if len(columns) else 0
    if not rounds:
        return None
    booster.set_params(max_iter=rounds).fit(others, own)
    trees = boosted_of(booster, columns, known if len(known) > 2 else known[1:], codes)
    # before the first tree a code that they do not know is as frequent as half a record
    trees.prior[np.setdiff1d(np.arange(codes), known)] = trees.prior[known[0]] + float(np.log(0.5 / count[known[0]]))
    return BoostedTarget(column=column, trees=trees)


def best_count(booster: HistGradientBoostingClassifier, others: Ranks, own: NDArray[np.int64]) -> int:
    """After how many rounds the loss on held-out records is least; records are in no order."""
    some, some_own = others[:TRIED], own[:TRIED]
    there = np.bincount(some_own)[some_own] >= FEWEST
    if len(np.unique(some_own[there])) < 2:
        return 0
    tried = clone(booster).set_params(early_stopping=True).fit(some[there], some_own[there])
    return int(np.argmax(tried.validation_score_))


def _booster(records: int, seed: int) -> HistGradientBoostingClassifier:
    rate = min(max(LEAST_RATE, records / RECORDS_A_RATE), MOST_RATE)
    return HistGradientBoostingClassifier(
        max_iter=round(ROUNDS / rate),
        learning_rate=rate,
        max_leaf_nodes=LEAVES,
        max_depth=DEPTH,
        min_samples_leaf=LEAF_RECORDS,
        l2_regularization=DAMPING,
        max_features=FEATURES,
        early_stopping=False,
        validation_fraction=HELD_OUT,
        n_iter_no_change=round(PATIENCE / rate),
        scoring="loss",
        random_state=seed,
    )
