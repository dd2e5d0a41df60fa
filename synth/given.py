"""Draws records that meet conditions: each of them exactly, and the other columns as they are given the conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from synth.artifact import TrainedModel
from synth.bounds import Range
from synth.condition import Conditions
from synth.config import TrainConfig
from synth.encode.table_encoder import TableEncoder
from synth.follow import NO_RULE, Followers
from synth.layout import Layout, draw_codes, softmax_by_column
from synth.leaves import Ranking
from synth.schema import ColumnRole, TableSchema
from synth.step import Material
from synth.tables import PAIR_RECORDS
from synth.target import TargetTrees

POOL_HITS, POOL_LEAST, POOL_MOST = 4, 8, 64
"""Candidates for each record that has to meet conditions: enough for so many to meet them, within these bounds."""
POOL_FEWEST = 1024
"""Candidates at least, however few records are asked for."""
LAST_POOL = 8
"""Records drawn for each that has to have a given target, where trees draw that last."""
POOL_BATCH = 8192
"""Candidates generated at a time."""
POOL_CELLS = 20_000_000
"""Candidates times codes generated at a time, at most."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Given:
    """What one column is given to be."""

    column: int
    shares: Tensor
    """(width,) float64, how much of each code is selected"""
    low: Tensor
    """(width,) the least residual inside"""
    high: Tensor
    """(width,) the greatest"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """Records that meet the conditions."""

    codes: Tensor
    """(n, C)"""
    residuals: Tensor
    """(n, R)"""
    probability: float
    """How frequent such records are by the model's own reckoning, estimated on the candidates"""


def given_of(encoder: TableEncoder, conditions: Mapping[str, str | Range]) -> tuple[Given, ...]:
    """The conditions in codes. Raises ConditionError where one selects nothing that the model may emit."""
    found = []
    for name, wanted in conditions.items():
        column, inside = encoder.inside(name, wanted)
        shares, low, high = (torch.from_numpy(part) for part in (inside.shares, inside.low, inside.high))
        found.append(Given(column=column, shares=shares, low=low, high=high))
    return tuple(found)


def by_sources(
    given: Sequence[Given], followers: Followers, layout: Layout
) -> tuple[tuple[Given, ...], frozenset[int]]:
    """(what the conditions ask of the sources of followers in place of these, the followers that are free of theirs).

    A follower agrees with its source, so a condition on it is one on the source. Where no code of the source meets it,
    alone or beside the source's own condition, both stay as they were asked for and do not follow.
    """
    asked = {one.column: one for one in given}
    free = set[int]()
    for source, column, code in zip(followers.source.tolist(), followers.column.tolist(), followers.code, strict=True):
        if column not in asked:
            continue
        own = asked.get(source)
        ruled = code[: int(layout.widths[source])]
        shares = torch.where(ruled == NO_RULE, 0.0, asked[column].shares[ruled.clamp_min(0)])
        shares = shares if own is None else shares * own.shares
        if not bool((shares > 0).any()):
            free.add(column)
            continue
        whole = torch.ones(len(shares), dtype=torch.float32)
        asked[source] = (
            replace(own, shares=shares) if own else Given(column=source, shares=shares, low=-whole, high=whole)
        )
        del asked[column]
    return tuple(asked.values()), frozenset(free)


def held_together(material: Material, schema: TableSchema, config: TrainConfig) -> Tensor | None:
    """(D, D) which two codes enough training records have together, see `TrainedModel.together`."""
    if material.tables is None or schema.with_role(ColumnRole.PERSON) is not None:
        return None
    return (material.tables.pairs * min(len(material.codes), PAIR_RECORDS) >= config.least - 0.5).cpu()


def too_rare(model: TrainedModel, given: Sequence[Given], probability: float, layout: Layout) -> bool:
    """Whether too few training records meet conditions that the model gives this probability.

    The model holds no records: it knows which two codes enough of them have together, and for the rest it is asked.
    """
    if probability * model.records < model.config.least:
        return True
    if model.together is None:
        return False
    selected = [int(layout.starts[one.column]) + torch.nonzero(one.shares)[:, 0] for one in given]
    return any(not bool(model.together[a][:, b].any()) for a, b in combinations(selected, 2))


def draw_given(
    model: TrainedModel,
    n: int,
    frequencies: Conditions,
    given: Sequence[Given],
    ranking: Ranking,
    layout: Layout,
    random: torch.Generator,
) -> Drawn:
    """`n` records by self-normalised importance sampling over noise and condition.

    Given both the columns are independent, so a candidate's weight is the product over the given columns of the
    probability that it gives to what is selected; candidates are redrawn by weight, and then the columns are drawn.
    Half of the candidates are generated under selected codes as conditions, where such records are frequent; as the
    generator's columns agree with the table only over all conditions together, weights undo that choice. Where the
    target is given, and trees draw it from the other columns, records are redrawn by what the trees give to it.
    """
    noise, condition, weights = _candidates(model, n, frequencies, given, layout, random)
    last = next((one for one in given if model.target is not None and one.column == int(model.target.column)), None)
    chosen = _systematic(torch.softmax(weights, 0), n * (1 if last is None else LAST_POOL), random)
    probabilities = softmax_by_column(model.generator(noise[chosen], condition[chosen]), layout)
    codes = draw_codes(probabilities, layout, random)
    for one in given:
        codes[:, one.column] = _draw_inside(_of_column(probabilities, one, layout), one.shares, random)
    if last is not None and model.target is not None:
        codes = _meet_last(model.target, codes, _of_column(probabilities, last, layout), last, ranking, layout, random)
    residuals = 2 * torch.rand(n, len(layout.residual_columns), generator=random) - 1
    residuals = place_inside(residuals, codes, given, layout)
    return Drawn(codes=codes, residuals=residuals, probability=float(torch.exp(weights).mean()))


def place_inside(residuals: Tensor, codes: Tensor, given: Sequence[Given], layout: Layout) -> Tensor:
    """(n, R) uniform residuals moved to where the conditions let them be, by the (n, C) codes that they belong to."""
    residuals = residuals.clone()
    places = {column: place for place, column in enumerate(layout.residual_columns.tolist())}
    for one in given:
        if one.column in places:
            code = codes[:, one.column]
            rank = (residuals[:, places[one.column]] + 1) / 2
            low, high = one.low[code], one.high[code]
            residuals[:, places[one.column]] = torch.minimum(low + rank * (high - low), high)
    return residuals


def _meet_last(
    trees: TargetTrees,
    codes: Tensor,
    before: Tensor,
    one: Given,
    ranking: Ranking,
    layout: Layout,
    random: torch.Generator,
) -> Tensor:
    """(n, C) of (n LAST_POOL, C) codes, and of the target a selected code, by the trees' probabilities.

    `before` are the (n LAST_POOL, width) probabilities by which the records have been drawn: their share is undone.
    """
    start = int(layout.starts[one.column])
    ranks = ranking.place[codes + layout.starts] - layout.starts
    place = ranking.place[start : start + len(one.shares)] - start
    after = trees.probabilities(ranks.float())[:, place].double()
    weights = torch.log((after @ one.shares).clamp_min(1e-30)) - torch.log((before @ one.shares).clamp_min(1e-30))
    chosen = _systematic(torch.softmax(weights, 0), len(codes) // LAST_POOL, random)
    kept = codes[chosen]
    kept[:, one.column] = _draw_inside(after[chosen], one.shares, random)
    return kept


def _candidates(
    model: TrainedModel,
    n: int,
    frequencies: Conditions,
    given: Sequence[Given],
    layout: Layout,
    random: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """(noise, condition, log-weight) of the candidates; the mean weight is the probability of the conditions."""
    share = torch.diff(frequencies.cumulative, prepend=torch.zeros(1, dtype=torch.float64))
    own, held = _selected(model.counts, given, layout)
    drawn_share = 0.5 * share + 0.5 * own
    counted = torch.log((share / drawn_share.clamp_min(1e-300)).clamp_min(1e-30))
    own_sum = torch.cumsum(own, 0)
    pool = max(int(min(max(POOL_HITS / max(held, 1e-9), POOL_LEAST), POOL_MOST)) * n, POOL_FEWEST)
    size = max(1, min(POOL_BATCH, POOL_CELLS // layout.codes))
    noises, conditions, weights = [], [], []
    for begin in range(0, pool, size):
        some = min(size, pool - begin)
        at = torch.rand(some, generator=random, dtype=torch.float64) * own_sum[-1]
        selected = torch.searchsorted(own_sum, at, right=True).clamp_max(layout.codes - 1)
        as_is = torch.rand(some, generator=random) < 0.5
        condition = torch.where(as_is, frequencies.draw(some, random), selected)
        noise = torch.randn(some, model.generator.noise, generator=random)
        probabilities = softmax_by_column(model.generator(noise, condition), layout)
        weight = counted[condition]
        for one in given:
            met = _of_column(probabilities, one, layout) @ one.shares
            weight = weight + torch.log(met.clamp_min(1e-30))
        noises.append(noise)
        conditions.append(condition)
        weights.append(weight)
    return torch.cat(noises), torch.cat(conditions), torch.cat(weights)


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


def _systematic(weights: Tensor, n: int, random: torch.Generator) -> Tensor:
    """(n,) candidates, each as often as its share of the weight asks for, up to rounding; in random order."""
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) / n
    cumulative = torch.cumsum(weights, 0)
    chosen = torch.searchsorted(cumulative / cumulative[-1], points).clamp_max(len(weights) - 1)
    return chosen[torch.randperm(n, generator=random)]
