"""How records are distributed column after column, each given the columns before it alone.

The links of a model's chain tell a column from all others. Of columns that tell each other, such as a job and what it
pays, none then leaves its place while the other keeps its own. Here a tree sees only what comes before, so that the
product of the links is the distribution of whole records. They are grown on records that the model draws: freely, and
under the conditions that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
import torch

from synth.chain.base import Allowed, Codebook, Conditional
from synth.chain.column_trees import fit_trees, packed
from synth.chain.forest_column import forest_columns
from synth.chain.residual import nearest
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import Source, in_order, make_source
from synth.training.fit_forest import MOST_CODES
from synth.trees.arrays import Ranks

RECORDS = 6_000
"""Records that the model draws freely, and as many under the conditions: trees tell apart what both have enough of."""


def autoregression(
    model: TrainedModel,
    allowed: Mapping[int, Allowed],
    drawn: Collection[int],
    chain: tuple[Conditional, ...],
    rng: Rng,
    progress: Callable[[float], None],
) -> tuple[Conditional, ...]:
    """A link for each of the `drawn` columns and of those in `allowed`, which come first; columns of one code, or of
    more than MOST_CODES, have none.

    Other columns are seen by all links. Those that another one determines are seen by none. `chain` are the links of
    the model under the conditions. Records that they draw are of `one_group`. `progress` is told the fraction done.
    """
    free = make_source(model, RECORDS, rng.spawn("free"), None)
    asked = replace(free, request=replace(free.request, allowed=allowed, links=chain), rng=rng.spawn("asked"))
    real = np.concatenate([_ranks(free), _ranks(asked)])
    layout = free.request.book.layout
    determined = {link.column for link in model.chain.dependencies.links()} - set(allowed)
    near = nearest(real, layout.columns)[min(allowed)].tolist()
    near = [column for column in near if column not in determined and 2 <= layout.sizes[column] <= MOST_CODES]
    order = [c for c in near if c in allowed] + [c for c in near if c in drawn and c not in allowed]
    book = one_group(free.request.book)
    hidden = {*determined, *order}
    found: list[Conditional] = []
    numpy = rng.spawn("trees").numpy
    for number, column in enumerate(order):
        progress(number / len(order))
        seen = real.copy()
        seen[:, sorted(hidden)] = 0
        grown = fit_trees(seen, real, column, layout.sizes[column], numpy, predicted=False)
        found.extend(forest_columns(packed(grown, book.group, layout.starts), book))
        hidden.discard(column)
    progress(1.0)
    return tuple(found)


def _ranks(source: Source) -> Ranks:
    """(n, C) ranks of the codes that are drawn, the same with any number of threads."""
    parts = in_order(lambda number: source.draw(number)[0].codes, range(source.pieces), torch.get_num_threads())
    codes = torch.from_numpy(np.concatenate(list(parts)).astype(np.int64))
    book = source.request.book
    ranks: Ranks = (book.ranking.place[codes + book.layout.starts] - book.layout.starts).numpy().astype(np.float32)
    return ranks


def one_group(book: Codebook) -> Codebook:
    """What records of these links are of: links without weights need no groups of codes."""
    return replace(book, group=book.layout.column)
