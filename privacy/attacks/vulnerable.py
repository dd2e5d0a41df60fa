"""B.3: does the synthetic table give away those whom nobody resembles, or who hold what few hold?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.distance import Encoded
from privacy.estimate import auc_interval, detectable_auc, detectable_difference, newcombe
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from privacy.plants import Plant
from privacy.threat import FILE_ONLY

ABOUT = About(
    title="Worst-off records",
    question=Question.WORST_OFF,
    statistics={
        "excess_reproduced": "isolated records reproduced, beyond chance",
        "wide_auc": "AUC, at least 300 people",
        "achilles_auc": "oddest combinations, AUC",
        "rare_auc": "holders of the rarest categories, AUC",
        "extreme_auc": "holders of extreme numbers, AUC",
        "intersection_auc": "members of small intersections of columns, AUC",
    },
    plants=(Plant.COPIED_5, Plant.COPIED_30, Plant.COPIED_50, Plant.JITTERED_COPY, Plant.OUTLIERS),
)

Mask = NDArray[np.bool_]
Ranks = NDArray[np.float64]

SHARE = 0.02
FEWEST = 10
ENOUGH = 300
"""People of both sides together, at least: 150 a side give an AUC a standard error of .033, so that without a leak its
interval stays below a limit of .65 in 199 of 200 tables."""
ENOUGH_REPRODUCED = 600
"""The same for a share with a limit of 5 %, where one isolated person in a hundred is matched by chance."""
LARGEST_SHARE = 0.1
"""Beyond the most exposed tenth nobody is exposed in particular."""
REPRODUCED = 1 / 3
"""A synthetic record this much nearer than the five nearest other people stands for that one person. Among fresh draws
of Adult one isolated record in a hundred has one by chance, and a copy with 2 % jitter has one nineteen times in twenty
(at one half: five in a hundred)."""

SMALL_INTERSECTION = 5
"""A pair of categories, of two columns, that no more people than this hold."""
MOST_COLUMNS = 40
"""Columns with categories whose pairs are counted: those with the most categories, 780 pairs in all."""

ISOLATED = f"{FILE_ONLY}, a person unlike all others, and asks whether that record was learnt."
HOLDERS = f"{FILE_ONLY}, of a person who holds what few hold, and asks whether that record was learnt."
MEMBERS = (
    f"{FILE_ONLY}, of a person who shares two of their categories with almost nobody, and asks whether that record was "
    "learnt."
)
NAMED = (
    f"{FILE_ONLY}, a person unlike all others, and takes a synthetic record far nearer than anybody else for theirs."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subset:
    """Equally exposed people of both sides: the cut is made on both pooled, so that train faces its like in holdout."""

    train: Mask
    holdout: Mask

    @property
    def fewest(self) -> int:
        return int(min(self.train.sum(), self.holdout.sum()))


def vulnerable(evidence: Evidence) -> tuple[Finding, ...]:
    """Seven findings on the records that are worst off. None says who they are.

    `vulnerable.auc`: membership inference, score -d1(x, S), on the 2 % most isolated of train and holdout; isolation is
    the mean distance to the five nearest others in both. `vulnerable.wide_auc`: the same on 300 people at least, where
    2 % are too few for an interval within the limit. `vulnerable.achilles_auc`: the same 2 % by the Achilles score
    (arXiv 2306.10308). `vulnerable.rare_auc` and `vulnerable.extreme_auc`: the same attack, on 300 people at least,
    on the holders of the rarest categories, and of the smallest and largest numbers. `vulnerable.intersection_auc`: the
    same on those in small intersections of columns: two categories that few hold together, though each alone may be
    common.

    `vulnerable.excess_reproduced`: of the most isolated, the share with a synthetic record nearer than a third of their
    isolation, train minus holdout (Newcombe 1998, method 10). An AUC is an average over the subset, so that 50 copies
    among 200 move it to .62 only; this counts those who could be named, and almost nobody can be by chance.
    """
    near = evidence.near
    isolated, odd = (-near.train_isolation, -near.holdout_isolation), (-near.train_achilles, -near.holdout_achilles)
    n = len(evidence.train) + len(evidence.holdout)
    few = round(SHARE * n)
    wide, more = (min(max(ceil(SHARE * n), enough), round(LARGEST_SHARE * n)) for enough in (ENOUGH, ENOUGH_REPRODUCED))
    both = evidence.train.join(evidence.holdout)
    return (
        _auc("auc", evidence, _most_exposed(*isolated, few), ISOLATED),
        _auc("wide_auc", evidence, _most_exposed(*isolated, wide), ISOLATED),
        _auc("achilles_auc", evidence, _most_exposed(*odd, few), ISOLATED),
        _reproduced(evidence, _most_exposed(*isolated, more)),
        _auc("rare_auc", evidence, _split(_rarest(both), evidence, wide), HOLDERS),
        _auc("extreme_auc", evidence, _split(_most_extreme(both), evidence, wide), HOLDERS),
        _auc("intersection_auc", evidence, _split(smallest_intersection(both), evidence, wide), MEMBERS),
    )


def _most_exposed(train: NDArray[np.floating], holdout: NDArray[np.floating], wanted: int) -> _Subset:
    """About `wanted` people, lowest ranks first. Those level at the cut are in or out together."""
    ranks = np.sort(np.concatenate([train, holdout]))
    if wanted < 1 or not len(ranks):
        return _Subset(train=np.zeros(len(train), dtype=np.bool_), holdout=np.zeros(len(holdout), dtype=np.bool_))
    cut = ranks[min(wanted, len(ranks)) - 1]
    if int((ranks <= cut).sum()) > 2 * wanted:
        return _Subset(train=train < cut, holdout=holdout < cut)
    return _Subset(train=train <= cut, holdout=holdout <= cut)


def _split(ranks: Ranks | None, evidence: Evidence, wanted: int) -> _Subset | None:
    border = len(evidence.train)
    return None if ranks is None else _most_exposed(ranks[:border], ranks[border:], wanted)


def _rarest(rows: Encoded) -> Ranks | None:
    """For each record, how many hold the rarest of its categories; missing is one. None without categories."""
    if not rows.codes:
        return None
    held = np.stack([np.bincount(codes)[codes] for codes in rows.codes])
    rarest: Ranks = held.min(axis=0).astype(np.float64)
    return rarest


def smallest_intersection(rows: Encoded) -> Ranks | None:
    """For each record how exposed its small intersections make it, most exposed first; infinite where it has none.

    A small intersection is a pair of categories of two columns that SMALL_INTERSECTION people or fewer hold, counted
    over train and holdout alike, of which no category is held by as few alone: those are `_rarest`. A record's rank is
    minus the sum over its small intersections of one over those who hold it: one that nobody shares counts as five
    that five people share. Missing is a category. None with fewer than two columns of categories.
    """
    columns = sorted(rows.codes, key=lambda codes: -len(np.unique(codes)))[:MOST_COLUMNS]
    if len(columns) < 2:
        return None
    held = [np.bincount(codes)[codes] for codes in columns]
    exposed = np.zeros(len(rows))
    for (first, alone_first), (second, alone_second) in combinations(zip(columns, held, strict=True), 2):
        pairs = first.astype(np.int64) * (int(second.max()) + 1) + second
        _, pair, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        together = counts[pair]
        is_small = (together <= SMALL_INTERSECTION) & (np.minimum(alone_first, alone_second) > SMALL_INTERSECTION)
        exposed += np.where(is_small, 1.0 / together, 0.0)
    return np.where(exposed > 0, -exposed, np.inf)


def _most_extreme(rows: Encoded) -> Ranks | None:
    """For each record, how many reach as far out as it in the column where it is farthest out. None without numbers."""
    if not len(rows.numbers):
        return None
    out = np.full(len(rows), np.inf)
    for column in rows.numbers:
        ordered = np.sort(column)
        below = np.searchsorted(ordered, column, side="right")
        above = len(column) - np.searchsorted(ordered, column, side="left")
        out = np.minimum(out, np.minimum(below, above))
    return out


def _auc(statistic: str, evidence: Evidence, subset: _Subset | None, threat: str) -> Finding:
    if subset is None or subset.fewest < FEWEST:
        return _not_applicable(statistic, threat, subset)
    exposed = evidence.near.train_synthetic[subset.train, 0]
    control = evidence.near.holdout_synthetic[subset.holdout, 0]
    auc = auc_interval(-exposed, -control)
    return Finding(
        attack="vulnerable",
        statistic=statistic,
        value=auc.value,
        baseline=0.5,
        lower=auc.lower,
        upper=auc.upper,
        n=len(exposed),
        threat=threat,
        minimum_detectable=detectable_auc(len(exposed), len(control)),
        details={"in_holdout": float(len(control))},
    )


def _reproduced(evidence: Evidence, subset: _Subset) -> Finding:
    if subset.fewest < FEWEST:
        return _not_applicable("excess_reproduced", NAMED, subset)
    near = evidence.near
    hits, n = _named(near.train_synthetic, near.train_isolation, subset.train)
    chance, control = _named(near.holdout_synthetic, near.holdout_isolation, subset.holdout)
    lower, upper = newcombe(hits, n, chance, control)
    return Finding(
        attack="vulnerable",
        statistic="excess_reproduced",
        value=hits / n - chance / control,
        baseline=0.0,
        lower=lower,
        upper=upper,
        n=n,
        threat=NAMED,
        minimum_detectable=detectable_difference(chance / control, n, control),
        details={"in_holdout": float(control), "train_share": hits / n, "holdout_share": chance / control},
    )


def _named(synthetic: NDArray[np.float32], isolation: NDArray[np.float32], chosen: Mask) -> tuple[int, int]:
    near = synthetic[chosen, 0] < REPRODUCED * isolation[chosen]
    return int(near.sum()), len(near)


def _not_applicable(statistic: str, threat: str, subset: _Subset | None) -> Finding:
    note = f"Fewer than {FEWEST} such records in train or holdout stand out from the others."
    return Finding(
        attack="vulnerable",
        statistic=statistic,
        status=FindingStatus.NOT_APPLICABLE,
        threat=threat,
        note="No column of the kind that this looks at." if subset is None else note,
    )
