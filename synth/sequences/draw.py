"""Draws the records of people: their first one is given, and each further one is drawn given those before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.surrogate import Surrogate, arrow_without, without
from synth.sequences.sequences import (
    History,
    Sequences,
    exact_column,
    features_before,
    numbers_of,
    put_drawn,
    unit_of,
)

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
        held, made = self.sequences, dict[str, pd.Series]()
        numbers = range(begin, begin + len(self.owner))
        for surrogate in _made_up(held):
            made[surrogate.name] = surrogate.draw(numbers, total)
        for i, column in enumerate(held.encoder.encoders):
            if column.name in held.ascending:
                exact, codes = exact_column(column, self.units[:, held.ascending.index(column.name)])
                made[column.name] = exact.decode(codes, None, rng)
            elif column.made_up is not None:
                made[column.name] = without(made[column.name], self.codes[:, i] == column.missing_code())
            elif column.name in held.varying:
                made[column.name] = column.decode(self.codes[:, i], self._residuals(i), rng)
        for name in (held.person, *held.constant):
            made[name] = self.people[name].iloc[self.owner].reset_index(drop=True)
        return pd.DataFrame({name: made[name] for name in held.encoder.schema.names})

    def arrow(self, rng: np.random.Generator, begin: int, total: int) -> pa.RecordBatch:
        """The same values as those of `frame`, by the same random numbers."""
        held, made = self.sequences, dict[str, pa.Array]()
        numbers = range(begin, begin + len(self.owner))
        for surrogate in _made_up(held):
            made[surrogate.name] = surrogate.to_arrow(numbers, total)
        for i, column in enumerate(held.encoder.encoders):
            if column.name in held.ascending:
                exact, codes = exact_column(column, self.units[:, held.ascending.index(column.name)])
                made[column.name] = exact.to_arrow(codes, None, rng)
            elif column.made_up is not None:
                made[column.name] = arrow_without(made[column.name], self.codes[:, i] == column.missing_code())
            elif column.name in held.varying:
                made[column.name] = column.to_arrow(self.codes[:, i], self._residuals(i), rng)
        for name in (held.person, *held.constant):
            made[name] = _arrow_of(self.people[name]).take(pa.array(self.owner))
        names = list(held.encoder.schema.names)
        return pa.RecordBatch.from_arrays([made[name] for name in names], names)

    def _residuals(self, column: int) -> NDArray[np.float32] | None:
        place = self.sequences.residual_places.get(column)
        return None if place is None else self.residuals[:, place]


def _made_up(held: Sequences) -> list[Surrogate]:
    """What makes up columns that change from record to record."""
    surrogates = [*held.encoder.surrogates, *(c.made_up for c in held.encoder.encoders if c.made_up is not None)]
    return [each for each in surrogates if each.name in held.varying]


def _arrow_of(column: pd.Series) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def draw_histories(held: Sequences, people: pd.DataFrame, counts: Ints, rng: np.random.Generator) -> Histories:
    """The records of people with so many records each; `people` holds what is constant, and their first record."""
    plan, encoder = held.plan, held.encoder
    starts = np.cumsum(counts) - counts
    records, columns = int(counts.sum()), encoder.encoders
    codes = np.zeros((records, len(columns)), dtype=np.int32)
    residuals = np.zeros((records, len(held.residual_places)), dtype=np.float32)
    units = np.zeros((records, len(held.ascending)))
    firsts = [column.encode(people[column.name], rng) for column in columns]
    for i, first in enumerate(firsts):
        codes[starts, i] = first.codes
        if first.residuals is not None:
            residuals[starts, held.residual_places[i]] = first.residuals
    for i, name in enumerate(held.ascending):
        units[starts, i] = _first_units(held, name, firsts[held.places[name]])
    state = _State(held, codes, residuals, units, rng)
    known = state.begin(starts, counts)
    alive = np.arange(len(counts))
    for number in range(1, int(counts.max(initial=0))):
        alive = alive[counts[alive] > number]
        known = _of(known, counts_left=known.count > number)
        known = state.follow(known, starts[alive] + number, number)
    del plan
    return Histories(
        sequences=held,
        people=people,
        owner=np.repeat(np.arange(len(counts)), counts),
        codes=codes,
        residuals=residuals,
        units=units,
    )


def _first_units(held: Sequences, name: str, first: object) -> Numbers:
    """(people,) the numbers of an ascending column in the first records."""
    inner = numbers_of(held.encoder.encoders[held.places[name]])
    units: Numbers = inner.emitted(np.minimum(first.codes, inner.width - 1), first.residuals)  # type: ignore[attr-defined]
    return np.where(np.isnan(units), inner.low, units)


def _of(known: History, counts_left: NDArray[np.bool_]) -> History:
    """Those people who have further records."""
    parts = {name: getattr(known, name)[counts_left] for name in History.__slots__}
    return History(**parts)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Where records are written to, as they are drawn."""

    held: Sequences
    codes: NDArray[np.int32]
    residuals: NDArray[np.float32]
    units: Numbers
    rng: np.random.Generator

    def begin(self, first: Ints, counts: Ints) -> History:
        """What is known of people after their first records, which stand at the places `first`."""
        plan = self.held.plan
        constant = [self._level(place, first) for place in plan.constant]
        levels = [self._level(each.place, first) for each in plan.drawn]
        value = np.stack(levels, axis=1) if levels else np.zeros((len(first), 0), dtype=np.int64)
        return History(
            constant=np.stack(constant, axis=1) if constant else np.zeros((len(first), 0), dtype=np.int64),
            number=np.ones(len(first), dtype=np.int64),
            count=counts,
            levels=value,
            step=np.zeros((len(first), len(self.held.ascending)), dtype=np.int64),
            total=value.copy(),
            units=self.units[first],
        )

    def _level(self, place: int, at: Ints) -> Ints:
        residual = self.held.residual_places.get(place)
        inside = None if residual is None else self.residuals[at, residual]
        return self.held.plan.levels[place].of(self.codes[at, place], inside)

    def follow(self, known: History, at: Ints, number: int) -> History:
        """What is known after one more record of each, which is drawn and written to the places `at`."""
        held, plan = self.held, self.held.plan
        features = features_before(plan, held, known)
        step = known.step.copy()
        for i, column in enumerate(plan.drawn):
            drawn = held.forest.draw(i, np.ascontiguousarray(features.T), self.rng)
            if column.ascends:
                step[:, i] = drawn
                self._rise(i, drawn, known.units[:, i], at)
            else:
                self._put(column.place, column.levels.size, drawn, at)
            put_drawn(plan, features, column, self._level(column.place, at), self.units[at, i] if not i else None)
        levels = np.stack([features[:, each.feature] for each in plan.drawn], axis=1) if plan.drawn else known.levels
        return History(
            constant=known.constant,
            number=np.full(len(at), number + 1),
            count=known.count,
            levels=levels,
            step=step,
            total=known.total + levels,
            units=self.units[at],
        )

    def _rise(self, i: int, drawn: Ints, before: Numbers, at: Ints) -> None:
        """Writes an ascending column: the value before and a step, and no more than may be emitted."""
        held = self.held
        column = held.encoder.encoders[held.plan.drawn[i].place]
        inner, levels = numbers_of(column), held.plan.drawn[i].levels
        value = before + np.maximum(held.steps[i].emitted(*levels.draw(drawn, self.rng)), 0.0)
        if unit_of(column) or inner.decimals is not None:
            value = np.round(value, 0 if unit_of(column) else inner.decimals or 0)
        value = np.maximum(np.minimum(value, inner.high), before)
        self.units[at, i] = value
        encoded = inner.encode(pd.Series(value), self.rng)
        place = held.plan.drawn[i].place
        self.codes[at, place] = encoded.codes
        if encoded.residuals is not None:
            self.residuals[at, held.residual_places[place]] = encoded.residuals

    def _put(self, place: int, same: int, drawn: Ints, at: Ints) -> None:
        """Writes a column as it was drawn, or as it stands in the record before."""
        held = self.held
        codes, residuals = held.plan.levels[place].draw(np.where(drawn == same, 0, drawn), self.rng)
        again = drawn == same
        self.codes[at, place] = np.where(again, self.codes[at - 1, place], codes)
        residual = held.residual_places.get(place)
        if residual is not None:
            self.residuals[at, residual] = np.where(again, self.residuals[at - 1, residual], residuals)
