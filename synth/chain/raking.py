"""Raking: weights by which redrawn columns keep the table's pairs of values (`synth.chain.forest`).

Trees say how a column is distributed given the others, and blur what few records have. So the values of each column are
put into groups, and the groups of the column are drawn with a weight for each group that a record has in another
column: of all such distributions whose pairs of groups are as frequent as in the table, give or take some slack, the
one closest to the trees' (maximum entropy with relaxed constraints: Dudík, Phillips & Schapire 2007, equation 5). No
pair is brought nearer to the table than chance would be, nor than a handful of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from torch import Tensor

from synth.chain.forest_column import weighted
from synth.protection import LEAF_RECORDS

FEW_CODES = 24
"""A column of at most so many codes has a group for each."""
PARTS = 10
"""Another column is cut into groups by so many parts of equal frequency, and a quantity by as many of equal width."""
COMMON = 0.03
"""A code is a group by itself where it is as frequent as this."""
CHANCE = 0.6
"""Slack of the share of a pair, as a part of its standard deviation."""
SLACK_RECORDS = 5
"""Slack of the share of a pair, in training records, at least."""
FITTING = 10
"""Rounds of iterative proportional fitting."""
ROUNDS = 15
"""Iterations of the optimiser (L-BFGS-B)."""
MOST = 2.0
"""The logarithm of one weight, at most."""
MARGIN_ROUNDS, MARGIN_STEP, TINY = 40, 1.0, 1e-12
"""Rounds in which a column's own frequencies are mended, and by how much in each, as a logarithm: all rounds together
by MOST at most."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Targets:
    """What the weights of one column are to bring about."""

    asked: Tensor
    """(N, C) the groups that generated records have; in the column itself, its first one for all of them"""
    share: Tensor
    """(N, G) how the trees distribute the column's own groups for each of these records"""
    first: int
    """The first of the column's own groups: what is wanted of it is wanted of all records"""
    pairs: Tensor
    """(H, G) float64, the share that each own group is to have together with each of H groups"""
    slack: Tensor
    """(H, G) float64, how far off it may be"""


def make_groups(ranks: NDArray[np.float32], middles: Sequence[Numbers], silent: Sequence[int]) -> Tensor:
    """(D,) the group of each rank, numbered through all columns, by (records, C) ranks.

    `middles` are, for each column, the values in the middle of its ranks, missing ones NaN; of a column of categories
    just NaN. `silent` columns have one group.
    """
    groups, count = [], 0
    for column, middle in enumerate(middles):
        share = np.bincount(ranks[:, column].astype(np.int64), minlength=len(middle)) / len(ranks)
        own = np.zeros(len(share), dtype=np.int64) if column in silent else _groups_of(share, middle)
        groups.append(own + count)
        count += int(own[-1]) + 1
    return torch.from_numpy(np.concatenate(groups))


def _groups_of(share: Numbers, middle: Numbers) -> NDArray[np.int64]:
    if len(share) <= FEW_CODES:
        return np.arange(len(share))
    part, common = np.floor(PARTS * (np.cumsum(share) - share / 2)), share >= COMMON
    change = (np.diff(part) != 0) | common[1:] | common[:-1]
    known = middle[~np.isnan(middle)]
    if len(known):
        # a missing value is the last rank, and in no part
        width = np.digitize(middle, np.linspace(known[0], known[-1], PARTS + 1)[1:-1])
        change |= (np.diff(width) != 0) | np.diff(np.isnan(middle))
    numbers: NDArray[np.int64] = np.r_[0, np.cumsum(change)]
    return numbers


def targets_of(real: Tensor, made: Tensor, share: Tensor, column: int, belongs: Tensor) -> Targets:
    """What is wanted of a column by (records, C) groups of the table's records and of (N, C) generated ones.

    `share` are (N, G) how the trees distribute the column's groups; (H,) `belongs` says of which column each group is.
    """
    groups, size = len(belongs), share.shape[1]
    first = int((belongs < column).sum())
    own = real[:, column] - first
    real, made = real.clone(), made.clone()
    real[:, column] = made[:, column] = first
    both = (real * size + own[:, None]).flatten()
    joint = torch.bincount(both, minlength=groups * size).view(groups, size).double() / len(real)
    here = torch.bincount(made.flatten(), minlength=groups).double() / len(made)
    pairs = _fitted(joint, here, joint[first], belongs)
    chance = CHANCE * (pairs * (1 - pairs) * (1 / len(real) + 1 / len(made))).clamp_min(0).sqrt()
    slack = chance.clamp_min(SLACK_RECORDS / len(real))
    slack[first] = 0
    return Targets(asked=made, share=share, first=first, pairs=pairs, slack=slack)


def _fitted(joint: Tensor, here: Tensor, alone: Tensor, belongs: Tensor) -> Tensor:
    """(H, G) pairs as in `joint`, but with (H,) frequencies `here` of the groups asked and (G,) of the own ones.

    A generated record may have what it has in other columns more or less often than in the table. That is not this
    column's to mend, but must not carry over to it: iterative proportional fitting (Deming & Stephan 1940) of each
    column's table with this one to both margins.
    """
    for _ in range(FITTING):
        joint = joint * (here / joint.sum(1).clamp_min(1e-12))[:, None]
        margin = torch.zeros(int(belongs[-1]) + 1, len(alone), dtype=torch.float64).index_add_(0, belongs, joint)
        joint = joint * (alone / margin.clamp_min(1e-12))[belongs]
    return joint


def fit_weights(targets: Targets, records: int) -> Tensor:
    """(H, G) float32, the logarithms of the weights, by a table of so many records."""
    # frequent pairs have steeper slopes than rare ones: in units of these the optimiser goes as fast in both
    steep = torch.rsqrt(targets.pairs + SLACK_RECORDS / records).flatten()
    unit: Numbers = (steep / steep.max()).numpy()
    slack, count = targets.slack.flatten().numpy(), len(unit)

    def loss(parts: Numbers) -> tuple[float, Numbers]:
        """The dual with the weights' positive and negative parts apart, and its slopes."""
        weight = (parts[:count] - parts[count:]) * unit
        value, missing = dual(targets, torch.from_numpy(weight).view_as(targets.pairs))
        size = (parts[:count] + parts[count:]) * unit
        return value + float(slack @ size), np.r_[(missing + slack) * unit, (slack - missing) * unit]

    # what next to no generated record may draw says nothing of how it should be weighted where one does
    seen = ((targets.share > 0).sum(0) >= LEAF_RECORDS).expand_as(targets.pairs).flatten().numpy()
    most = Bounds(0.0, np.r_[seen, seen] * MOST / np.r_[unit, unit])
    begun = np.zeros(2 * count)
    found: Numbers = minimize(loss, begun, jac=True, method="L-BFGS-B", bounds=most, options={"maxiter": ROUNDS}).x
    weight = torch.from_numpy((found[:count] - found[count:]) * unit).view_as(targets.pairs).float()
    return _with_margin(weight, targets)


def chances(weight: Tensor, targets: Targets) -> Tensor:
    """(N, G) how likely each of the column's groups is drawn by (H, G) weights, for each generated record."""
    return _shares(targets, torch.nn.functional.embedding_bag(targets.asked, weight, mode="sum"))


def _shares(targets: Targets, logarithms: Tensor) -> Tensor:
    chance = weighted(targets.share, logarithms)
    return chance / chance.sum(1, keepdim=True)


def _with_margin(weight: Tensor, targets: Targets) -> Tensor:
    """The weights with each of the column's groups as frequent as is wanted, or as near to it as leaves let it be.

    The optimiser knows of no limit to what all weights together do to a group, but `weighted` has one. Where trees all
    but say what a column is, some pairs cannot be had, and seeking them would cost the column its own frequencies.
    """
    alone = targets.pairs[targets.first].clamp_min(TINY)
    seen = (targets.share > 0).sum(0) >= LEAF_RECORDS
    logarithms = torch.nn.functional.embedding_bag(targets.asked, weight, mode="sum")
    more = torch.zeros_like(weight[0])
    for _ in range(MARGIN_ROUNDS):
        have = _shares(targets, logarithms + more).mean(0, dtype=torch.float64).clamp_min(TINY)
        step = torch.log(alone / have).clamp(-MARGIN_STEP, MARGIN_STEP).float()
        more = torch.where(seen, more + step, 0.0).clamp(-MOST, MOST)
    # all records have the column's own first group, for what they have in it is forgotten
    weight[targets.first] += more
    return weight


def dual(targets: Targets, weight: Tensor) -> tuple[float, Numbers]:
    """(the dual without slack, by how much the pairs are more frequent than wanted)."""
    logarithm = torch.nn.functional.embedding_bag(targets.asked, weight.float(), mode="sum")
    # what a leaf does not have no weight brings about
    logarithm += targets.share.log()
    total = logarithm.logsumexp(1, keepdim=True)
    drawn = (logarithm - total).exp()
    pairs = torch.zeros(weight.shape)
    for column in range(targets.asked.shape[1]):
        pairs.index_add_(0, targets.asked[:, column], drawn)
    value = float(total.double().mean()) - float((weight * targets.pairs).sum())
    return value, (pairs.double() / len(drawn) - targets.pairs).flatten().numpy()
