"""Draws records that meet rare conditions: each of them exactly, and the rest as the chain has it given what they ask.

The generator proposes many noises, and those are taken that make what is asked for likely (importance resampling).
Records begin as the generator makes them from there, with what is asked for. Then each column is redrawn given the
others, and a column under a condition from what is allowed of it: Gibbs sweeps in which every record meets the
conditions throughout. That takes less than twice the time of a free sample, and comes as close to the real records that
meet the conditions as those of a free sample that do, see benchmarks/LOG.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from synth.chain.base import Allowed, Codebook, Conditional, Records, draw_allowed, resample
from synth.chain.forest_column import ForestColumn
from synth.encode.layout import Layout, draw_from_logits
from synth.gan.condition_vector import Conditions
from synth.gan.proposer import Proposer
from synth.model import TrainedModel

HITS = 500
"""Noises of a pool that make what is asked for likely: a pool has enough for so many, by how frequent records are."""
POOL_LEAST, POOL_MOST = 8_192, 64
"""Noises of a pool at least, and for each record at most."""
POOL_BATCH = 4_096
"""Noises of which logits are made at a time."""
CELLS = 20_000_000
"""Records times codes at a time, at most."""
BATCH = 4_096
"""Records that the chain takes at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Records that meet the conditions."""

    codes: Tensor
    """(n, C)"""
    residuals: Tensor
    """(n, R)"""
    probability: float
    """How frequent such records are by the generator's reckoning, estimated on the pool"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Request:
    """What records are drawn from, and what is allowed of them."""

    model: TrainedModel
    generator: Proposer
    frequencies: Conditions
    allowed: Mapping[int, Allowed]
    """By encoded column"""
    links: tuple[Conditional, ...]
    """The chain, without the dependencies of columns that conditions set apart from their sources"""
    book: Codebook


def draw_allowed_records(request: Request, n: int, random: torch.Generator) -> Drawn:
    """`n` records that meet the conditions."""
    codes, residuals, probability = propose(request, n, random)
    placed = [None] * -(-max(n, 1) // BATCH) if residuals is None else torch.split(residuals, BATCH)
    whole = zip(torch.split(codes, BATCH), placed, strict=True)
    parts = [sweep(request, Records.of(some, request.book, proposed=own), random) for some, own in whole]
    return Drawn(
        codes=torch.cat([part.codes() for part in parts]),
        residuals=torch.cat([part.residuals for part in parts]),
        probability=probability,
    )


def sweep(request: Request, records: Records, random: torch.Generator) -> Records:
    """The records after two sweeps, which change them in place.

    The first is by the forest alone: it takes the generator's own blur out of what the second one sees.
    """
    for link in request.links:
        if isinstance(link, ForestColumn):
            link.draw(records, request.allowed, random)
    for link in request.links:
        link.draw(records, request.allowed, random)
    return records


def propose(request: Request, n: int, random: torch.Generator) -> tuple[Tensor, Tensor | None, float]:
    """((n, C) codes that the generator makes of what is allowed, (n, R) residuals where it makes them too, how likely
    it makes what is allowed).

    Given noise and condition its columns are independent, so how likely it makes what is asked for is a product.
    """
    layout = request.book.layout
    noise, condition, weight = _pool(request, n, random)
    chosen, parts, placed = resample(weight, n, random), list[Tensor](), list[Tensor]()
    for some in torch.split(chosen, max(1, min(POOL_BATCH, CELLS // layout.codes))):
        logits, residuals = request.generator.propose(noise[some], condition[some])
        placed += [] if residuals is None else [residuals]
        codes = draw_from_logits(logits, layout, random)
        for column, each in request.allowed.items():
            own = torch.softmax(_of_column(logits, column, layout), 1)
            codes[:, column] = draw_allowed(own, each.shares, random)
        parts.append(codes)
    likely = float(torch.exp(torch.logsumexp(weight, 0) - math.log(len(weight))))
    return torch.cat(parts), torch.cat(placed) if placed else None, likely


def _pool(request: Request, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(noises, conditions, log-weights by how likely the generator makes what is allowed from each).

    Half of them are made under selected codes as conditions, where such records are frequent; as the generator's
    columns agree with the table only over all conditions together, weights undo that choice.
    """
    net, frequencies, layout = request.generator, request.frequencies, request.book.layout
    share = torch.diff(frequencies.cumulative, prepend=torch.zeros(1, dtype=torch.float64))
    own, held = _selected(request.model.counts, request.allowed, layout)
    drawn_share = 0.5 * share + 0.5 * own
    counted = torch.log((share / drawn_share.clamp_min(1e-300)).clamp_min(1e-30))
    own_sum = torch.cumsum(own, 0)
    pool = int(max(POOL_LEAST, n, min(HITS / max(held, 1e-9), POOL_MOST * n)))
    size = max(1, min(POOL_BATCH, CELLS // layout.codes))
    noises, conditions, weights = [], [], []
    for begin in range(0, pool, size):
        some = min(size, pool - begin)
        at = torch.rand(some, generator=random, dtype=torch.float64) * own_sum[-1]
        selected = torch.searchsorted(own_sum, at, right=True).clamp_max(layout.codes - 1)
        as_is = torch.rand(some, generator=random) < 0.5
        condition = torch.where(as_is, frequencies.draw(some, random), selected)
        noise = torch.randn(some, net.noise, generator=random)
        noises.append(noise)
        conditions.append(condition)
        weights.append(counted[condition] + _likely(net.logits(noise, condition), request.allowed, layout))
    return torch.cat(noises), torch.cat(conditions), torch.cat(weights)


def _likely(logits: Tensor, allowed: Mapping[int, Allowed], layout: Layout) -> Tensor:
    """(B,) float64 logarithms of how likely (B, D) logits of independent columns make what is allowed."""
    met = torch.zeros(len(logits), dtype=torch.float64)
    for column, each in allowed.items():
        own = _of_column(logits, column, layout)
        met += torch.logsumexp(own + torch.log(each.shares), 1) - torch.logsumexp(own, 1)
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
