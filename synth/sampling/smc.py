"""Draws records that meet rare conditions, their other columns distributed as in free records that meet them.

The generator proposes many records, more of those that are likely to meet the conditions, and the fold of
`synth.chain.base` takes them through the same links as a free sample: sequential Monte Carlo.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from synth.chain.base import Allowed, Codebook, Conditional, Records, draw_allowed, fold, resample
from synth.chain.last_critic import Raking
from synth.encode.layout import Layout, draw_from_logits
from synth.gan.condition_vector import Conditions
from synth.gan.proposer import Proposer
from synth.missing import Missing, absences
from synth.model import TrainedModel

POOL, SPREAD = 4, 3
"""Candidates, and records that go through the whole chain, for each record that is wanted. Kept records are then worth
about half as many independent ones (benchmarks/LOG.md)."""
POOL_FIRST = 32
"""Candidates where conditions are on columns that no link redraws: records of one candidate are then more alike."""
COMMON, MOST_RARE = 0.01, 2.5
"""Where a smaller share would meet them, were columns independent, there are more, by this factor at most."""
POOL_FEWEST, SPREAD_FEWEST = 8192, 2048
"""So many at least, however few records are asked for."""
GUIDED = 0.7
"""Share of them that the generator chooses, by how likely it makes what is asked for."""
SOFTENED = 0.4
"""Power of that likelihood in this choice: redrawn columns follow it less closely than the generator's own."""
POOL_BATCH = 4096
"""Candidates generated at a time."""
POOL_CELLS = 20_000_000
"""Candidates times codes generated at a time, at most; and those whose logits are kept until some are chosen."""
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
    """How frequent such records are by the model's own estimate, on the candidates"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Request:
    """What records are drawn from, and what is allowed of them."""

    model: TrainedModel
    generator: Proposer
    frequencies: Conditions
    allowed: Mapping[int, Allowed]
    """By encoded column"""
    missing: Missing
    """The columns that are missing together"""
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


def draw_allowed_records(request: Request, n: int, random: torch.Generator, raking: Raking | None = None) -> Drawn:
    """`n` records that meet the conditions.

    With `raking` of free records, the last critic weighs them as it chooses among those.
    """
    critic = request.model.chain.critic
    judge = None if critic is None or raking is None else partial(critic.log_odds, raking=raking)
    weighs = judge is not None or any(link.weighs(request.allowed) for link in request.links)
    rare = min(max(COMMON / max(_independent(request), 1e-9), 1.0), MOST_RARE)
    many = max(round(SPREAD * rare * n), SPREAD_FEWEST) if weighs else n
    pool = max(round((POOL_FIRST if request.first else POOL) * rare * n), POOL_FEWEST)
    records, weight, probability = propose(request, pool, many, random)
    records, chance = fold(request.links, records, random, allowed=request.allowed, weight=weight, keep=n, judge=judge)
    return Drawn(codes=records.codes(), residuals=records.residuals, probability=probability * chance)


def propose(request: Request, pool: int, many: int, random: torch.Generator) -> tuple[Records, Tensor, float]:
    """(`many` records as the generator makes them, (many,) log-weights, how likely they met the first conditions).

    They are chosen from a `pool` of candidates.

    Given noise and condition the generator's columns are independent, so how likely it makes what is asked for is a
    product. Other columns are redrawn later: there the generator only says which records are worth following, for a
    share GUIDED of them (a defensive mixture, Hesterberg 1995), and weights undo that choice.
    """
    layout = request.book.layout
    made = _candidates(request, pool, random)
    weight, guide = made.weight, made.guide
    likely = torch.logsumexp(weight, 0) - math.log(len(weight))
    guide = SOFTENED * guide
    usual = torch.logsumexp(weight + guide, 0) - torch.logsumexp(weight, 0)
    mixed = torch.log(1 - GUIDED + GUIDED * torch.exp((guide - usual).clamp_max(MOST_GUIDED)))
    chosen = resample(weight + mixed, many, random)
    missing = request.missing.without(request.allowed)
    parts = []
    for some in torch.split(chosen, batch_of(layout)):
        logits, residuals = made.proposed(request.generator, some)
        absent = absences(missing, logits, layout, random)
        codes = draw_from_logits(logits, layout, random, absent)
        for column, each in request.first.items():
            codes[:, column] = draw_allowed(_of_column(logits, column, layout), each.shares, random)
        parts.append(Records.of(codes, request.book, settled=absent, proposed=residuals))
    return replace(Records.joined(parts), even=False), -mixed[chosen], float(torch.exp(likely))


def batch_of(layout: Layout) -> int:
    """Candidates generated at a time."""
    return max(1, min(POOL_BATCH, POOL_CELLS // layout.codes))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Candidates:
    """What the generator makes records from, and how likely each meets the conditions."""

    noise: Tensor
    """(B, noise)"""
    condition: Tensor
    """(B,)"""
    weight: Tensor
    """(B,) float64 log-likelihood of the first conditions"""
    guide: Tensor
    """(B,) the same of the later ones"""
    logits: Tensor | None
    """(B, D), where there is room to keep them"""
    residuals: Tensor | None
    """(B, R), of a generator that proposes them"""

    def proposed(self, generator: Proposer, some: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the generator proposes of some of the candidates, generated again where it was not kept."""
        if self.logits is None:
            return generator.propose(self.noise[some], self.condition[some])
        return self.logits[some], None if self.residuals is None else self.residuals[some]


def _candidates(request: Request, pool: int, random: torch.Generator) -> _Candidates:
    """`pool` candidates.

    They are drawn as those of a free sample: to generate more of them under the codes that are asked for gains next to
    nothing, as most records that meet the conditions were generated under codes of other columns.
    """
    layout, generator = request.book.layout, request.generator
    keeps = pool * layout.codes <= POOL_CELLS
    parts: list[tuple[Tensor, ...]] = []
    proposed: list[tuple[Tensor, Tensor | None]] = []
    for begin in range(0, pool, batch_of(layout)):
        some = min(batch_of(layout), pool - begin)
        condition = request.frequencies.draw(some, random)
        noise = torch.randn(some, generator.noise, generator=random)
        logits, residuals = generator.propose(noise, condition)
        likely = (_likely(logits, each, layout) for each in (request.first, request.later))
        parts.append((noise, condition, *likely))
        proposed += [(logits, residuals)] if keeps else []
    noise, condition, weight, guide = (torch.cat(part) for part in zip(*parts, strict=True))
    drawn = [residuals for _, residuals in proposed if residuals is not None]
    return _Candidates(
        noise=noise,
        condition=condition,
        weight=weight,
        guide=guide,
        logits=torch.cat([logits for logits, _ in proposed]) if keeps else None,
        residuals=torch.cat(drawn) if drawn else None,
    )


def _likely(logits: Tensor, allowed: Mapping[int, Allowed], layout: Layout) -> Tensor:
    """(B,) float64 logarithms of how likely (B, D) logits of independent columns make what is allowed."""
    met = torch.zeros(len(logits), dtype=torch.float64)
    for column, each in allowed.items():
        met += torch.log((_of_column(logits, column, layout) @ each.shares).clamp_min(1e-30))
    return met


def _independent(request: Request) -> float:
    """The share of records that would meet the conditions, were columns independent."""
    share = 1.0
    for column, each in request.allowed.items():
        start = int(request.book.layout.starts[column])
        counted = request.model.counts[start : start + len(each.shares)].double()
        share *= float((counted @ each.shares) / counted.sum().clamp_min(1))
    return share


def _of_column(logits: Tensor, column: int, layout: Layout) -> Tensor:
    """(B, width) float64 probabilities of the codes of one column, by (B, D) logits of all."""
    start = int(layout.starts[column])
    return torch.softmax(logits[:, start : start + layout.sizes[column]].double(), 1)
