"""The last critic: boosted trees that tell what the chain leaves from real records; records are kept by its odds.

The odds of a critic are how much likelier a record is among real records than among made ones. So more records are made
than are wanted, and each is kept the more often the greater its odds are (discriminator rejection sampling, Azadi et
al. 2019). What trees see of a whole record, and no link that redraws one column does, is mended by that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from synth.arrays import arrays_of
from synth.chain.base import Codebook, Records
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import Ranks
from synth.trees.boosted import DEPTH, LEAVES, Boosted, boosted_of, open_columns

PART = "critic"
"""Its name in a model file."""
SPARE, FEWEST_MADE = 3, 2_048
"""Records that are made for each that is kept, and at least: of few the frequencies of codes say nothing."""
STEEPEST = 2.5
"""The logarithm of the odds is cut here, on both sides."""
MADE = 4
"""Made records that the critic is grown on, for each real one: they are at hand, and more of them show more."""
MOST_ROUNDS, RATE = 800, 0.1
HELD_OUT, PATIENCE = 0.2, 30
"""The share of the records that a critic does not see, and the rounds without a gain on these after which it ends."""
LEAST_GAIN = 0.0015
"""With a smaller gain of log-likelihood on those, in nats a record, a critic is not worth its time: its AUC is .53."""
RAKING, STEP, SURE = 3, 2.0, 5.0
"""Rounds in which the odds are made to keep how frequent each group of codes is, the most that one changes, and records
that count as being in each group: a group of few says little of how it should be weighted."""
FILLING = 20
"""Rounds in which chances above 1 are spread over the other records."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Raking:
    """How the odds of free records were changed before these were kept by them."""

    factor: Tensor
    """(G,) float64, by what each group of codes was raised"""
    most: float
    """Records of these odds, and of greater ones, were kept for certain"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LastCritic:
    """Trees that score how much likelier a record is among real ones."""

    trees: Boosted

    def keep(self, records: Records, n: int, random: torch.Generator) -> tuple[Records, Raking]:
        """(`n` of the records, none of them twice, in random order, how their odds were raked)."""
        odds, factor = raked(self._score(records).exp(), records.groups, frequencies(records.book))
        chance = chances(odds, n)
        raking = Raking(factor=factor, most=float((odds / chance).min()))
        return records.take(chosen(chance, n, random)), raking

    def log_odds(self, records: Records, raking: Raking) -> Tensor:
        """(B,) float64 logarithms of odds by which records count as free ones do that were raked so."""
        odds = self._score(records) + torch.log(raking.factor)[records.groups].sum(1)
        return odds.clamp_max(math.log(raking.most))

    def _score(self, records: Records) -> Tensor:
        """(B,) float64 logarithms of the odds that the trees give, cut."""
        return self.trees.scores(records.ranks[:-1].T.float())[:, 0].double().clamp(-STEEPEST, STEEPEST)

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return arrays_of(self.trees)

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> LastCritic:
        """The critic in an untrusted file, for columns with so many codes. Raises ArtifactError where it is none."""
        return LastCritic(trees=Boosted.from_tensors(PART, tensors, len(widths), 1, MOST_ROUNDS))


def made_for(n: int) -> int:
    """How many records are to be made where `n` are to be kept."""
    return max(SPARE * n, FEWEST_MADE)


def frequencies(book: Codebook) -> Tensor:
    """(G,) float64, the share of the training records in each group of codes."""
    counts = book.counts[book.ranking.order].double()
    total = counts.sum() / book.layout.columns
    return torch.zeros(int(book.group.max()) + 1, dtype=torch.float64).index_add_(0, book.group, counts) / total


def raked(odds: Tensor, groups: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """((B,) odds by which (B, C) groups of codes are about as frequent as wanted, (G,) by what each group was raised).

    Iterative proportional fitting (Deming & Stephan 1940).
    """
    factor = torch.ones_like(wanted)
    for _ in range(RAKING):
        for own in groups.T:
            have = torch.zeros_like(wanted).index_add_(0, own, odds) * (len(odds) / odds.sum())
            step = ((len(odds) * wanted + SURE) / (have + SURE)).clamp(1 / STEP, STEP)
            odds = odds * step[own]
            factor = torch.where(have > 0, factor * step, factor)
    return odds, factor


def chances(odds: Tensor, n: int) -> Tensor:
    """(B,) how likely each of B records is one of `n` that are kept: its share of the odds, but 1 at most."""
    chance = (n * odds / odds.sum()).clamp_max(1.0)
    for _ in range(FILLING):
        rest = chance < 1
        missing = n - float(chance.sum())
        if missing < 0.5 / len(odds) or not bool(rest.any()):
            break
        chance = torch.where(rest, chance * (1 + missing / chance[rest].sum()), chance).clamp_max(1.0)
    return chance


def chosen(chance: Tensor, n: int, random: torch.Generator) -> Tensor:
    """(n,) places, each once at most and about as often as its (B,) chance says (Kitagawa 1996)."""
    order = torch.randperm(len(chance), generator=random)
    upto = torch.cumsum(chance[order], 0)
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) * (
        upto[-1] / n
    )
    return order[torch.searchsorted(upto, points, right=True).clamp_max(len(chance) - 1)]


def fit_last_critic(real: Ranks, made: Ranks, rng: np.random.Generator) -> LastCritic | None:
    """The critic of (records, C) ranks of both kinds; None where it tells them apart by next to nothing.

    Both kinds weigh the same, however many records there are of each, and of the records in a leaf LEAF_RECORDS are
    real, about. Records that it does not see tell after how many rounds it is best.
    """
    ranks = np.concatenate([real, made])
    columns = open_columns(ranks)
    is_real = np.r_[np.ones(len(real)), np.zeros(len(made))]
    if not len(columns):
        return None
    ranks = ranks[:, columns]
    booster = HistGradientBoostingClassifier(
        max_iter=MOST_ROUNDS,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        max_depth=DEPTH,
        min_samples_leaf=LEAF_RECORDS * len(ranks) // len(real),
        class_weight="balanced",
        early_stopping=True,
        validation_fraction=HELD_OUT,
        n_iter_no_change=PATIENCE,
        random_state=int(rng.integers(2**31)),
    )
    likelihood = booster.fit(ranks, is_real).validation_score_
    # the first value is of no round at all, which tells nothing apart
    if likelihood.max() - likelihood[0] < LEAST_GAIN:
        return None
    return LastCritic(trees=boosted_of(booster, columns, [0], 1))
