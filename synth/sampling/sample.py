"""Draws synthetic records from a trained model, under any conditions on categories and on ranges of quantities.

Records are drawn in pieces, each from random numbers of its own: several pieces at a time where there are several
threads, and the table does not depend on how many there are, nor on whether it is wanted whole or in batches.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from torch import Tensor

from synth.chain.last_critic import Raking
from synth.conditions import allowed_by, by_sources, met, too_rare
from synth.derived import RAREST as RAREST_DERIVED
from synth.derived import Derived, derived_of
from synth.encode.base import Codes, Residuals
from synth.encode.table_encoder import EncodedTable
from synth.errors import ConditionWarning, SynthError
from synth.gan.condition_vector import make_conditions
from synth.gan.inference_net import fast_kind
from synth.missing import missing_together
from synth.model import TrainedModel
from synth.proposals import Free
from synth.randomness import Rng
from synth.sampling.apart import apart_batches, apart_frames
from synth.sampling.people import Block, draw_blocks, of_people
from synth.sampling.pieces import PIECE, pieces_of
from synth.sampling.smc import Request, draw_allowed_records
from synth.sequences.sequences import Sequences
from synth.table.pandas_types import frame_as_came
from synth.table.ranges import Condition

T = TypeVar("T")

BATCH = 4096
"""Records generated at a time: few enough for the processor's cache."""
BATCH_CELLS = 20_000_000
"""Records times codes drawn at a time, at most."""
FIRST_LOOK = 1024
"""Records drawn freely first, to see how many of them meet the conditions."""
RAREST = 0.3
"""Where a smaller share meets them, `synth.sampling.smc` draws them: one kept would take more than 3 free ones."""


def sample(
    model: TrainedModel,
    n: int,
    rng: Rng,
    *,
    conditions: Mapping[str, Condition] | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """`n` synthetic records with the columns and dtypes of the table learnt, each of which meets the conditions.

    A condition is a category of a categorical column, a `Range` of a numerical or datetime one, `AnyOf` several values,
    or whether a value is there (`Presence`). Where people have several records, these stand together and in order, and
    conditions are on columns that are constant for a person. `progress` is told the fraction done, in [0, 1]. Warns
    (ConditionWarning) where, by the model's estimate, fewer training records meet the conditions than must stand
    behind a value that is emitted. Raises SynthError on a negative `n`, and ConditionError where a column is unknown,
    an identifier or of another kind, or where the model may emit nothing of what is asked.
    """
    if model.sequences is not None:
        blocks = _blocks(model, model.sequences, n, rng, conditions, progress)
        frames = [*apart_frames(model, (block.frame() for block in blocks), conditions or {})]
        return frame_as_came(pd.concat(frames, ignore_index=True), model.schema)
    source = make_source(model, n, rng, conditions)

    def decoded(number: int) -> tuple[pd.DataFrame, float | None]:
        drawn, found = source.draw(number)
        return model.encoder.decode(drawn, source.decoding(number), begin=number * PIECE, total=n), found

    parts = list(apart_frames(model, _told(source, decoded, progress), conditions or {}))
    return frame_as_came(pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0], model.schema)


def sample_batches(
    model: TrainedModel,
    n: int,
    rng: Rng,
    *,
    conditions: Mapping[str, Condition] | None = None,
    progress: Callable[[float], None] | None = None,
    pieces: range | None = None,
) -> Iterator[pa.RecordBatch]:
    """The records of `sample` as Arrow batches, one batch at least; few of them are in memory at a time.

    With `pieces`, the records of these pieces of the table alone, see `synth.sampling.pieces`; not of people with
    several records, who are drawn one after another. Unique rules are kept among all records of a table, so these are
    still to go through `apart_batches`. Text comes as dictionaries of the categories. Raises at once what
    `sample` raises, and warns after the last batch.
    """
    if model.sequences is not None:
        if pieces is not None:
            raise SynthError("pieces: expected a model of people with one record each, got one of several records")
        make_source(replace(model, sequences=None), n, rng, of_people(model.sequences, conditions))
        blocks = _blocks(model, model.sequences, n, rng, conditions, progress)
        return apart_batches(model, (block.arrow() for block in blocks), conditions or {})
    source = make_source(model, n, rng, conditions)

    def decoded(number: int) -> tuple[pa.RecordBatch, float | None]:
        drawn, found = source.draw(number)
        return model.encoder.to_arrow(drawn, source.decoding(number), begin=number * PIECE, total=n), found

    batches = _told(source, decoded, progress, pieces)
    return batches if pieces is not None else apart_batches(model, batches, conditions or {})


def _blocks(
    model: TrainedModel,
    sequences: Sequences,
    n: int,
    rng: Rng,
    conditions: Mapping[str, Condition] | None,
    progress: Callable[[float], None] | None,
) -> Iterator[Block]:
    """The records of people who have several; tells the progress."""

    def people(people_alone: TrainedModel, count: int, random: Rng, given: Mapping[str, Condition]) -> pd.DataFrame:
        return sample(people_alone, count, random, conditions=given)

    for block in draw_blocks(model, sequences, n, rng, conditions, people):
        if progress is not None and n:
            progress(min(1.0, (block.begin + block.size) / n))
        yield block


def _told(
    source: Source,
    make: Callable[[int], tuple[T, float | None]],
    progress: Callable[[float], None] | None,
    pieces: range | None = None,
) -> Iterator[T]:
    """What `make` makes of each piece, in order; tells the progress, and warns at the end where there is a reason."""
    found: list[float] = []
    chosen = range(source.pieces) if pieces is None else pieces
    records = min(source.n, chosen.stop * PIECE) - chosen.start * PIECE
    for number, (made, probability) in enumerate(in_order(make, chosen, torch.get_num_threads())):
        found += [] if probability is None else [probability]
        if progress is not None and records:
            progress(min(1.0, (number + 1) * PIECE / records))
        yield made
    source.warn(found)


def in_order(make: Callable[[int], T], numbers: range, threads: int) -> Iterator[T]:
    """What `make` makes of each number, `threads` of them at a time; each in one thread, whatever their number.

    So torch adds up in the same order everywhere, and its threads do not wait for one another.
    """
    if threads == 1:
        yield from map(make, numbers)
        return
    waiting: deque[Future[T]] = deque()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                for number in numbers:
                    waiting.append(pool.submit(make, number))
                    if len(waiting) > threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        torch.set_num_threads(threads)  # part of what a thread sets holds for all of them


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """What records drawn so far tell of the conditions."""

    probability: float
    """How frequent records that meet them are"""
    raking: Raking | None = None
    """How the odds of a last critic are raked, where there is one"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Source:
    """What a table is drawn from."""

    model: TrainedModel
    n: int
    rng: Rng
    request: Request
    derived: Derived | None = None
    """Conditions on columns that rules make from others"""

    @property
    def pieces(self) -> int:
        """How many pieces there are, one at least."""
        return pieces_of(self.n)

    def draw(self, number: int) -> tuple[EncodedTable, float | None]:
        """(one piece, how frequent such records are by the model's own estimate where there are conditions).

        Its records are in random order, and pieces are independent of one another: a record's place in the table says
        nothing of it.
        """
        random = self.rng.spawn("records").spawn(str(number)).torch()
        codes, residuals, found = self.records(min(PIECE, self.n - number * PIECE), random)
        # records of a batch are drawn with regard to one another, and those drawn freely come before the others
        order = self.rng.spawn("order").spawn(str(number)).numpy.permutation(len(codes))
        return EncodedTable(codes=codes[order], residuals=residuals[order]), found

    def records(self, size: int, random: torch.Generator) -> tuple[Codes, Residuals, float | None]:
        """((size, C) codes, (size, R) residuals, how frequent such records are); in no random order."""
        # under conditions several records go through the chain for each that is kept
        cells = BATCH_CELLS // 2 if self.request.allowed else BATCH_CELLS
        batch = max(1, min(BATCH, cells // self.request.book.layout.codes))
        codes = np.empty((size, self.request.book.layout.columns), dtype=np.int32)
        residuals = np.empty((size, len(self.request.book.layout.residual_columns)), dtype=np.float32)
        found = list[Look]()
        with torch.inference_mode():
            for begin in range(0, size, batch):
                some = slice(begin, min(begin + batch, size))
                # what the first batch of a piece has seen to be rare is not looked for again
                rare = bool(found) and self.derived is None and found[-1].probability < RAREST
                drawn, placed, look = self._draw(some.stop - begin, random, rare=found[-1] if rare else None)
                codes[some], residuals[some] = drawn.numpy(), placed.numpy()
                found.append(look)
        asked = self.request.allowed or self.derived is not None
        return codes, residuals, float(np.mean([look.probability for look in found])) if asked and found else None

    def decoding(self, number: int) -> np.random.Generator:
        """The random numbers that a piece is decoded with."""
        return self.rng.spawn("decode").spawn(str(number)).numpy

    def probability(self, random: torch.Generator) -> float:
        """How frequent records that meet the conditions are, by the model's own estimate."""
        with torch.inference_mode():
            return self._draw(FIRST_LOOK, random)[2].probability

    def _draw(self, n: int, random: torch.Generator, *, rare: Look | None = None) -> tuple[Tensor, Tensor, Look]:
        """(codes, residuals, what is known of the conditions); an earlier look may have seen them to be `rare`.

        Where some are on columns that rules make from others, records are drawn until enough of them meet these. Raises
        ConditionError where next to none do.
        """
        if self.derived is None:
            return self._under_conditions(n, random, rare=rare)
        size = max(n, min(FIRST_LOOK, BATCH_CELLS // self.request.book.layout.codes))
        codes, residuals, tried, found, look = list[Tensor](), list[Tensor](), 0, 0, Look(probability=1.0)
        while found < n:
            if tried >= RAREST_DERIVED * max(found, 1):
                raise self.derived.refused()
            drawn, placed, look = self._under_conditions(size, random, rare=None)
            kept = self.derived.met(drawn, placed)
            codes.append(drawn[kept])
            residuals.append(placed[kept])
            tried, found = tried + size, found + len(codes[-1])
        share = found / tried if tried else 1.0
        return torch.cat(codes)[:n], torch.cat(residuals)[:n], replace(look, probability=look.probability * share)

    def _under_conditions(self, n: int, random: torch.Generator, *, rare: Look | None) -> tuple[Tensor, Tensor, Look]:
        """(codes, residuals, what is known of the conditions) under those that codes tell."""
        if not self.request.allowed:
            codes, residuals, _ = self._free(n, random)
            return codes, residuals, Look(probability=1.0)
        if rare is not None:
            drawn = draw_allowed_records(self.request, n, random, rare.raking)
            return drawn.codes, drawn.residuals, replace(rare, probability=drawn.probability)
        codes, residuals, look = self._met(n, random)
        if len(codes) == n:
            return codes, residuals, look
        rest = draw_allowed_records(self.request, n - len(codes), random, look.raking)
        codes, residuals = torch.cat([codes, rest.codes]), torch.cat([residuals, rest.residuals])
        return codes, residuals, replace(look, probability=rest.probability)

    def _free(self, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Raking | None]:
        """(codes, residuals, how the odds of a last critic are raked) under no conditions, see `Free.draw`."""
        request = self.request
        free = Free(
            generator=request.generator,
            frequencies=request.frequencies,
            missing=request.missing,
            links=request.links,
            critic=self.model.chain.critic,
            book=request.book,
        )
        return free.draw(n, random)

    def _met(self, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Look]:
        """(codes, residuals, what is known) of up to `n` records drawn freely, kept where they meet the conditions.

        These are exactly what the model knows of such records. None are kept where a first look finds them rare.
        """
        size = min(FIRST_LOOK, BATCH_CELLS // self.request.book.layout.codes)
        codes, residuals, tried, found, raking = list[Tensor](), list[Tensor](), 0, 0, None
        while found < n and tried * RAREST <= found:
            drawn, placed, raking = self._free(size, random)
            kept = met(drawn, placed, self.request.allowed, self.request.book.layout)
            codes.append(drawn[kept])
            residuals.append(placed[kept])
            tried, found, size = tried + size, found + len(codes[-1]), max(n, size)
        look = Look(probability=found / tried, raking=raking)
        return torch.cat(codes)[:n], torch.cat(residuals)[:n], look

    def warn(self, found: list[float]) -> None:
        """Warns where so few training records meet the conditions that the rest of a record is extrapolation."""
        if found and too_rare(self.model, self.request.allowed, float(np.mean(found)), self.request.book.layout):
            least, records = self.model.config.least, self.model.records
            warnings.warn(
                f"Fewer than {least} of the {records} training records meet the conditions, by what the model knows of"
                " them: sampled records meet the conditions, but the rest of them is extrapolation.",
                ConditionWarning,
                stacklevel=4,
            )


def make_source(model: TrainedModel, n: int, rng: Rng, conditions: Mapping[str, Condition] | None) -> Source:
    """What `n` records are drawn from. Raises SynthError and ConditionError, see `sample`."""
    if n < 0:
        raise SynthError(f"expected 0 records or more, got {n}")
    book = model.codebook()
    plain, derived = derived_of(model.encoder, conditions or {})
    names = [column.name for column in model.encoder.encoders]
    asked = allowed_by(model.encoder, plain)
    allowed, skipped = by_sources(asked, model.chain.dependencies, book.layout, names)
    request = Request(
        model=model,
        generator=model.proposer(fast_kind()),
        frequencies=make_conditions(model.counts, book.layout, 0.0),
        allowed=allowed,
        missing=missing_together(model, book.layout),
        links=model.chain.links(book, skipped),
        book=book,
    )
    return Source(
        model=model,
        n=n,
        rng=rng,
        request=request,
        derived=derived,
    )
