"""Fits the forests that redraw columns (`synth.chain.forest`).

For each column some trees are grown on the training records that tell its value from the others, see
`synth.chain.column_trees`. Redrawn from records that the generator made, a column would not have quite the frequencies,
alone and with others, that it has in the table: column by column such records are redrawn, and what is off is mended by
weights (`synth.chain.raking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.chain.base import Codebook, Records, fold
from synth.chain.column_trees import RECORDS, TINY, ColumnTrees, fit_trees, packed
from synth.chain.forest import Forest, joined, sizes_of
from synth.chain.forest_column import FARTHEST, forest_columns
from synth.chain.raking import chances, fit_weights, make_groups, targets_of
from synth.chain.residual import nearest
from synth.encode.correspondence import MANY_CATEGORIES
from synth.encode.layout import Layout, make_layout, part_of
from synth.encode.ranking import Ranking, middles_of
from synth.encode.table_encoder import TableEncoder
from synth.gan.net import Generator
from synth.gan.step import Material, draw
from synth.protection import FOREST_RECORDS
from synth.randomness import Rng
from synth.trees.arrays import Ranks

MOST_RECORDS, MOST_CELLS = 200_000, 8_000_000
"""Training records that fill the leaves, and these times columns, at most."""
MOST_COLUMNS = 200
"""With more columns none is redrawn: weights take memory by their square."""
MOST_CODES = 5_000
"""A column of more codes is left to the generator."""
PARTNERS = 60
"""Other columns whose pairs with a redrawn one are weighted, at most: those that hang together with it most closely, so
that time grows with the columns and not with their square."""
MADE, MADE_CELLS, LEAST_MADE = 20_000, 500_000, 5_000
"""Generated records that the weights are found on, at most; fewer where there are many columns, but so many."""
EVENING = 3
"""Rounds in which ranks inside of groups are made as frequent as in the table."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GrownForest:
    """The trees of all columns that are redrawn, before the generator is there; all of it on the host."""

    book: Codebook
    real: Ranks
    """(records, C) training records"""
    columns: tuple[ColumnTrees, ...]

    @property
    def made(self) -> int:
        """Generated records that the weights are found on."""
        return max(LEAST_MADE, min(MADE, MADE_CELLS // self.book.layout.columns))


def suits(records: int, sizes: Sequence[int]) -> bool:
    """Whether columns with so many codes can be redrawn: there are records for leaves, and two such columns."""
    return records >= FOREST_RECORDS and len(sizes) <= MOST_COLUMNS and sum(2 <= w <= MOST_CODES for w in sizes) > 1


def grow_forest(
    material: Material,
    encoder: TableEncoder,
    kept: Collection[int],
    rng: Rng,
    *,
    predicted: bool,
    progress: Callable[[float], None],
) -> GrownForest:
    """The trees of all columns but those that are `kept`, that another one determines, or of one code or too many.

    They see predictions where columns are `predicted`. `progress` hears the part done, in [0, 1].
    """
    sizes, determined = material.layout.sizes, material.dependencies.column.tolist()
    layout = make_layout(sizes, material.layout.residual_columns.tolist(), "cpu")
    ranking = material.ranking.cpu()
    most = max(RECORDS, min(MOST_RECORDS, MOST_CELLS // layout.columns))
    some = part_of(material.codes, most, rng.spawn("real").numpy).cpu()
    real = ranks_of_codes(some, ranking, layout)
    # a column that another one determines tells trees no more than that one does
    seen = real.copy()
    seen[:, determined] = 0
    numpy = rng.spawn("trees").numpy
    open_ = [c for c, w in enumerate(sizes) if 2 <= w <= MOST_CODES and c not in {*determined, *kept}]
    middles = middles_by_rank(encoder, ranking, layout)
    # the generator knows least of columns of many categories: no other should be drawn given what it made of them
    many = {c: sizes[c] for c in open_ if sizes[c] >= MANY_CATEGORIES and np.isnan(middles[c]).all()}
    open_.sort(key=lambda column: -many.get(column, 0))
    grown = []
    for number, column in enumerate(open_):
        progress(number / len(open_))
        grown.append(fit_trees(seen, real, column, sizes[column], numpy, predicted=predicted))
    progress(1.0)
    book = Codebook(
        layout=layout,
        ranking=ranking,
        group=make_groups(real, middles, determined),
        counts=material.counts.cpu(),
        pieces=torch.from_numpy(encoder.is_piece()),
    )
    return GrownForest(book=book, real=real, columns=tuple(grown))


def middles_by_rank(encoder: TableEncoder, ranking: Ranking, layout: Layout) -> list[Numbers]:
    """For each encoded column the values in the middle of its ranks; NaN where it has none."""
    found = []
    for column, start, width in zip(encoder.encoders, layout.starts.tolist(), layout.sizes, strict=True):
        middle = middles_of(column)
        order = (ranking.order[start : start + width] - start).numpy()
        found.append(np.full(width, np.nan) if middle is None else middle[order])
    return found


def fit_forest(
    generator: Generator, material: Material, grown: GrownForest, rng: Rng, *, progress: Callable[[float], None]
) -> Forest:
    """The trees with weights, by records of the settled `generator`; `progress` hears the part done, in [0, 1]."""
    made = torch.zeros(0, grown.book.layout.columns, dtype=torch.int64)
    if grown.columns:
        made = draw(generator, grown.made, material, rng.spawn("made").torch(str(material.layout.device))).cpu()
    return weigh(grown, made, rng.spawn("weights").torch(), progress)


def try_weights(grown: GrownForest) -> int:
    """Finds the weights of one column on the table's own records, and forgets them; how many columns there are.

    How long all of them will take can be told from it.
    """
    if grown.columns:
        one = sorted(grown.columns, key=lambda one: one.tables[0].shape[1])[len(grown.columns) // 2]
        starts = grown.book.layout.starts
        some = grown.book.ranking.order[torch.from_numpy(grown.real[: grown.made]).long() + starts] - starts
        weigh(replace(grown, columns=(one,)), some, torch.Generator(), lambda _: None)
    return len(grown.columns)


def weigh(grown: GrownForest, made: Tensor, random: torch.Generator, progress: Callable[[float], None]) -> Forest:
    """The trees with weights by which (N, C) codes that are redrawn have pairs as the table has them.

    One column after another is redrawn, in the order in which it will be.
    """
    book, starts = grown.book, grown.book.layout.starts
    there = book.group[torch.from_numpy(grown.real).long() + starts]
    first, sizes = sizes_of(book.group, starts)
    near = nearest(grown.real, 1 + PARTNERS)
    parts: list[Forest] = []
    for number, one in enumerate(grown.columns):
        progress(number / len(grown.columns))
        (plain,) = forest_columns(packed(one, book.group, starts), book)
        records = Records.of(made, book)
        leaf = plain.reach(records, random)
        seen = Partners.of(torch.from_numpy(np.sort(near[one.column])), first, sizes)
        targets = targets_of(
            seen.take(there), seen.take(records.groups), plain.share[leaf], seen.place(one.column), seen.belongs
        )
        weight = fit_weights(targets, len(there))
        even = evened(one, leaf.numpy(), chances(weight, targets).numpy(), grown)
        whole = weight.new_zeros(int(sizes.sum()), weight.shape[1])
        whole[seen.groups] = weight
        parts.append(replace(packed(even, book.group, starts), weight=whole.flatten()))
        made = fold(forest_columns(parts[-1], book), Records.of(made, book), random)[0].codes()
    progress(1.0)
    return joined(parts)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Partners:
    """Some of the columns, with their groups numbered through."""

    columns: Tensor
    """(P,) ascending"""
    groups: Tensor
    """(H,) their groups among those of all columns"""
    belongs: Tensor
    """(H,) of which of the P columns each is"""
    shift: Tensor
    """(P,) what a group's number among those of all columns is more than among these"""

    @staticmethod
    def of(columns: Tensor, first: Tensor, sizes: Tensor) -> Partners:
        """Of columns with so many groups each, beginning with the `first` ones."""
        size = sizes[columns]
        belongs = torch.repeat_interleave(torch.arange(len(columns)), size)
        shift = first[columns] - (torch.cumsum(size, 0) - size)
        groups = torch.arange(len(belongs)) + shift[belongs]
        return Partners(columns=columns, groups=groups, belongs=belongs, shift=shift)

    def take(self, groups: Tensor) -> Tensor:
        """(N, P) groups among these, from (N, C) groups among all."""
        return groups[:, self.columns] - self.shift

    def place(self, column: int) -> int:
        """Which of these columns it is."""
        return int(torch.nonzero(self.columns == column)[0, 0])


def evened(one: ColumnTrees, leaf: NDArray[np.int64], chance: Numbers, grown: GrownForest) -> ColumnTrees:
    """The trees of one column, its ranks as frequent as in the table among generated records redrawn by them.

    These come to (N,) leaves and have (N, G) chances of the column's groups, which stay as they are: inside a group
    each rank is drawn more or less often, by the same factor in all leaves.
    """
    start, width = int(grown.book.layout.starts[one.column]), grown.book.layout.sizes[one.column]
    group = grown.book.group[start : start + width].numpy()
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
    """(records, C) ranks within columns, on the host, where trees are grown."""
    ranks: Ranks = (ranking.place[codes.long() + layout.starts] - layout.starts).cpu().numpy().astype(np.float32)
    return ranks
