"""Draws records that meet rare conditions: each of them exactly, and the rest as in a free sample's that meet them.

The generator proposes many records, more of those that are likely to meet the conditions, and the fold of
`synth.chain.base` takes them through the same links as a free sample: sequential Monte Carlo.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from synth.chain.base import Allowed, Codebook, Conditional, Records, draw_allowed, fold, resample
from synth.encode.layout import Layout, draw_codes, softmax_by_column
from synth.gan.condition_vector import Conditions
from synth.model import TrainedModel

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
class Request:
    """What records are drawn from, and what is allowed of them."""

    model: TrainedModel
    frequencies: Conditions
    allowed: Mapping[int, Allowed]
    """By encoded column"""
    links: tuple[Conditional, ...]
    """The chain, without the dependencies of columns that conditions set apart from their sources"""
    book: Codebook

    @property
    def later(self) -> dict[int, Allowed]:
        """What is allowed of columns that a link redraws; of the target last."""
        target, redrawn = self.model.chain.target, {link.column for link in self.links}
        last = None if target is None else target.column
        order = sorted((column for column in self.allowed if column in redrawn), key=lambda column: column == last)
        return {column: self.allowed[column] for column in order}

    @property
    def first(self) -> dict[int, Allowed]:
        """What is allowed of columns of which the generator has the last word."""
        later = self.later
        return {column: each for column, each in self.allowed.items() if column not in later}


def draw_allowed_records(request: Request, n: int, random: torch.Generator) -> Drawn:
    """`n` records that meet the conditions."""
    weighs = any(link.weighs(request.allowed) for link in request.links)
    many = max(SPREAD * n, SPREAD_FEWEST) if weighs else n
    codes, residuals, weight, probability = propose(request, n, many, random)
    records = Records.of(codes, request.book, proposed=residuals)
    records, chance = fold(request.links, records, random, allowed=request.allowed, weight=weight, keep=n)
    return Drawn(codes=records.codes(), residuals=records.residuals, probability=probability * chance)


def propose(
    request: Request, n: int, many: int, random: torch.Generator
) -> tuple[Tensor, Tensor | None, Tensor, float]:
    """((many, C) codes as the generator makes them, (many, R) residuals where it makes them too, (many,) log-weights,
    how likely they met the first conditions).

    Given noise and condition the generator's columns are independent, so how likely it makes what is asked for is a
    product. Other columns are redrawn later: there the generator only says which records are worth following, for a
    share GUIDED of them (a defensive mixture, Hesterberg 1995), and weights undo that choice.
    """
    model, layout = request.model, request.book.layout
    noise, condition, weight, guide = _candidates(request, n, random)
    likely = torch.logsumexp(weight, 0) - math.log(len(weight))
    usual = torch.logsumexp(weight + guide, 0) - torch.logsumexp(weight, 0)
    mixed = torch.log(1 - GUIDED + GUIDED * torch.exp((guide - usual).clamp_max(MOST_GUIDED)))
    chosen = resample(weight + mixed, many, random)
    parts, placed = [], list[Tensor]()
    for some in torch.split(chosen, max(1, min(POOL_BATCH, POOL_CELLS // layout.codes))):
        logits, residuals = model.generator.propose(noise[some], condition[some])
        probabilities = softmax_by_column(logits, layout)
        codes = draw_codes(probabilities, layout, random)
        for column, each in request.first.items():
            codes[:, column] = draw_allowed(_of_column(probabilities, column, layout), each.shares, random)
        parts.append(codes)
        placed += [] if residuals is None else [residuals]
    return torch.cat(parts), torch.cat(placed) if placed else None, -mixed[chosen], float(torch.exp(likely))


def _candidates(request: Request, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(noise, condition, log-weight by the first conditions, the same by the later ones) of candidates.

    Half of them are generated under selected codes as conditions, where such records are frequent; as the generator's
    columns agree with the table only over all conditions together, weights undo that choice.
    """
    model, frequencies, layout = request.model, request.frequencies, request.book.layout
    first, later = request.first, request.later
    share = torch.diff(frequencies.cumulative, prepend=torch.zeros(1, dtype=torch.float64))
    own, held = _selected(model.counts, request.allowed, layout)
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


def _likely(probabilities: Tensor, allowed: Mapping[int, Allowed], layout: Layout) -> Tensor:
    """(B,) float64 logarithms of how likely (B, D) probabilities of independent columns make what is allowed."""
    met = torch.zeros(len(probabilities), dtype=torch.float64)
    for column, each in allowed.items():
        met += torch.log((_of_column(probabilities, column, layout) @ each.shares).clamp_min(1e-30))
    return met


def _selected(counts: Tensor, allowed: Mapping[int, Allowed], layout: Layout) -> tuple[Tensor, float]:
    """((D,) a distribution over the allowed codes, columns alike; the share of records were columns independent)."""
    own = torch.zeros(layout.codes, dtype=torch.float64)
    independent = 1.0
    for column, each in allowed.items():
        counted = _of_column(counts[None, :], column, layout)[0]
        mass = counted * each.shares
        independent *= float(mass.sum() / counted.sum().clamp_min(1))
        mass = mass if float(mass.sum()) > 0 else each.shares
        start = int(layout.starts[column])
        own[start : start + len(mass)] += mass / mass.sum() / len(allowed)
    return own, independent


def _of_column(flat: Tensor, column: int, layout: Layout) -> Tensor:
    """(B, width) float64 of (B, D): the codes of one column."""
    start = int(layout.starts[column])
    return flat[:, start : start + layout.sizes[column]].double()
