"""A mix: a table of which so many records have this category and so many that one; the rest is conditional on it.

Of one column, or of several together, shares are taken as they are asked for. Where several columns each have shares of
their own, their joint shares are those nearest to the model's with these margins (iterative proportional fitting,
Deming & Stephan 1940: the least Kullback-Leibler divergence). Numbers of records are exact: largest remainders.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.conditions import too_rare
from synth.encode.presence import meets
from synth.encode.table_encoder import EncodedTable
from synth.errors import ConditionError, SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.pieces import PIECE
from synth.sampling.sample import Source, make_source, sample, sample_batches
from synth.table.pandas_types import frame_as_came
from synth.table.ranges import Condition
from synth.table.values import values_of

LOOK = 20_000
"""Free records that tell how columns hang together."""
ROUNDS = 500
"""Of fitting margins, at most."""
NEAR = 1e-9
"""Shares may miss 1, and fitted margins theirs, by so much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """Shares of the values of one column, or of several together."""

    columns: tuple[str, ...]
    shares: Mapping[tuple[Condition, ...], float]
    """By the values of the columns, in their order"""

    def __post_init__(self) -> None:
        said = f"mix of {', '.join(map(repr, self.columns))}"
        if not self.columns or len(set(self.columns)) < len(self.columns) or not self.shares:
            raise SynthError("mix: expected each column once, and a share for one value at least")
        if any(len(values) != len(self.columns) for values in self.shares):
            raise SynthError(f"{said}: expected a value for each column with each share")
        if not all(math.isfinite(share) and 0 <= share <= 1 for share in self.shares.values()):
            raise SynthError(f"{said}: expected shares from 0 to 1")
        total = math.fsum(self.shares.values())
        if abs(total - 1) > 1e-6:
            raise SynthError(f"{said}: expected shares that add up to 1, got {total:g}")

    @staticmethod
    def parse(text: str) -> Mix:
        """The mix in `income=<=50K:0.5,>50K:0.5`, or of several columns together in `income & sex=<=50K & Male:1`.

        Values with a comma stand in quotes. Raises SynthError on any other text.
        """
        names, equals, cells = text.partition("=")
        columns = tuple(name.strip() for name in names.split("&"))
        shares: dict[tuple[Condition, ...], float] = {}
        for cell in next(csv.reader([cells]), []):
            value, colon, share = cell.rpartition(":")
            values = tuple(each.strip() for each in value.split(" & ")) if len(columns) > 1 else (value.strip(),)
            if not colon or values in shares:
                raise SynthError("mix: expected VALUE:SHARE, each value once, got something else")
            try:
                shares[values] = float(share)
            except ValueError:
                raise SynthError("mix: expected a number as the share behind each value, got other text") from None
        if not equals or not all(columns):
            raise SynthError("mix: expected COLUMN=VALUE:SHARE,VALUE:SHARE")
        return Mix(columns=columns, shares=shares)


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
        """What a piece is decoded with."""
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

    Raises ConditionError where a value is one that the model may not emit, where fewer training records than back
    whatever is emitted have what a share above 0 is asked for, or where shares of several columns cannot be met
    together; SynthError on a column in two mixes.
    """
    source = mixed_source(model, n, rng, mixes, conditions or {})
    parts = []
    for number in range(source.pieces):
        drawn, _ = source.draw(number)
        parts.append(model.encoder.decode(drawn, source.decoding(number), begin=number * PIECE, total=n))
        if progress is not None:
            progress((number + 1) / source.pieces)
    return frame_as_came(pd.concat(parts, ignore_index=True), model.schema)


def mixed_batches(
    model: TrainedModel,
    n: int,
    rng: Rng,
    *,
    mix: Sequence[Mix] = (),
    conditions: Mapping[str, Condition] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The records of `sample_mix` as Arrow batches, see `sample_batches`; those of that where there is no mix."""
    if not mix:
        return sample_batches(model, n, rng, conditions=conditions, progress=progress)
    source = mixed_source(model, n, rng, mix, conditions or {})

    def decoded(number: int) -> pa.RecordBatch:
        drawn, _ = source.draw(number)
        batch = model.encoder.to_arrow(drawn, source.decoding(number), begin=number * PIECE, total=n)
        if progress is not None:
            progress((number + 1) / source.pieces)
        return batch

    return map(decoded, range(source.pieces))


def mixed_source(
    model: TrainedModel, n: int, rng: Rng, mixes: Sequence[Mix], conditions: Mapping[str, Condition]
) -> MixedSource:
    """What the table is drawn from. Raises as `sample_mix` does."""
    if model.sequences is not None:
        raise SynthError("mix: expected a model of people with one record each, got one of people with several records")
    names = [name for mix in mixes for name in mix.columns]
    if not mixes or len(set(names)) < len(names) or set(names) & set(conditions):
        raise SynthError("mix: expected each column in one mix or condition, got one in two")
    cells = list(product(*(mix.shares.items() for mix in mixes)))
    wanted = [
        {
            **conditions,
            **{c: v for mix, (key, _) in zip(mixes, cell, strict=True) for c, v in zip(mix.columns, key, strict=True)},
        }
        for cell in cells
    ]
    shape = tuple(len(mix.shares) for mix in mixes)
    margins = [np.array(list(mix.shares.values())) for mix in mixes]
    joint = margins[0] if len(mixes) == 1 else _joint(model, rng, wanted, shape, margins)
    counts = _whole(joint.reshape(shape), n, margins)
    sources = []
    for cell, count, share in zip(wanted, counts.ravel(), joint.ravel(), strict=True):
        source = make_source(model, int(count), rng.spawn("mix"), cell)
        if share > 0 or count > 0:
            _expect_enough(source, cell, rng)
        sources.append(source)
    return MixedSource(n=n, rng=rng, cells=tuple(sources), counts=_by_piece(counts.ravel(), n, rng))


def _expect_enough(source: Source, cell: Mapping[str, Condition], rng: Rng) -> None:
    """Raises ConditionError where too few training records are as a cell asks, by what the model knows of them."""
    model, request = source.model, source.request
    probability = source.probability(rng.spawn("look").torch())
    if too_rare(model, request.allowed, probability, request.book.layout):
        raise ConditionError(
            f"mix of {', '.join(map(repr, cell))}: expected values that {model.config.least} training records or more"
            " have together, got a combination of fewer: many records made after few people would tell of these people"
        )


def _joint(
    model: TrainedModel,
    rng: Rng,
    wanted: Sequence[Mapping[str, Condition]],
    shape: tuple[int, ...],
    margins: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """The joint shares nearest to the model's that have the margins."""
    free = values_of(sample(model, LOOK, rng.spawn("free")), model.schema)
    met: dict[tuple[str, Condition], NDArray[np.bool_]] = {}
    for cell in wanted:
        for name, value in cell.items():
            met.setdefault((name, value), meets(free[name], value))
    held = [np.all([met[name, value] for name, value in cell.items()], axis=0).sum() for cell in wanted]
    joint = np.array(held, dtype=np.float64).reshape(shape)
    joint /= max(joint.sum(), 1.0)
    for _ in range(ROUNDS):
        for axis, margin in enumerate(margins):
            others = tuple(i for i in range(len(shape)) if i != axis)
            now = joint.sum(axis=others, keepdims=True)
            asked = margin.reshape([-1 if i == axis else 1 for i in range(len(shape))])
            joint = joint * np.divide(asked, now, out=np.zeros_like(now), where=now > 0)
        if all(
            np.allclose(joint.sum(tuple(i for i in range(len(shape)) if i != a)), m, atol=NEAR)
            for a, m in enumerate(margins)
        ):
            return joint
    raise ConditionError("mix: expected shares of several columns that records can have together, got others")


def _whole(joint: NDArray[np.float64], n: int, margins: Sequence[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Whole numbers of records in each cell, n together; each margin by largest remainders as well."""
    counts = _largest_remainders(joint.ravel(), n).reshape(joint.shape)
    for axis, margin in enumerate(margins):
        others = tuple(i for i in range(joint.ndim) if i != axis)
        quota = _largest_remainders(margin, n)
        while True:
            over = counts.sum(axis=others) - quota
            if not over.any():
                break
            # one record from a value of which there are too many to one of which there are too few, all else equal
            from_, to = int(np.argmax(over)), int(np.argmin(over))
            gain = np.where(np.take(counts, from_, axis) > 0, np.take(joint, to, axis), -1.0)
            place = np.unravel_index(int(np.argmax(gain)), gain.shape)
            counts[tuple(np.insert(place, axis, from_))] -= 1
            counts[tuple(np.insert(place, axis, to))] += 1
    return counts


def _largest_remainders(shares: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Hamilton's method: whole parts, and one more for the largest remainders; ties by order."""
    exact = shares / shares.sum() * n
    counts: NDArray[np.int64] = np.floor(exact + NEAR).astype(np.int64)
    more = np.argsort(-(exact - counts), kind="stable")[: n - int(counts.sum())]
    counts[more] += 1
    found: NDArray[np.int64] = counts
    return found


def _by_piece(counts: NDArray[np.int64], n: int, rng: Rng) -> NDArray[np.int64]:
    """(pieces, cells): the records of each cell are dealt to pieces at random."""
    random, left, found = rng.spawn("pieces").numpy, counts.copy(), []
    for begin in range(0, max(n, 1), PIECE):
        size = min(PIECE, n - begin)
        dealt = left if size == left.sum() else random.multivariate_hypergeometric(left, size)
        found.append(dealt)
        left = left - dealt
    return np.stack(found)
