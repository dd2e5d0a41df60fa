"""Few synthetic records that teach a model most of what many would: for trials that are to be quick.

Two things make a small sample teach badly: it has few records of the rare class, and each record whose target is not
the usual one for such records misleads. So many records are drawn, the chain says how likely each value of the target
is given the rest of a record, and of each class as many are taken, those first whose own value is the likeliest
one. All records are the model's own, or those of a table that is given. But they are no picture of the table: classes
are alike in number, and surer than people are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from synth.chain.base import Conditional, Records
from synth.errors import SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.table.schema import ColumnRole
from synth.uses.sizes import MOST_OF_CORESET

DRAWN = 20
"""Records that are drawn for each that is wanted."""


def coreset(model: TrainedModel, k: int, rng: Rng) -> pd.DataFrame:
    """`k` synthetic records from which a model of the target learns more than from `k` of `sample`, in random order.

    Raises SynthError where `k` is not from 1 to MOST_OF_CORESET, where people have several records, or where the model
    draws no target by its trees: it was trained on a schema without one, on one of many values, or too shortly.
    """
    _expect_size(k)
    number, link = _target(model)
    table = sample(model, DRAWN * k, rng.spawn("sample"))
    return _taken(model, table, k, rng, number, link)


def coreset_of(
    model: TrainedModel, table: pd.DataFrame, k: int, rng: Rng, progress: Callable[[float], None] | None = None
) -> pd.DataFrame:
    """`k` records of `table`, chosen as `coreset` chooses, in random order: of real records they are real data.

    `progress` is told the fraction done.

    Raises as `coreset`, SynthError where `table` has fewer than `k` records, and TableError where it does not fit the
    model's schema.
    """
    _expect_size(k)
    number, link = _target(model)
    if k > len(table):
        raise SynthError(f"expected at most as many records as the table has, {len(table):,}, got {k:,}")
    return _taken(model, validate(table, model.schema), k, rng, number, link, progress)


def _expect_size(k: int) -> None:
    if not 1 <= k <= MOST_OF_CORESET:
        raise SynthError(
            f"expected 1 to {MOST_OF_CORESET:,} records of a coreset, got {k:,}: a plain sample has as many as wanted"
        )


def _target(model: TrainedModel) -> tuple[int, Conditional]:
    """(the encoded column of the target, the link that draws it). Raises SynthError where there is none."""
    if model.sequences is not None:
        raise SynthError("expected a model of people with one record each, got one of people with several records")
    name = model.schema.with_role(ColumnRole.TARGET)
    column = next((i for i, each in enumerate(model.encoder.encoders) if each.name == name), None)
    links = model.chain.links(model.codebook())
    link = next((each for each in links if column is not None and each.column == column), None)
    if column is None or link is None:
        raise SynthError("expected a model that draws a target of few categories given the others: name one in `fit`")
    return column, link


def _taken(
    model: TrainedModel,
    table: pd.DataFrame,
    k: int,
    rng: Rng,
    column: int,
    link: Conditional,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """The records of `table` that are chosen."""
    codes = torch.from_numpy(model.encoder.encode(table, rng.spawn("encode")).codes.astype(np.int64))
    with torch.inference_mode():
        likely = _likely(link, column, Records.of(codes, model.codebook()), progress)
    chosen = _chosen(likely, codes[:, column].numpy(), k, rng.spawn("order").numpy)
    return table.iloc[chosen].reset_index(drop=True)


def _likely(
    link: Conditional, column: int, records: Records, progress: Callable[[float], None] | None
) -> NDArray[np.float64]:
    """(n, width) the log-likelihood of each code of the column given the rest of each record."""
    found = []
    size = int(records.book.layout.sizes[column])
    for code in range(size):
        records.put(column, records.rank_of(column, torch.full((records.count,), code)))
        found.append(link.log_prob(records))
        if progress is not None:
            progress((code + 1) / size)
    log_prob: NDArray[np.float64] = torch.stack(found, 1).numpy()
    return log_prob


def _chosen(
    likely: NDArray[np.float64], own: NDArray[np.int64], k: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """(k,) records, as many of each class as there are, up to rounding; those that are sure come first."""
    order = random.permutation(len(own))
    sure = likely.argmax(1) == own
    surer = np.where(sure, 0.0, -likely[np.arange(len(own)), own])  # sure ones by chance, others by how likely
    order = order[np.argsort(surer[order], kind="stable")]
    place = np.empty(len(own), dtype=np.int64)
    for code in np.unique(own):
        mine = order[own[order] == code]
        place[mine] = np.arange(len(mine))
    first = order[np.argsort(place[order], kind="stable")][:k]
    return random.permutation(first)
