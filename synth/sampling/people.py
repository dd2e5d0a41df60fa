"""Draws people with several records: first the people, then record after record of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.derived import check_against_rules, minutes_asked
from synth.encode.rules.steps import Group, Together
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.errors import ConditionError, SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sequences.draw import Histories, draw_histories
from synth.sequences.sequences import Sequences
from synth.table.histories import not_constant, not_free
from synth.table.ranges import AnyOf, Condition

BLOCK = 65_536
"""Records of a block, about: drawn side by side, and decoded at a time."""
PILOT = 1_000
"""People that tell how many there have to be."""
MORE = 1.1
"""So many times the people that there have to be, on average, are drawn at first."""

Conditions = Mapping[str, Condition] | None
Sampler = Callable[[TrainedModel, int, Rng, Mapping[str, Condition]], pd.DataFrame]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Block:
    """The records of some people."""

    histories: Histories
    begin: int
    """Where in the table they begin"""
    size: int
    """How many of them are wanted: the last person's may be cut off"""
    total: int
    rng: Rng

    def frame(self) -> pd.DataFrame:
        """The records as `sample` gives them."""
        return self.histories.frame(self.rng.spawn("decode").numpy, self.begin, self.total).iloc[: self.size]

    def arrow(self) -> pa.RecordBatch:
        """The records as `sample_batches` gives them."""
        return self.histories.arrow(self.rng.spawn("decode").numpy, self.begin, self.total).slice(0, self.size)


def draw_blocks(
    model: TrainedModel, sequences: Sequences, n: int, rng: Rng, conditions: Conditions, sampler: Sampler
) -> Iterator[Block]:
    """Blocks of `n` records in all, one at least; `sampler` draws records of the table of people.

    Raises SynthError on a negative `n`, and ConditionError where a condition is on a column that is not constant for a
    person: by the end of a history it would say little of the records that it is about.
    """
    if n < 0:
        raise SynthError(f"expected 0 records or more, got {n}")
    people = _people(model, sequences, n, rng.spawn("people"), of_people(sequences, conditions), sampler)
    counts = _counts(people, sequences)
    ends = np.cumsum(counts)
    people, counts = people.iloc[: int(np.searchsorted(ends, max(n, 1))) + 1], counts[ends - counts < max(n, 1)]
    begin = first = 0
    block = 0
    while first < len(counts):
        last = first + max(1, int(np.searchsorted(np.cumsum(counts[first:]), BLOCK, side="right")))
        size, random = counts[first:last], rng.spawn("records").spawn(str(block))
        some = people.iloc[first:last].reset_index(drop=True)
        histories = draw_histories(sequences, some, size, random.spawn("draw").numpy)
        histories = missing_alike(model, histories, random.spawn("missing").numpy)
        wanted = min(int(size.sum()), n - begin)
        yield Block(histories=histories, begin=begin, size=wanted, total=max(n, 1), rng=random)
        begin, first, block = begin + wanted, last, block + 1


def missing_alike(model: TrainedModel, histories: Histories, rng: np.random.Generator) -> Histories:
    """The records, in which columns that are missing together in the table are missing together.

    Trees say so of most records only. Of two columns that are missing in the same records the first decides: where it
    has a value and the other one has none, that takes one from another record.
    """
    encoders = histories.sequences.encoder.encoders
    codes, residuals = histories.codes.copy(), histories.residuals.copy()
    for one, other, both in _missing_pairs(model, histories.sequences):
        absent, lacking = encoders[one].missing_code(), encoders[other].missing_code()
        if absent is None or lacking is None:
            continue
        gone, lacks = codes[:, one] == absent, codes[:, other] == lacking
        donors, empty = np.flatnonzero(~lacks), np.flatnonzero(lacks & ~gone)
        codes[gone, other] = lacking
        if both and len(donors):
            chosen = rng.choice(donors, len(empty))
            codes[empty, other] = histories.codes[chosen, other]
            place = histories.sequences.residual_places.get(other)
            if place is not None:
                residuals[empty, place] = histories.residuals[chosen, place]
    return replace(histories, codes=codes, residuals=residuals)


def _missing_pairs(model: TrainedModel, sequences: Sequences) -> Iterator[tuple[int, int, bool]]:
    """(a column, one that is missing wherever that is, whether the reverse holds too), of those that vary."""
    if model.absent is None:
        return
    places = [sequences.places.get(c.name) if c.name in sequences.varying else None for c in model.encoder.encoders]
    for one, other in model.absent.nonzero().tolist():
        both = bool(model.absent[other, one])
        first, second = places[one], places[other]
        if first is not None and second is not None and (one < other or not both):
            yield first, second, both


def of_people(sequences: Sequences, conditions: Conditions) -> dict[str, Condition]:
    """The conditions as ones on the table of people.

    Raises ConditionError where one is on a column that changes from record to record, or that a rule makes from others.
    """
    rules, found = sequences.encoder.rules, dict[str, Condition]()
    check_against_rules(sequences.encoder, conditions or {})
    for name, wanted in (conditions or {}).items():
        step = rules.replaced.get(name)
        learnt = name if step is None else step.columns[0]
        if name == sequences.count and name not in sequences.encoder.schema.names:
            raise ConditionError(f"column {name!r}: the model has no such column")
        if name == sequences.person or learnt in (*sequences.varying, *sequences.ascending):
            raise ConditionError(not_constant(name, _constant(sequences)))
        if isinstance(step, Group | Together):
            texts = step.categories_with(name, wanted)
            before = found.get(learnt)
            texts &= frozenset(before.values if isinstance(before, AnyOf) else texts)
            if not texts:
                raise ConditionError(f"column {name!r}: expected a value that this model may emit, got another one")
            found[learnt] = AnyOf(tuple(sorted(texts)))
        elif sources := sorted({each for one in rules.steps if name in one.columns for each in one.sources}):
            raise ConditionError(not_free(name, sources))
        elif isinstance(step, TimeOfDay):
            found[name] = minutes_asked(sequences.encoder.schema[name], step, wanted)
        else:
            found[name] = wanted
    return found


def _constant(sequences: Sequences) -> list[str]:
    """The columns that conditions may be on."""
    rules = sequences.encoder.rules
    return [
        name
        for name in sequences.encoder.schema.names
        if (name in sequences.constant and not any(name in step.columns and step.sources for step in rules.steps))
        or (isinstance(step := rules.replaced.get(name), Group | Together) and step.columns[0] in sequences.constant)
    ]


def _people(
    model: TrainedModel, sequences: Sequences, n: int, rng: Rng, conditions: Mapping[str, Condition], sampler: Sampler
) -> pd.DataFrame:
    """People who have `n` records or more together."""
    alone = replace(model, sequences=None)
    pilot = _counts(sampler(alone, min(PILOT, max(n, 1)), rng.spawn("pilot"), conditions), sequences)
    wanted = int(MORE * n / pilot.mean()) + 20
    while True:
        people = sampler(alone, wanted, rng.spawn(str(wanted)), conditions)
        if int(_counts(people, sequences).sum()) >= n:
            return people
        wanted *= 2


def _counts(people: pd.DataFrame, sequences: Sequences) -> NDArray[np.int64]:
    counts = people[sequences.count].to_numpy(dtype=np.float64, na_value=1.0)
    found: NDArray[np.int64] = np.maximum(1, np.rint(counts)).astype(np.int64)
    return found
