"""Draws the records of people: their first one is given, and each further one is drawn given those before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.chain.dependency import NO_RULE
from synth.encode.base import ColumnEncoder, EncodedColumn
from synth.encode.rules.shown import arrow_of
from synth.encode.surrogate import Surrogate, arrow_without, without
from synth.sequences.levels import Levels
from synth.sequences.plan import MOST_BACK, Drawn, History, Plan, put_column, watched
from synth.sequences.rises import applies, join, numbers_of
from synth.sequences.sequences import Sequences

PICKED = 8
"""Earlier records among which the most alike is looked for."""

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Histories:
    """The records of some people, person after person, each in order."""

    sequences: Sequences
    people: pd.DataFrame
    """One record for each, with what is constant for them"""
    owner: Ints
    """(records,) whose each is: a place among the people"""
    codes: NDArray[np.int32]
    """(records, encoded columns)"""
    residuals: NDArray[np.float32]
    units: Numbers
    """(records, ascending columns)"""

    def frame(self, rng: np.random.Generator, begin: int, total: int) -> pd.DataFrame:
        """The records with the schema's columns; they are those from `begin` of `total`."""
        made = self._drawn(frozenset(self.sequences.learnt.names), rng, begin, total)
        return pd.DataFrame({name: made[name] for name in self.sequences.encoder.schema.names})

    def arrow(self, rng: np.random.Generator, begin: int, total: int) -> pa.RecordBatch:
        """The same values as those of `frame`, by the same random numbers."""
        held, made = self.sequences, dict[str, pa.Array]()
        numbers, rules = range(begin, begin + len(self.owner)), self.sequences.encoder.rules
        ruled = rules.needed(rules.changed) if rules.steps else frozenset[str]()
        for surrogate in _made_up(held):
            made[surrogate.name] = surrogate.to_arrow(numbers, total)
        for i, column in enumerate(held.encoder.encoders):
            if column.name in held.constant or column.name in ruled:
                continue
            if column.made_up is not None:
                made[column.name] = arrow_without(made[column.name], self.codes[:, i] == column.missing_code())
            else:
                exact, codes, residuals = self._coded(i)
                made[column.name] = exact.to_arrow(codes, residuals, rng)
        for name in (held.person, *held.constant):
            made[name] = _arrow_of(self.people[name]).take(pa.array(self.owner))
        restored = self._drawn(ruled, rng, begin, total)
        made |= {name: arrow_of(column) for name, column in restored.items()}
        names = list(held.encoder.schema.names)
        return pa.RecordBatch.from_arrays([made[name] for name in names], names)

    def _drawn(self, names: frozenset[str], rng: np.random.Generator, begin: int, total: int) -> dict[str, pd.Series]:
        """What is learnt under these names, and in its place the columns that rules make of it."""
        held, made = self.sequences, dict[str, pd.Series]()
        for surrogate in _made_up(held):
            if surrogate.name in names:
                made[surrogate.name] = surrogate.draw(range(begin, begin + len(self.owner)), total)
        for i, column in enumerate(held.encoder.encoders):
            if column.name in held.constant or column.name not in names:
                continue
            if column.made_up is not None:
                made[column.name] = without(made[column.name], self.codes[:, i] == column.missing_code())
            else:
                exact, codes, residuals = self._coded(i)
                made[column.name] = exact.decode(codes, residuals, rng)
        for name in names.intersection((held.person, *held.constant)):
            made[name] = self.people[name].iloc[self.owner].reset_index(drop=True)
        return held.encoder.rules.restore(made, held.encoder.schema, people=self.owner) if made else made

    def _coded(self, column: int) -> tuple[ColumnEncoder, NDArray[np.int32], NDArray[np.float32] | None]:
        """(what decodes an encoded column, its codes, its residuals)."""
        held, encoder = self.sequences, self.sequences.encoder.encoders[column]
        if encoder.name in held.ascending:
            return *_exact(encoder, self.units[:, held.ascending.index(encoder.name)]), None
        place = held.residual_places.get(column)
        return encoder, self.codes[:, column], None if place is None else self.residuals[:, place]


def _made_up(held: Sequences) -> list[Surrogate]:
    """What makes up columns that change from record to record."""
    surrogates = [*held.encoder.surrogates, *(c.made_up for c in held.encoder.encoders if c.made_up is not None)]
    return [each for each in surrogates if each.name in held.varying]


def _arrow_of(column: pd.Series) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def _exact(column: ColumnEncoder, units: Numbers) -> tuple[ColumnEncoder, NDArray[np.int32]]:
    """(an encoder that writes these very numbers as the column writes its own, (n,) their codes)."""
    values, codes = np.unique(units, return_inverse=True)
    atoms = tuple(values.tolist()) or (0.0,)
    numbers = replace(numbers_of(column), atoms=atoms, modes=(), pieces=(), low=atoms[0], high=atoms[-1], missing=False)
    return column.with_numbers(numbers), codes.astype(np.int32)


def draw_histories(held: Sequences, people: pd.DataFrame, counts: Ints, rng: np.random.Generator) -> Histories:
    """The records of people with so many records each; `people` holds what is constant, and their first record."""
    columns = held.encoder.encoders
    starts = np.cumsum(counts) - counts
    records = int(counts.sum())
    codes = np.zeros((records, len(columns)), dtype=np.int32)
    residuals = np.zeros((records, len(held.residual_places)), dtype=np.float32)
    units = np.zeros((records, len(held.ascending)))
    for i, column in enumerate(columns):
        first = column.encode(people[column.name], rng)
        codes[starts, i] = first.codes
        if first.residuals is not None:
            residuals[starts, held.residual_places[i]] = first.residuals
        if column.name in held.ascending:
            units[starts, held.ascending.index(column.name)] = _first_units(column, first)
    writer = _Writer(held, codes, residuals, units, rng)
    known, alive = writer.begin(starts, counts), np.arange(len(counts))
    for number in range(1, int(counts.max(initial=0))):
        alive = alive[counts[alive] > number]
        known = writer.follow(known.of(known.count > number), starts[alive] + number)
    return Histories(
        sequences=held,
        people=people,
        owner=np.repeat(np.arange(len(counts)), counts),
        codes=codes,
        residuals=residuals,
        units=units,
    )


def _first_units(column: ColumnEncoder, first: EncodedColumn) -> Numbers:
    """(people,) the numbers of an ascending column in the first records."""
    inner = numbers_of(column)
    units = inner.emitted(np.minimum(first.codes, inner.width - 1), first.residuals)
    return np.where(np.isnan(units), inner.low, units)


@dataclass(frozen=True, slots=True, eq=False)
class _Writer:
    """Where records are written to, as they are drawn."""

    held: Sequences
    codes: NDArray[np.int32]
    residuals: NDArray[np.float32]
    units: Numbers
    rng: np.random.Generator

    def begin(self, first: Ints, counts: Ints) -> History:
        """What is known of people after their first records, which stand at the places `first`.

        Of these the ascending columns stay as they were proposed; all others are drawn anew.
        """
        plan, size = self.held.plan, len(first)
        constant = [self._level(place, levels, first) for place, levels in plan.constant]
        known = History(
            constant=np.stack(constant, axis=1) if constant else np.zeros((size, 0), dtype=np.int64),
            number=np.zeros(size, dtype=np.int64),
            count=counts,
            levels=np.full((size, len(plan.columns)), -1),
            steps=np.zeros((size, plan.steps), dtype=np.int64),
            total=np.zeros((size, len(plan.means) + len(plan.shares)), dtype=np.int64),
            units=self.units[first],
        )
        return self.follow(known, first, first=True)

    def _level(self, place: int, levels: Levels, at: Ints) -> Ints:
        residual = self.held.residual_places.get(place)
        return levels.of(self.codes[at, place], None if residual is None else self.residuals[at, residual])

    def follow(self, known: History, at: Ints, *, first: bool = False) -> History:
        """What is known after one more record of each, which is drawn and written to the places `at`."""
        held, plan = self.held, self.held.plan
        features = known.features(plan)
        steps = np.zeros_like(known.steps)
        parts: dict[str, Numbers] = {}
        like = None
        for i, drawn in enumerate(plan.drawn):
            if like is None and drawn.part is None and drawn.number in plan.means:
                like = self._last_like(plan, known.number, at)
                features[:, plan.like] = like < at
            column = plan.columns[drawn.number]
            if first and drawn.part is not None:
                if drawn.last:
                    level = self._level(column.place, column.levels, at)
                    put_column(plan, features, column, level, self.units[at, drawn.number])
                continue
            found = held.forest.draw(i, np.ascontiguousarray(features.T), self.rng)
            if drawn.part is None:
                self._put(drawn, found, at, at if first else self._source(drawn, found, like, known.number, at))
                self._look_up(drawn, at)
            else:
                parts[drawn.part] = held.steps[i].emitted(*drawn.levels.draw(found, self.rng))
                counts = applies(drawn.part, parts)
                features[:, drawn.feature] = steps[:, i] = found if counts is None else np.where(counts, found, 0)
                if drawn.last:
                    self._rise(drawn, known.units[:, drawn.number], parts, known.count - known.number, at)
                    parts = {}
            if drawn.last:
                dates = self.units[at, drawn.number] if drawn.part is not None else None
                put_column(plan, features, column, self._level(column.place, column.levels, at), dates)
        levels = features[:, [column.feature for column in plan.columns]]
        return History(
            constant=known.constant,
            number=known.number + 1,
            count=known.count,
            levels=levels,
            steps=steps,
            total=known.total + watched(plan, levels),
            units=self.units[at],
        )

    def _look_up(self, drawn: Drawn, at: Ints) -> None:
        """Writes the looked-up value of a column that others determine, where it is known."""
        for rule in self.held.lookups:
            if rule.column != drawn.name:
                continue
            sources = np.stack([self.codes[at, self.held.places[name]] for name in rule.sources], axis=1)
            wanted = rule.find(sources.astype(np.int64))
            known = wanted != NO_RULE
            self.codes[at[known], drawn.place] = wanted[known]
            residual = self.held.residual_places.get(drawn.place)
            if residual is not None:
                self.residuals[at[known], residual] = 0.0

    def _rise(self, drawn: Drawn, before: Numbers, parts: dict[str, Numbers], left: Ints, at: Ints) -> None:
        """Writes an ascending column, by how it goes on from what it was before."""
        column = self.held.encoder.encoders[drawn.place]
        self.units[at, drawn.number] = join(column, before, parts, left)
        encoded = numbers_of(column).encode(pd.Series(self.units[at, drawn.number]), self.rng)
        self.codes[at, drawn.place] = encoded.codes
        if encoded.residuals is not None:
            self.residuals[at, self.held.residual_places[drawn.place]] = encoded.residuals

    def _source(self, drawn: Drawn, found: Ints, like: Ints | None, number: Ints, at: Ints) -> Ints:
        """(B,) the places of the records whose value is taken where it is drawn to be as somewhere before."""
        again = found == drawn.again
        if not again.any():
            return at - 1
        earlier = self._earlier(drawn.number, number, at) if like is None else np.where(like < at, like, at - 1)
        return np.where(again, earlier, at - 1)

    def _last_like(self, plan: Plan, number: Ints, at: Ints) -> Ints:
        """(B,) the place of the person's last record before with the same categories; `at` where there is none."""
        places = np.array([plan.columns[i].place for i in plan.categories], dtype=np.int64)
        found, wanted = at.copy(), self.codes[np.ix_(at, places)]
        if not len(places):
            return found
        for back in range(1, min(int(number.max(initial=0)), MOST_BACK) + 1):
            open_ = np.flatnonzero((found == at) & (number >= back))
            if not len(open_):
                break
            same = (self.codes[np.ix_(at[open_] - back, places)] == wanted[open_]).all(axis=1)
            found[open_[same]] = at[open_[same]] - back
        return found

    def _earlier(self, column: int, number: Ints, at: Ints) -> Ints:
        """(B,) the place of an earlier record of each person: of some that chance picks, the one most like this.

        It differs from the record before in the column, where any of them does, and has most of the categories that are
        drawn already.
        """
        plan = self.held.plan
        own = plan.columns[column].place
        drawn = [plan.columns[i].place for i in plan.categories if i < column]
        picked = at[:, None] - 1 - (self.rng.random((len(at), PICKED)) * number[:, None]).astype(np.int64)
        score = (2.0 * len(drawn) + 1) * (self.codes[picked, own] != self.codes[at - 1, own][:, None])
        for place in drawn:
            score += self.codes[picked, place] == self.codes[at, place][:, None]
        found: Ints = picked[np.arange(len(at)), np.argmax(score, axis=1)]
        return found

    def _put(self, drawn: Drawn, found: Ints, at: Ints, source: Ints) -> None:
        """Writes a column as it was drawn, or as it stands in the records `source`."""
        again = (found >= drawn.same) & (source < at)
        instead = self._level(drawn.place, drawn.levels, np.minimum(source, at))
        found = np.where(found >= drawn.same, instead, found)
        codes, residuals = drawn.levels.draw(found, self.rng)
        self.codes[at, drawn.place] = np.where(again, self.codes[source, drawn.place], codes)
        residual = self.held.residual_places.get(drawn.place)
        if residual is not None:
            self.residuals[at, residual] = np.where(again, self.residuals[source, residual], residuals)
