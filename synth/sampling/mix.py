"""Mixes: tables in which values have the shares that are asked for, and all other columns follow from them.

Shares of one column, or of several columns together, are met exactly. Where several columns have shares of their own,
the joint shares are the nearest to the model's that have these margins (iterative proportional fitting, Deming and
Stephan 1940: the least Kullback-Leibler divergence). Numbers of records are whole by largest remainders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.conditions import too_rare
from synth.encode.presence import meets
from synth.encode.rules.declared import without_broken
from synth.encode.table_encoder import EncodedTable
from synth.errors import ConditionError, SynthError
from synth.model import TrainedModel
from synth.people import holders
from synth.randomness import Rng
from synth.sampling.apart import apart_frames
from synth.sampling.mix_counts import dealt_to_pieces, whole_counts
from synth.sampling.pieces import PIECE
from synth.sampling.sample import Source, make_source, sample
from synth.table.margins import nearest_joint
from synth.table.mix import Mix, check_together, columns_said, joint_cells
from synth.table.pandas_types import frame_as_came
from synth.table.people import people_of
from synth.table.ranges import Condition, Presence
from synth.table.schema import TableSchema
from synth.table.source import TableSource
from synth.table.values import column_values, values_of

LOOK = 20_000
"""Records drawn without conditions: they tell how often values of several columns occur together."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MixedSource:
    """What a mixed table is drawn from, piece by piece as `Source`."""

    n: int
    rng: Rng
    cells: tuple[Source, ...]
    counts: NDArray[np.int64]
    """(pieces, cells) how many records of each cell a piece has"""

    @property
    def pieces(self) -> int:
        """How many pieces there are, one at least."""
        return len(self.counts)

    def draw(self, number: int) -> tuple[EncodedTable, None]:
        """One piece, its records in random order."""
        drawn = [
            cell.records(int(count), self.rng.spawn("cell").spawn(f"{number} {place}").torch())
            for place, (cell, count) in enumerate(zip(self.cells, self.counts[number], strict=True))
        ]
        codes, residuals = (np.concatenate([each[part] for each in drawn]) for part in (0, 1))
        order = self.rng.spawn("order").spawn(str(number)).numpy.permutation(len(codes))
        return EncodedTable(codes=codes[order], residuals=residuals[order]), None

    def decoding(self, number: int) -> np.random.Generator:
        """The random numbers that a piece is decoded with."""
        return self.rng.spawn("decode").spawn(str(number)).numpy


def sample_mix(
    model: TrainedModel,
    n: int,
    rng: Rng,
    mixes: Sequence[Mix],
    *,
    conditions: Mapping[str, Condition] | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """`n` synthetic records of the asked mix, all of which meet the conditions.

    Raises ConditionError where the model may not emit a value, where a share above 0 is asked for values that fewer
    than `TrainConfig.least` training records have, or where shares of several columns cannot be met together. Raises
    SynthError on a column in two mixes.
    """
    source = mixed_source(model, n, rng, mixes, conditions or {})

    def decoded(number: int) -> pd.DataFrame:
        drawn, _ = source.draw(number)
        frame = model.encoder.decode(drawn, source.decoding(number), begin=number * PIECE, total=n)
        if progress is not None:
            progress((number + 1) / source.pieces)
        return frame

    held = {**(conditions or {}), **{name: Presence.PRESENT for mix in mixes for name in mix.columns}}
    parts = list(apart_frames(model, map(decoded, range(source.pieces)), held))
    return frame_as_came(pd.concat(parts, ignore_index=True), model.schema)


def mixed_batches(
    model: TrainedModel,
    source: MixedSource,
    *,
    progress: Callable[[float], None] | None = None,
    pieces: range | None = None,
) -> Iterator[pa.RecordBatch]:
    """The records of `sample_mix` as Arrow batches, all or those of these pieces, before unique rules are applied."""
    wanted = range(source.pieces) if pieces is None else pieces

    def decoded(number: int) -> pa.RecordBatch:
        drawn, _ = source.draw(number)
        batch = model.encoder.to_arrow(drawn, source.decoding(number), begin=number * PIECE, total=source.n)
        if progress is not None:
            progress((number + 1 - wanted.start) / len(wanted))
        return batch

    return map(decoded, wanted)


def mixed_source(
    model: TrainedModel,
    n: int,
    rng: Rng,
    mixes: Sequence[Mix],
    conditions: Mapping[str, Condition],
    *,
    behind: NDArray[np.int64] | None = None,
) -> MixedSource:
    """What the table is drawn from. Raises as `sample_mix` does.

    `behind` has the counts of `people_behind`: cells that too few people of the training records have stay empty.
    Without it the model, which holds no records, estimates how many they are.
    """
    if model.sequences is not None:
        raise SynthError("mix: expected a model of people with one record each, got one of people with several records")
    if not mixes:
        raise SynthError("mix: expected one at least, got none")
    check_together(mixes, conditions)
    margins = [np.array(list(mix.shares.values())) for mix in mixes]
    alone = []
    for axis, mix in enumerate(mixes):
        own = None if behind is None else _margin(behind.reshape([*map(len, margins)]), axis)
        alone.append(_expected(model, n, rng, mix, conditions, None if own is None else own >= model.config.least))
    sources, joint = alone[0], margins[0]
    if len(mixes) > 1:
        cells = joint_cells(mixes, conditions)
        sources, free = _together(model, n, rng, cells, None if behind is None else behind >= model.config.least)
        joint = nearest_joint(free.reshape([*map(len, margins)]), margins, _names(mixes))
    counts = whole_counts(joint, n, margins, _names(mixes)).ravel()
    there = [place for place, source in enumerate(sources) if source is not None]
    drawn = tuple(source for source in sources if source is not None)
    return MixedSource(n=n, rng=rng, cells=drawn, counts=dealt_to_pieces(counts[there], n, rng))


def people_behind(
    train: TableSource, schema: TableSchema, mixes: Sequence[Mix], conditions: Mapping[str, Condition]
) -> NDArray[np.int64]:
    """(cells,) how many people of the training records are in each cell of `joint_cells`."""
    train = without_broken(train, schema)
    size = math.prod(len(mix.shares) for mix in mixes)
    place, met = np.zeros(len(train), dtype=np.int64), np.ones(len(train), dtype=np.bool_)

    def column(name: str) -> pd.Series:
        return column_values(train.column(name), schema[name])

    for name, wanted in conditions.items():
        met &= meets(column(name), wanted)
    for mix in mixes:
        own, columns = np.full(len(train), -1, dtype=np.int64), {name: column(name) for name in mix.columns}
        for number, cell in enumerate(mix.cells()):
            own[np.all([meets(columns[name], value) for name, value in cell.items()], axis=0)] = number
        met &= own >= 0
        place = place * len(mix.shares) + own
    return holders(place[met], people_of(train, schema)[met], size)


def _margin(cells: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """The counts of one mix, whatever the others are."""
    found: NDArray[np.int64] = cells.sum(axis=tuple(i for i in range(cells.ndim) if i != axis))
    return found


def _names(mixes: Sequence[Mix]) -> list[str]:
    return [name for mix in mixes for name in mix.columns]


def _expected(
    model: TrainedModel,
    n: int,
    rng: Rng,
    mix: Mix,
    conditions: Mapping[str, Condition],
    enough: NDArray[np.bool_] | None,
) -> list[Source | None]:
    """What the records of each cell of one mix are drawn from. Raises as `sample_mix` does."""
    found: list[Source | None] = []
    for place, (cell, share) in enumerate(zip(mix.cells(), mix.shares.values(), strict=True)):
        source = make_source(model, n, rng.spawn("mix"), {**conditions, **cell})
        if share > 0 and not _is_enough(source, rng, None if enough is None else bool(enough[place])):
            raise ConditionError(
                f"mix: {columns_said(mix.columns)}: expected values that {model.config.least} training"
                " records or more have together, got a combination of fewer: many records made after few people would"
                " tell of these people"
            )
        found.append(source)
    return found


def _together(
    model: TrainedModel,
    n: int,
    rng: Rng,
    cells: Sequence[Mapping[str, Condition]],
    enough: NDArray[np.bool_] | None,
) -> tuple[list[Source | None], NDArray[np.float64]]:
    """(what the records of each cell of several mixes are drawn from, how many of some free records are in it).

    None and 0 for a cell that too few people have, or in which no record can be.
    """
    counted = [None] * len(cells) if enough is None else [bool(each) for each in enough]
    sources = [_possible(model, n, rng, cell, each) for cell, each in zip(cells, counted, strict=True)]
    free = _free(model, rng, cells)
    if enough is None:  # of several columns at once the estimate is checked against what the model draws
        least = model.config.least * LOOK / model.records
        sources = [source if drawn >= least else None for source, drawn in zip(sources, free, strict=True)]
    return sources, free * [source is not None for source in sources]


def _possible(
    model: TrainedModel, n: int, rng: Rng, cell: Mapping[str, Condition], enough: bool | None
) -> Source | None:
    """What the records of a cell are drawn from; None where no record can be so, or too few are."""
    try:
        source = make_source(model, n, rng.spawn("mix"), cell)
    except ConditionError:
        return None
    return source if _is_enough(source, rng, enough) else None


def _is_enough(source: Source, rng: Rng, counted: bool | None) -> bool:
    """Whether enough training records are in a cell for it to be emitted.

    `counted` says so where records were counted; else the model estimates it.
    """
    model, request = source.model, source.request
    if counted is not None:
        return counted and not too_rare(model, request.allowed, 1.0, request.book.layout)
    try:
        probability = source.probability(rng.spawn("look").torch())
    except ConditionError:  # of columns that rules make from others
        return False
    return not too_rare(model, request.allowed, probability, request.book.layout)


def _free(model: TrainedModel, rng: Rng, cells: Sequence[Mapping[str, Condition]]) -> NDArray[np.float64]:
    """(cells,) how many of LOOK records drawn without conditions are in each cell."""
    free = values_of(sample(model, LOOK, rng.spawn("free")), model.schema)
    met: dict[tuple[str, Condition], NDArray[np.bool_]] = {}
    for cell in cells:
        for name, value in cell.items():
            met.setdefault((name, value), meets(free[name], value))
    found = [np.all([met[name, value] for name, value in cell.items()], axis=0).sum() for cell in cells]
    return np.array(found, dtype=np.float64)
