"""Many small generators as one computation: every tensor has a leading dimension of M models, which share nothing else.

A shadow generator is the generator of `synth.gan.net` in small: noise and a condition through residual blocks with
batch norm to one logit for each code, trained on the one- and two-way tables of its records.
Residuals are uniform, as they are over all records of a mode piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from synth.encode.layout import Layout, one_hot, softmax_by_column

EPSILON = 0.002
"""Added to a cell's frequency in the denominator, so that rare cells do not rule the loss."""
CHUNK = 8192
"""Records that are one-hot at the same time."""
WARM_UP = 50
Stats = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShadowGoals:
    """What M generators have to match: the tables of the common records, plus a few records of each one's own."""

    layout: Layout
    member: Tensor
    """(M, T) 1 where a generator learns a target record"""
    records: Tensor
    """(M,) how many records each learns"""
    pairs: Tensor
    """(M, D, D) share of each generator's records that have both codes; the share that has one on the diagonal"""
    common: Tensor
    """(D, D) how many of the common records have both codes"""
    common_records: int
    targets: Tensor
    """(T, D) the target records, one-hot"""
    across: Tensor
    """(D, D) 1 between different columns, 0 inside one"""

    @property
    def columns(self) -> int:
        """How many columns are matched."""
        return self.layout.columns

    def for_members(self, member: Tensor) -> ShadowGoals:
        """The goals of other generators on the same records."""
        own = (self.targets * member[:, :, None]).transpose(1, 2) @ self.targets
        records = self.common_records + member.sum(1)
        pairs = (self.common + own) / records[:, None, None]
        return replace(self, member=member, records=records, pairs=pairs)


def make_goals(base: Tensor, targets: Tensor, member: Tensor, layout: Layout) -> ShadowGoals:
    """The goals of generators that learn (records, C) codes and those of (T, C) targets where (M, T) `member` says so.

    The tables of the common records are counted once; each target adds the outer product of its one-hot record, so a
    generator's tables are a sum of rank-one updates and equal those counted on its own records.
    """
    hot = one_hot(targets, layout)
    counts = _count(base, layout)
    empty = ShadowGoals(
        layout=layout,
        member=member[:0],
        records=torch.zeros(0, device=layout.device),
        pairs=counts[None, :0],
        common=counts,
        common_records=len(base),
        targets=hot,
        across=(layout.column[:, None] != layout.column[None, :]).float(),
    )
    return empty.for_members(member)


def _count(codes: Tensor, layout: Layout) -> Tensor:
    """(D, D) records that have both codes."""
    total = torch.zeros(layout.codes, layout.codes, device=layout.device)
    for begin in range(0, len(codes), CHUNK):
        hot = one_hot(codes[begin : begin + CHUNK], layout)
        total += hot.T @ hot
    return total


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShadowConditions:
    """For each generator a distribution over flat codes: a column drawn uniformly, then a code of it."""

    cumulative: Tensor
    """(M, D) float64, ending in 1"""
    weights: Tensor
    """(M, D) true over drawn frequency"""

    def draw(self, n: int, random: torch.Generator) -> Tensor:
        """(M, n) flat codes."""
        shape = (len(self.cumulative), n)
        share = torch.rand(shape, generator=random, device=self.cumulative.device, dtype=torch.float64)
        return torch.searchsorted(self.cumulative, share, right=True).clamp_max(self.cumulative.shape[1] - 1)


def shadow_conditions(goals: ShadowGoals, log_share: float) -> ShadowConditions:
    """Conditions of which `log_share` are drawn by log-frequency (Xu et al. 2019, section 4.3), the others as they are.

    Each generator draws by the frequencies of its own records: training-by-sampling is one of the ways in which a
    single record can show.
    """
    layout = goals.layout
    member, column = layout.member.double(), layout.column
    counts = (goals.pairs.diagonal(dim1=1, dim2=2) * goals.records[:, None]).double().round()
    true = counts / (counts @ member)[:, column].clamp_min(1)
    logs = torch.log1p(counts)
    skewed = logs / (logs @ member)[:, column].clamp_min(1e-12)
    varied = (layout.widths > 1).double()
    usable = varied if bool(varied.any()) else torch.ones_like(varied)
    drawn = (1 - log_share) * true + log_share * skewed
    cumulative = torch.cumsum(drawn * usable[column] / usable.sum(), 1)
    weights = torch.where(drawn > 0, true / drawn.clamp_min(1e-30), 0.0)
    return ShadowConditions(cumulative=(cumulative / cumulative[:, -1:]).contiguous(), weights=weights.float())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShadowNets:
    """The weights of M generators."""

    entry: Tensor
    """(M, noise, width)"""
    condition: Tensor
    """(M, D, width)"""
    inner: Tensor
    """(2 blocks, M, width, width)"""
    scales: Tensor
    """(2 blocks + 1, M, 1, width) of the batch norms"""
    shifts: Tensor
    """the same"""
    exit: Tensor
    """(M, width, D)"""
    bias: Tensor
    """(M, 1, D)"""

    @property
    def noise(self) -> int:
        """Width of the noise."""
        return self.entry.shape[1]

    def weights(self) -> tuple[Tensor, ...]:
        """All of them, in the order of the fields."""
        return self.entry, self.condition, self.inner, self.scales, self.shifts, self.exit, self.bias

    def copy(self) -> ShadowNets:
        """The same weights in other tensors."""
        return _nets(*(weight.detach().clone() for weight in self.weights()))

    def only(self, model: int) -> ShadowNets:
        """One generator of them."""
        own = slice(model, model + 1)
        deep = (self.inner, self.scales, self.shifts)
        return _nets(*(w[:, own] if any(w is d for d in deep) else w[own] for w in self.weights()))

    def __call__(self, noise: Tensor, condition: Tensor, settled: Stats | None = None) -> tuple[Tensor, Stats]:
        """((M, B, D) logits, statistics of the batch norms) from (M, B, noise) and (M, B) flat codes.

        The batch norms use their own batch, each generator by itself, or the `settled` statistics where given.
        """
        models, codes, width = self.condition.shape
        offset = torch.arange(models, device=condition.device)[:, None] * codes
        hidden = noise @ self.entry + functional.embedding(condition + offset, self.condition.reshape(-1, width))
        stats: Stats = []
        for block in range(len(self.inner) // 2):
            inner = hidden
            for layer in (2 * block, 2 * block + 1):
                inner = functional.relu(self._norm(inner, layer, stats, settled)) @ self.inner[layer]
            hidden = hidden + inner
        out = functional.relu(self._norm(hidden, len(self.inner), stats, settled)) @ self.exit + self.bias
        return out, stats

    def _norm(self, hidden: Tensor, layer: int, stats: Stats, settled: Stats | None) -> Tensor:
        mean, variance = settled[layer] if settled else (hidden.mean(1, keepdim=True), hidden.var(1, keepdim=True))
        stats.append((mean, variance))
        return (hidden - mean) * torch.rsqrt(variance + 1e-5) * self.scales[layer] + self.shifts[layer]


def _nets(*weights: Tensor) -> ShadowNets:
    names = [each.name for each in fields(ShadowNets)]
    return ShadowNets(**dict(zip(names, weights, strict=True)))


def make_nets(goals: ShadowGoals, *, noise: int, width: int, blocks: int, random: torch.Generator) -> ShadowNets:
    """Fresh generators, drawn independently of one another, whose output starts at the frequencies of their records."""
    models, codes, device = len(goals.member), goals.layout.codes, goals.layout.device

    def uniform(*shape: int) -> Tensor:
        return (2 * torch.rand(shape, generator=random, device=device) - 1) / math.sqrt(shape[-2])

    counts = goals.pairs.diagonal(dim1=1, dim2=2) * goals.records[:, None]
    return ShadowNets(
        entry=uniform(models, noise, width),
        condition=torch.randn(models, codes, width, generator=random, device=device),
        inner=uniform(2 * blocks, models, width, width),
        scales=torch.ones(2 * blocks + 1, models, 1, width, device=device),
        shifts=torch.zeros(2 * blocks + 1, models, 1, width, device=device),
        exit=uniform(models, width, codes),
        bias=torch.log(counts + 0.5)[:, None, :],
    )


def rate_at(step: int, steps: int) -> float:
    """The learning rate as a share of the full one: a short rise, full to the middle, then falling to 2 %."""
    fraction = step / steps
    falling = 1.0 if fraction < 0.5 else 1.0 - 0.98 * (fraction - 0.5) / 0.5
    return min(1.0, (step + 1) / WARM_UP) * falling


def shadow_loss(
    nets: ShadowNets,
    goals: ShadowGoals,
    conditions: ShadowConditions,
    running: Tensor,
    *,
    batch: int,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """(a scalar whose gradient is each generator's own, (M, D, D) updated running tables) of one batch of each.

    Noise and conditions are drawn for each generator by itself: numbers in common would make two generators
    that differ by one record more alike than two that an attacker can train.
    """
    condition = conditions.draw(batch, random)
    shape = (len(condition), batch, nets.noise)
    logits, _ = nets(torch.randn(shape, generator=random, device=condition.device), condition)
    probabilities = softmax_by_column(logits.flatten(0, 1), goals.layout).view_as(logits)
    weights = conditions.weights.gather(1, condition)
    share = weights / weights.sum(1, keepdim=True)
    fixed = probabilities.detach()
    pull, running = table_pull(fixed, share, running, goals)
    hit = probabilities.gather(2, condition[:, :, None])
    crossed = -torch.log(hit.clamp_min(1e-12)).mean(1).sum()
    return (probabilities * pull).sum() + crossed, running


def table_pull(fixed: Tensor, share: Tensor, running: Tensor, goals: ShadowGoals) -> tuple[Tensor, Tensor]:
    """((M, B, D) gradient by the probabilities, updated running tables) of the loss on one- and two-way tables.

    Given its noise a generator's columns are independent, so P' diag(share) P estimates all two-way tables. The loss is
    sum((Q - T)^2 / (T + eps)) / 2 with Q averaged over batches. Its gradient is written down, not traced, as G is
    symmetric: two products of matrices instead of three, and nothing kept.
    """
    counted = fixed * share[:, :, None]
    table = (counted.transpose(1, 2) @ fixed) * goals.across + torch.diag_embed(counted.sum(1))
    running = 0.9 * running + 0.1 * table
    slope = (running - goals.pairs) / (goals.pairs + EPSILON) / goals.columns
    inside = slope.diagonal(dim1=1, dim2=2)[:, None, :]
    return share[:, :, None] * (2 * (fixed @ (slope * goals.across)) + inside), running
