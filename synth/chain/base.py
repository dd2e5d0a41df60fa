"""The chain of conditionals: each link redraws one column of records given the rest, and a fold takes records through.

The generator proposes records whose columns are independent given its noise. Redrawing them one after another, each
given all others, is fully conditional specification (van Buuren 2007), one sweep of a Gibbs sampler. Under conditions
the same links draw from what is allowed, a record counts by how likely that was (likelihood weighting, Shachter & Peot
1990), and records are resampled by these weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from synth.encode.layout import Absent, Layout
from synth.encode.ranking import Ranking

LEAST_CHANCE, TINY = 1e-9, 1e-300
"""What is impossible for a record counts as so likely, in parts of what is likeliest: conditions are met anyhow."""
NARROW = 1e-6
"""A range of ranks inside of a piece counts as so wide, at least."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Codebook:
    """What the D codes of C columns mean."""

    layout: Layout
    ranking: Ranking
    group: Tensor
    """(D,) int64, the group of each rank, column after column; groups are numbered through all columns"""
    counts: Tensor
    """(D,) int64, training records with each code"""
    pieces: Tensor
    """(D,) bool, whether a code is a mode piece"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Allowed:
    """What a condition lets one column be."""

    shares: Tensor
    """(width,) float64, how much of each code is allowed: 0, 1, or a part of a piece"""
    low: Tensor
    """(width,) the least residual allowed of each code"""
    high: Tensor
    """(width,) the greatest"""

    def place(self, residual: Tensor, code: Tensor) -> Tensor:
        """(B,) residuals in [-1, 1] moved to between the ends, by the (B,) codes that they belong to."""
        low, high = self.low[code], self.high[code]
        return torch.minimum(low + (residual + 1) / 2 * (high - low), high)

    def clamp(self, residual: Tensor, code: Tensor) -> Tensor:
        """(B,) residuals of which those beyond an end lie on it."""
        return torch.minimum(torch.maximum(residual, self.low[code]), self.high[code])

    def ends(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """((B,) float64 the lower end inside of each piece, from 0 to 1, (B,) the upper one)."""
        low, high = ((end[code].double() + 1) / 2 for end in (self.low, self.high))
        low = torch.minimum(low, torch.full_like(low, 1 - NARROW))
        return low, torch.maximum(high, low + NARROW)

    def holds(self, residual: Tensor, code: Tensor) -> Tensor:
        """(B,) whether residuals lie between the ends."""
        return (residual >= self.low[code]) & (residual <= self.high[code])


@dataclass(kw_only=True, slots=True, eq=False)
class Records:
    """B records, which links change in place."""

    ranks: Tensor
    """(C + 1, B) int64, the rank of each code; a tree that sees a prediction of its column finds it in the last row"""
    groups: Tensor
    """(B, C) int64, the groups of the ranks"""
    residuals: Tensor
    """(B, R) float32 in [-1, 1], where inside of its piece each value lies"""
    proposed: bool = False
    """Whether the generator proposed the residuals: those of columns without trees then stay"""
    settled: Mapping[int, Absent] = field(default_factory=dict)
    """By column: records in which its value is missing, and no others are to be"""
    held: Tensor | None = None
    """(B, C) bool, which cells are given: their residuals stay; see `synth.uses.complete`"""
    even: bool = True
    """Whether ranks are drawn to be as frequent among the records as they are likely (`synth.chain.stratified`). Where
    records are weighed and few are kept, that costs time and gains nothing"""
    book: Codebook

    @staticmethod
    def of(
        codes: Tensor,
        book: Codebook,
        residuals: Tensor | None = None,
        settled: Mapping[int, Absent] | None = None,
        *,
        proposed: Tensor | None = None,
    ) -> Records:
        """Records of (B, C) codes and (B, R) residuals, all in the middle where there are none yet.

        `proposed` are residuals that came with the codes from a generator that draws both.
        """
        starts = book.layout.starts
        ranks = (book.ranking.place[codes + starts] - starts).T
        groups = book.group[ranks.T + starts]
        residuals = residuals if proposed is None else proposed
        if residuals is None:
            residuals = torch.zeros(len(codes), len(book.layout.residual_columns))
        ranks = torch.cat([ranks, torch.zeros_like(ranks[:1])])
        return Records(
            ranks=ranks,
            groups=groups,
            residuals=residuals,
            proposed=proposed is not None,
            settled=settled or {},
            book=book,
        )

    @staticmethod
    def joined(parts: Sequence[Records]) -> Records:
        """One after another, one at least; of records that the generator made, of which no cells are given."""
        first = parts[0]
        settled = {
            column: replace(each, where=torch.cat([part.settled[column].where for part in parts]))
            for column, each in first.settled.items()
        }
        return replace(
            first,
            ranks=torch.cat([part.ranks for part in parts], 1),
            groups=torch.cat([part.groups for part in parts]),
            residuals=torch.cat([part.residuals for part in parts]),
            settled=settled,
        )

    @property
    def count(self) -> int:
        """B."""
        return len(self.groups)

    def codes(self) -> Tensor:
        """(B, C) int64."""
        starts = self.book.layout.starts
        return self.book.ranking.order[self.ranks[:-1].T + starts] - starts

    def code(self, column: int) -> Tensor:
        """(B,) the codes of one column."""
        start = self.book.layout.starts[column]
        return self.book.ranking.order[start + self.ranks[column]] - start

    def rank_of(self, column: int, codes: Tensor) -> Tensor:
        """(B,) the ranks of (B,) codes of one column."""
        start = self.book.layout.starts[column]
        return self.book.ranking.place[start + codes] - start

    def put(self, column: int, ranks: Tensor) -> None:
        """The (B,) ranks become the column's."""
        ranks = ranks.clamp_max(self.book.layout.sizes[column] - 1)
        self.ranks[column] = ranks
        self.groups[:, column] = self.book.group[self.book.layout.starts[column] + ranks]

    def put_settled(self, column: int, ranks: Tensor) -> None:
        """The same, but where missing values are settled they neither come nor go."""
        if column in self.settled:
            ranks, before = ranks.clamp_max(self.book.layout.sizes[column] - 1), self.ranks[column]
            missing = self.rank_of(column, torch.tensor(self.settled[column].code))
            ranks = torch.where((before == missing) | (ranks == missing), before, ranks)
        self.put(column, ranks)

    def forget(self, column: int) -> None:
        """What a record has in the column itself says nothing about what is drawn."""
        self.groups[:, column] = self.book.group[self.book.layout.starts[column]]

    def take(self, chosen: Tensor) -> Records:
        """Those of (N,) places."""
        settled = {c: replace(each, where=each.where[chosen]) for c, each in self.settled.items()}
        return replace(
            self,
            ranks=self.ranks[:, chosen],
            groups=self.groups[chosen],
            residuals=self.residuals[chosen],
            settled=settled,
            held=None if self.held is None else self.held[chosen],
        )


class Conditional(Protocol):
    """A link: how one column, or what residuals lie inside of pieces, is distributed given the rest of a record."""

    @property
    def column(self) -> int | None:
        """The encoded column that it redraws; None where it draws residuals."""

    def weighs(self, allowed: Mapping[int, Allowed]) -> bool:
        """Whether records count by what it draws, where columns are only `allowed` to be so."""

    def draw(self, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> Tensor | None:
        """Redraws in place, from what is `allowed` of the column, if anything is said of it.

        (B,) float64 log-weights of the records, by how likely the link draws what is allowed; None where nothing is.
        """

    def log_prob(self, records: Records) -> Tensor:
        """(B,) float64 log-likelihood of what each record has, given the rest; -inf where it is never drawn.

        Of residuals the density counts, in parts of that of uniform ones. Records are as they were afterwards.
        """


def fold(
    links: Sequence[Conditional],
    records: Records,
    random: torch.Generator,
    *,
    allowed: Mapping[int, Allowed] | None = None,
    weight: Tensor | None = None,
    keep: int | None = None,
    judge: Callable[[Records], Tensor] | None = None,
) -> tuple[Records, float]:
    """(the records after each link has redrawn its column, how likely it was that they met what is allowed).

    Records begin with (B,) log-weights `weight`. After the last link that weighs, `keep` of them are resampled. A
    `judge` of whole records gives (B,) log-weights as well, once all columns are drawn: none is resampled before.
    """
    allowed = allowed or {}
    weight = torch.zeros(records.count, dtype=torch.float64) if weight is None else weight
    last = max((number for number, link in enumerate(links) if link.weighs(allowed)), default=None)
    judged = max((number for number, link in enumerate(links) if link.column is not None), default=0)
    if judge is not None:
        last = judged if last is None else max(last, judged)
    chance, odds = 1.0, torch.zeros_like(weight)
    for number, link in enumerate(links):
        likely = link.draw(records, allowed, random)
        weight = weight if likely is None else weight + likely
        if judge is not None and number == judged:
            odds = judge(records)
        if number == last:
            keep = records.count if keep is None else keep
            chance, records = float(torch.exp(weight).mean()), records.take(resample(weight + odds, keep, random))
            weight = torch.zeros(keep, dtype=torch.float64)
    return records, chance


def resample(weight: Tensor, n: int, random: torch.Generator) -> Tensor:
    """(n,) places, each as often as its share of (B,) log-weights asks for, up to rounding; in random order.

    Systematic resampling (Kitagawa 1996).
    """
    weights = torch.softmax(weight, 0)
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) / n
    cumulative = torch.cumsum(weights, 0)
    chosen = torch.searchsorted(cumulative / cumulative[-1], points).clamp_max(len(weights) - 1)
    return chosen[torch.randperm(n, generator=random)]


def log_weight(likely: Tensor) -> Tensor:
    """(B,) logarithms of (B,) probabilities, of which none is left at 0.

    A narrow range makes all of them small alike: what counts is how they compare.
    """
    return torch.log(likely.clamp_min(LEAST_CHANCE * float(likely.max())).clamp_min(TINY))


def draw_allowed(probabilities: Tensor, shares: Tensor, random: torch.Generator) -> Tensor:
    """(B,) codes of one column, by its (B, width) probabilities and the (width,) shares that are allowed."""
    cumulative = torch.cumsum(probabilities.clamp_min(1e-30) * shares, 1)
    at = torch.rand(len(cumulative), 1, generator=random, dtype=torch.float64) * cumulative[:, -1:]
    code = torch.searchsorted(cumulative, at, right=True)[:, 0]
    return code.clamp_max(int(torch.nonzero(shares)[-1]))
