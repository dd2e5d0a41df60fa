"""Draws records that meet rare conditions: each of them exactly, and the rest as in a free sample's that meet them.

What is drawn freely goes through the generator, the trees that draw its columns anew, and those of the target. Records
under conditions go the same way; where a column comes up that has to meet a condition, it is drawn from what does, and
the record counts by how likely that was (likelihood weighting, Shachter & Peot 1990). Records are chosen by these
weights when the last such column has been drawn, and go on from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from synth.chain.boosted_target import TargetTrees, draw_last
from synth.chain.forest import Turn
from synth.conditions import Given, ends_of
from synth.encode.layout import Layout, draw_codes, softmax_by_column
from synth.encode.ranking import Ranking
from synth.gan.condition_vector import Conditions
from synth.model import TrainedModel
from synth.sampling.wanted import Wanted, wanted_of

POOL_HITS, POOL_LEAST, POOL_MOST = 4, 8, 64
"""Candidates for each record that has to meet conditions: enough for so many to meet them, within these bounds."""
POOL_FEWEST = 8192
"""Candidates at least, however few records are asked for."""
SPREAD = 16
"""Records that go all the way, for each that is asked for."""
SPREAD_FEWEST = 2048
"""So many at least."""
GUIDED = 0.5
"""Share of them that the generator chooses, by how likely it makes what is asked for."""
POOL_BATCH = 8192
"""Candidates generated at a time."""
POOL_CELLS = 20_000_000
"""Candidates times codes generated at a time, at most."""
MOST_GUIDED = 30.0
"""Logarithm of how much likelier than usual a record may count in that choice."""
LEAST_CHANCE, TINY = 1e-9, 1e-300
"""What is impossible for a record counts as so likely, in parts of what is likeliest: conditions are met anyhow."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """Records that meet the conditions."""

    codes: Tensor
    """(n, C)"""
    residuals: Tensor
    """(n, R)"""
    probability: float
    """How frequent such records are by the model's own reckoning, estimated on the candidates"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Particles:
    """B records on their way, and what each of them counts."""

    codes: Tensor
    """(B, C)"""
    weight: Tensor
    """(B,) float64, logarithms"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Asked:
    """What records are drawn from, and what they have to meet."""

    model: TrainedModel
    frequencies: Conditions
    given: Sequence[Given]
    free: frozenset[int]
    """The followers that do not follow their sources"""
    ranking: Ranking
    pieces: Tensor
    """(D,) whether a flat code is a mode piece"""
    layout: Layout

    @property
    def last(self) -> Given | None:
        """What the target has to be, where trees draw it last."""
        trees = self.model.target
        return None if trees is None else next((g for g in self.given if g.column == int(trees.column)), None)

    @property
    def anew(self) -> Mapping[int, Given]:
        """What columns have to be that are drawn anew, by column."""
        columns, last = set(self.model.redraw.column.tolist()), self.last
        return {one.column: one for one in self.given if one.column in columns and one is not last}

    @property
    def later(self) -> tuple[Given, ...]:
        """What columns have to be of which the generator has not the last word."""
        last = self.last
        return (*self.anew.values(), *([] if last is None else [last]))

    @property
    def ranged(self) -> bool:
        """Whether trees draw where inside of its piece a quantity lies of which only a part will do."""
        columns = self.layout.residual_columns[self.model.residual.place].tolist()
        return any(one.column in columns and bool((one.shares % 1 > 0).any()) for one in self.given)

    @property
    def first(self) -> tuple[Given, ...]:
        """What the generator's columns have to be."""
        later = self.later
        return tuple(one for one in self.given if not any(one is other for other in later))

    def wanted(self, turn: Turn) -> Wanted:
        """What the column of a turn is drawn by to be as it has to."""
        shares, start = self.anew[turn.column].shares, int(self.layout.starts[turn.column])
        code = self.ranking.order[start : start + len(shares)]
        return wanted_of(self.model.redraw, turn, start, shares[code - start], self.model.counts[code].double())


def draw_given(asked: Asked, n: int, random: torch.Generator) -> Drawn:
    """`n` records that meet what is asked for."""
    model, layout, ranking, last = asked.model, asked.layout, asked.ranking, asked.last
    many = max(SPREAD * n, SPREAD_FEWEST) if asked.later or asked.ranged else n
    some, probability = _begun(asked, n, many, random)
    some, chance = _drawn_anew(asked, some, n if last is None and not asked.ranged else many, random)
    probability *= chance
    some = replace(some, codes=model.followers.follow(some.codes, asked.free))
    if last is not None and model.target is not None:
        some = _meet_last(model.target, some, last, asked, random)
    elif model.target is not None:
        some = replace(some, codes=draw_last(model.target, some.codes, ranking, layout, random))
    if not asked.ranged:
        some, chance = _taken(some, n, random)
        probability *= chance
    codes = model.followers.follow(some.codes, asked.free)
    residuals, likely = model.residual.draw(codes, asked.pieces, ends_of(asked.given), ranking, layout, random)
    if asked.ranged:
        chosen, chance = _chosen(some.weight + likely, n, random), float(torch.exp(some.weight + likely).mean())
        codes, residuals, probability = codes[chosen], residuals[chosen], probability * chance
    return Drawn(codes=codes, residuals=residuals, probability=probability)


def _taken(some: Particles, n: int, random: torch.Generator) -> tuple[Particles, float]:
    """(`n` of the records, chosen by weight, how likely it was that they met what is given)."""
    if len(some.codes) == n:
        return some, 1.0
    chosen = _chosen(some.weight, n, random)
    codes, chance = some.codes[chosen], float(torch.exp(some.weight).mean())
    return Particles(codes=codes, weight=torch.zeros(n, dtype=torch.float64)), chance


def _drawn_anew(asked: Asked, some: Particles, n: int, random: torch.Generator) -> tuple[Particles, float]:
    """(records whose columns are drawn anew, how likely it was that they met what is given).

    After the last column that is given there are `n` of them, chosen by weight.
    """
    redraw, given = asked.model.redraw, asked.anew
    if not len(redraw):
        return some, 1.0
    records = redraw.begin(some.codes, asked.ranking, asked.layout)
    weight, ahead, chance = some.weight, len(given), 1.0
    for turn in redraw.turns(asked.layout):
        leaf = redraw.reach(turn, records, random)
        if turn.column not in given:
            records.put(turn.column, redraw.draw(turn.inside, leaf, records.groups, random))
            continue
        drawn, likely = asked.wanted(turn).draw(turn.inside, leaf, records.groups, random)
        records.put(turn.column, drawn)
        weight, ahead = weight + _logarithm(likely), ahead - 1
        if not ahead and n < records.count:
            chance = float(torch.exp(weight).mean())
            records, weight = records.take(_chosen(weight, n, random)), torch.zeros(n, dtype=torch.float64)
    return Particles(codes=records.codes(), weight=weight), chance


def _meet_last(trees: TargetTrees, some: Particles, one: Given, asked: Asked, random: torch.Generator) -> Particles:
    """The records with a target drawn from what is given, which count by how likely that was."""
    start, ranking, starts = int(asked.layout.starts[one.column]), asked.ranking, asked.layout.starts
    ranks = ranking.place[some.codes + starts] - starts
    place = ranking.place[start : start + len(one.shares)] - start
    probabilities = trees.probabilities(ranks.float())[:, place].double()
    codes = some.codes.clone()
    codes[:, one.column] = _draw_inside(probabilities, one.shares, random)
    return Particles(codes=codes, weight=some.weight + _logarithm(probabilities @ one.shares))


def _begun(asked: Asked, n: int, many: int, random: torch.Generator) -> tuple[Particles, float]:
    """(`many` records as the generator makes them, how likely it was that they meet the first conditions).

    Given noise and condition the generator's columns are independent, so how likely it makes what is asked for is a
    product. Other columns are drawn again later: there the generator only says which records are worth following, for a
    share GUIDED of them (a defensive mixture, Hesterberg 1995), and weights undo that choice.
    """
    model, layout = asked.model, asked.layout
    noise, condition, weight, guide = _candidates(asked, n, random)
    likely = torch.logsumexp(weight, 0) - math.log(len(weight))
    usual = torch.logsumexp(weight + guide, 0) - torch.logsumexp(weight, 0)
    mixed = torch.log(1 - GUIDED + GUIDED * torch.exp((guide - usual).clamp_max(MOST_GUIDED)))
    chosen = _chosen(weight + mixed, many, random)
    parts = []
    for some in torch.split(chosen, max(1, min(POOL_BATCH, POOL_CELLS // layout.codes))):
        probabilities = softmax_by_column(model.generator(noise[some], condition[some]), layout)
        codes = draw_codes(probabilities, layout, random)
        for one in asked.first:
            codes[:, one.column] = _draw_inside(_of_column(probabilities, one, layout), one.shares, random)
        parts.append(codes)
    return Particles(codes=torch.cat(parts), weight=-mixed[chosen]), float(torch.exp(likely))


def _candidates(asked: Asked, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(noise, condition, log-weight by the first conditions, the same by the later ones) of candidates.

    Half of them are generated under selected codes as conditions, where such records are frequent; as the generator's
    columns agree with the table only over all conditions together, weights undo that choice.
    """
    model, frequencies, layout, first, later = asked.model, asked.frequencies, asked.layout, asked.first, asked.later
    share = torch.diff(frequencies.cumulative, prepend=torch.zeros(1, dtype=torch.float64))
    own, held = _selected(model.counts, asked.given, layout)
    drawn_share = 0.5 * share + 0.5 * own
    counted = torch.log((share / drawn_share.clamp_min(1e-300)).clamp_min(1e-30))
    own_sum = torch.cumsum(own, 0)
    pool = max(int(min(max(POOL_HITS / max(held, 1e-9), POOL_LEAST), POOL_MOST)) * n, POOL_FEWEST)
    size = max(1, min(POOL_BATCH, POOL_CELLS // layout.codes))
    noises, conditions, weights, guided = [], [], [], []
    for begin in range(0, pool, size):
        some = min(size, pool - begin)
        at = torch.rand(some, generator=random, dtype=torch.float64) * own_sum[-1]
        selected = torch.searchsorted(own_sum, at, right=True).clamp_max(layout.codes - 1)
        as_is = torch.rand(some, generator=random) < 0.5
        condition = torch.where(as_is, frequencies.draw(some, random), selected)
        noise = torch.randn(some, model.generator.noise, generator=random)
        probabilities = softmax_by_column(model.generator(noise, condition), layout)
        noises.append(noise)
        conditions.append(condition)
        weights.append(counted[condition] + _likely(probabilities, first, layout))
        guided.append(_likely(probabilities, later, layout))
    return torch.cat(noises), torch.cat(conditions), torch.cat(weights), torch.cat(guided)


def _logarithm(likely: Tensor) -> Tensor:
    """(B,) logarithms of (B,) probabilities, of which none is left at 0.

    A narrow range makes all of them small alike: what counts is how they compare.
    """
    return torch.log(likely.clamp_min(LEAST_CHANCE * float(likely.max())).clamp_min(TINY))


def _likely(probabilities: Tensor, given: Sequence[Given], layout: Layout) -> Tensor:
    """(B,) float64 logarithms of how likely (B, D) probabilities of independent columns make what is given."""
    met = torch.zeros(len(probabilities), dtype=torch.float64)
    for one in given:
        met += torch.log((_of_column(probabilities, one, layout) @ one.shares).clamp_min(1e-30))
    return met


def _selected(counts: Tensor, given: Sequence[Given], layout: Layout) -> tuple[Tensor, float]:
    """((D,) a distribution over the selected codes, columns alike; the share of records were columns independent)."""
    own = torch.zeros(layout.codes, dtype=torch.float64)
    independent = 1.0
    for one in given:
        counted = _of_column(counts[None, :], one, layout)[0]
        mass = counted * one.shares
        independent *= float(mass.sum() / counted.sum().clamp_min(1))
        mass = mass if float(mass.sum()) > 0 else one.shares
        start = int(layout.starts[one.column])
        own[start : start + len(mass)] += mass / mass.sum() / len(given)
    return own, independent


def _of_column(flat: Tensor, one: Given, layout: Layout) -> Tensor:
    """(B, width) float64 of (B, D): the codes of a given column."""
    start = int(layout.starts[one.column])
    return flat[:, start : start + len(one.shares)].double()


def _draw_inside(probabilities: Tensor, shares: Tensor, random: torch.Generator) -> Tensor:
    """(B,) codes of one column among the selected ones, from its (B, width) probabilities."""
    cumulative = torch.cumsum(probabilities.clamp_min(1e-30) * shares, 1)
    at = torch.rand(len(cumulative), 1, generator=random, dtype=torch.float64) * cumulative[:, -1:]
    code = torch.searchsorted(cumulative, at, right=True)[:, 0]
    return code.clamp_max(int(torch.nonzero(shares)[-1]))


def _chosen(weight: Tensor, n: int, random: torch.Generator) -> Tensor:
    """(n,) places, each as often as its share of (B,) log-weights asks for, up to rounding; in random order."""
    weights = torch.softmax(weight, 0)
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) / n
    cumulative = torch.cumsum(weights, 0)
    chosen = torch.searchsorted(cumulative / cumulative[-1], points).clamp_max(len(weights) - 1)
    return chosen[torch.randperm(n, generator=random)]
