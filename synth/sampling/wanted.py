"""What is drawn from a model, with or without a mix: the one way for jobs and for the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.apart import apart_batches
from synth.sampling.augment import augmented
from synth.sampling.mix import mixed_batches, mixed_source
from synth.sampling.sample import sample_batches
from synth.table.mix import Augment, Mix, check_augment
from synth.table.ranges import Condition, Presence


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is drawn from a model."""

    rows: int
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    mixes: Sequence[Mix] = ()
    augment: Augment | None = None
    """More records of one category, beside so many rows"""
    count: Callable[[Sequence[Mix]], NDArray[np.int64]] | None = None
    """`people_behind` in the training records, where they are at hand; else the model reckons"""

    @property
    def held(self) -> dict[str, Condition]:
        """What is asked of columns; of those of a mix, that they stay as they are."""
        names = [name for mix in self.mixes for name in mix.columns]
        names += [] if self.augment is None else [self.augment.column]
        return {**self.conditions, **dict.fromkeys(names, Presence.PRESENT)}


def wanted_batches(
    model: TrainedModel,
    wanted: Wanted,
    rng: Rng,
    *,
    progress: Callable[[float], None] | None = None,
    pieces: range | None = None,
) -> Iterator[pa.RecordBatch]:
    """The records as Arrow batches, all or those of these pieces, see `sample_batches`.

    Raises as `sample_batches` and `sample_mix` do.
    """
    rows, mixes = wanted.rows, wanted.mixes
    if wanted.augment is not None:
        check_augment(mixes, wanted.conditions)
        rows, mix = augmented(model, rows, wanted.augment, counted=wanted.count is not None)
        mixes = [mix]
    if not mixes:
        return sample_batches(model, rows, rng, conditions=wanted.conditions, progress=progress, pieces=pieces)
    behind = None if wanted.count is None else wanted.count(mixes)
    if behind is not None and wanted.augment is not None:  # all other records keep the shares that they have
        behind[1:] = np.maximum(behind[1:], model.config.least)
    source = mixed_source(model, rows, rng, mixes, wanted.conditions, behind=behind)
    batches = mixed_batches(model, source, progress=progress, pieces=pieces)
    return batches if pieces is not None else apart_batches(model, batches, wanted.held)
