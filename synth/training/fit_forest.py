"""How the trees come to be that draw columns anew (`synth.chain.forest`).

For each column some trees are grown on the training records that tell its value from the others, see
`synth.chain.conditional`.
Drawn anew from records that the generator made, a column would not have quite the frequencies, alone and with others,
that it has in the table: column by column such records are drawn anew, and what is off is mended by weights
(`synth.chain.raking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.chain.conditional import RECORDS, TINY, Conditional, grow, packed
from synth.chain.forest import FARTHEST, Redraw, joined, sizes_of
from synth.chain.raking import chances, fit_weights, make_groups, wanted_of
from synth.encode.correspondence import MANY_CATEGORIES
from synth.encode.layout import Layout, make_layout, part_of
from synth.encode.ranking import Ranking, middles_of
from synth.encode.table_encoder import TableEncoder
from synth.gan.adversary import draw
from synth.gan.net import Generator
from synth.gan.step import Material
from synth.protection import LEAF_RECORDS
from synth.randomness import Rng
from synth.trees.critic import Ranks

MOST_RECORDS, MOST_CELLS = 200_000, 8_000_000
"""Training records that fill the leaves, and these times columns, at most."""
MOST_COLUMNS = 200
"""With more columns none is drawn anew: weights take memory and time by their square."""
MOST_CODES = 5_000
"""A column of more codes is left to the generator."""
MADE, MADE_CELLS, LEAST_MADE = 20_000, 500_000, 5_000
"""Generated records that the weights are found on, at most; fewer where there are many columns, but so many."""
FEWEST_RECORDS = 10 * LEAF_RECORDS
"""Below so many records a tree has too few leaves to say anything."""
EVENING = 3
"""Rounds in which ranks inside of groups are made as frequent as in the table."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Grown:
    """The trees of all columns that are drawn anew, before the generator is there; all of it on the host."""

    layout: Layout
    ranking: Ranking
    real: Ranks
    """(records, C) training records"""
    groups: Tensor
    """(D,) int64, see `Redraw.group`"""
    conditionals: tuple[Conditional, ...]

    @property
    def made(self) -> int:
        """Generated records that the weights are found on."""
        return max(LEAST_MADE, min(MADE, MADE_CELLS // self.layout.columns))


def suits(records: int, sizes: Sequence[int]) -> bool:
    """Whether columns with so many codes can be drawn anew: there are records for leaves, and two such columns."""
    return records >= FEWEST_RECORDS and len(sizes) <= MOST_COLUMNS and sum(2 <= w <= MOST_CODES for w in sizes) > 1


def grow_all(
    material: Material,
    encoder: TableEncoder,
    kept: Collection[int],
    rng: Rng,
    *,
    predicted: bool,
    progress: Callable[[float], None],
) -> Grown:
    """The trees of all columns but those that are `kept`, follow others, or have one code or too many.

    They see predictions where columns are `predicted`. `progress` hears the part done, in [0, 1].
    """
    sizes, followers = material.layout.sizes, material.followers.column.tolist()
    layout = make_layout(sizes, material.layout.residual_columns.tolist(), "cpu")
    ranking = material.ranking.cpu()
    most = max(RECORDS, min(MOST_RECORDS, MOST_CELLS // layout.columns))
    some = part_of(material.codes, most, rng.spawn("real").numpy).cpu()
    real = ranks_of_codes(some, ranking, layout)
    # a follower tells trees no more than its source does
    seen = real.copy()
    seen[:, followers] = 0
    numpy = rng.spawn("trees").numpy
    open_ = [c for c, w in enumerate(sizes) if 2 <= w <= MOST_CODES and c not in {*followers, *kept}]
    middles = middles_by_rank(encoder, ranking, layout)
    # the generator knows least of columns of many categories: no other should be drawn given what it made of them
    many = {c: sizes[c] for c in open_ if sizes[c] >= MANY_CATEGORIES and np.isnan(middles[c]).all()}
    open_.sort(key=lambda column: -many.get(column, 0))
    grown = []
    for number, column in enumerate(open_):
        progress(number / len(open_))
        grown.append(grow(seen, real, column, sizes[column], numpy, predicted=predicted))
    progress(1.0)
    return Grown(
        layout=layout,
        ranking=ranking,
        real=real,
        groups=make_groups(real, middles, followers),
        conditionals=tuple(grown),
    )


def middles_by_rank(encoder: TableEncoder, ranking: Ranking, layout: Layout) -> list[Numbers]:
    """For each learnt column the values in the middle of its ranks; NaN where it has none."""
    found = []
    for column, start, width in zip(encoder.learnt, layout.starts.tolist(), layout.sizes, strict=True):
        middle = middles_of(column)
        order = (ranking.order[start : start + width] - start).numpy()
        found.append(np.full(width, np.nan) if middle is None else middle[order])
    return found


def learn_redraw(
    generator: Generator, material: Material, grown: Grown, rng: Rng, *, progress: Callable[[float], None]
) -> Redraw:
    """The trees with weights, by records of the settled `generator`; `progress` hears the part done, in [0, 1]."""
    made = torch.zeros(0, grown.layout.columns, dtype=torch.int64)
    if grown.conditionals:
        made = draw(generator, grown.made, material, rng.spawn("made").torch(str(material.layout.device))).cpu()
    return weigh(grown, made, rng.spawn("weights").torch(), progress)


def try_weights(grown: Grown) -> int:
    """Finds the weights of one column on the table's own records, and forgets them; how many columns there are.

    How long all of them will take can be told from it.
    """
    if grown.conditionals:
        one = sorted(grown.conditionals, key=lambda one: one.tables[0].shape[1])[len(grown.conditionals) // 2]
        places = torch.from_numpy(grown.real[: grown.made]).long() + grown.layout.starts
        some = grown.ranking.order[places] - grown.layout.starts
        weigh(replace(grown, conditionals=(one,)), some, torch.Generator(), lambda _: None)
    return len(grown.conditionals)


def weigh(grown: Grown, made: Tensor, random: torch.Generator, progress: Callable[[float], None]) -> Redraw:
    """The trees with weights by which (N, C) codes that are drawn anew have pairs as the table has them.

    One column after another is drawn anew, in the order in which it will be.
    """
    layout, ranking, groups = grown.layout, grown.ranking, grown.groups
    there = groups[torch.from_numpy(grown.real).long() + layout.starts]
    belongs = torch.repeat_interleave(torch.arange(layout.columns), sizes_of(groups, layout.starts)[1])
    parts: list[Redraw] = []
    for number, one in enumerate(grown.conditionals):
        progress(number / len(grown.conditionals))
        plain = packed(one, groups, layout)
        records, turn = plain.begin(made, ranking, layout), next(plain.turns(layout))
        leaf = plain.reach(turn, records, random)
        wanted = wanted_of(there, records.groups, turn.inside.share[leaf], one.column, belongs)
        weight = fit_weights(wanted, len(there))
        even = evened(one, leaf.numpy(), chances(weight, wanted).numpy(), grown)
        parts.append(replace(packed(even, groups, layout), weight=weight.flatten()))
        made = parts[-1].apply(made, ranking, layout, random)
    progress(1.0)
    return joined(parts)


def evened(one: Conditional, leaf: NDArray[np.int64], chance: Numbers, grown: Grown) -> Conditional:
    """The trees of one column, its ranks as frequent as in the table among generated records drawn anew by them.

    These come to (N,) leaves and have (N, G) chances of the column's groups, which stay as they are: inside a group
    each rank is drawn more or less often, by the same factor in all leaves.
    """
    start, width = int(grown.layout.starts[one.column]), grown.layout.sizes[one.column]
    group = grown.groups[start : start + width].numpy()
    own, begins = group - group[0], np.flatnonzero(np.diff(group, prepend=-1))
    wanted = np.bincount(grown.real[:, one.column].astype(np.int64), minlength=width) / len(grown.real)
    table = np.concatenate(one.tables)
    reached = np.stack([np.bincount(leaf, each, len(table)) for each in chance.T], 1) / len(leaf)
    whole, factor, even = np.add.reduceat(table, begins, 1), np.ones(width), table
    for _ in range(EVENING):
        within = even / np.add.reduceat(even, begins, 1).clip(TINY)[:, own]
        there = (reached[:, own] * within).sum(0)
        factor = (factor * wanted / there.clip(TINY)).clip(1 / FARTHEST, FARTHEST)
        even = table * factor
        even *= (whole / np.add.reduceat(even, begins, 1).clip(TINY))[:, own]
    sizes = np.cumsum([len(each) for each in one.tables])[:-1]
    return replace(one, tables=tuple(np.split(even, sizes)))


def ranks_of_codes(codes: Tensor, ranking: Ranking, layout: Layout) -> Ranks:
    """(records, C) ranks within columns."""
    ranks: Ranks = (ranking.place[codes.long() + layout.starts] - layout.starts).numpy().astype(np.float32)
    return ranks
