"""Learns how the records of a person follow one another, and the table of people that a generator learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.config import TrainConfig
from synth.encode.categorical import CategoricalEncoder
from synth.encode.fit_numeric import fit_numeric
from synth.encode.table_encoder import EncodedTable, TableEncoder, fit_encoder
from synth.randomness import Rng
from synth.sequences.forest import TREES, SequenceForest, joined
from synth.sequences.grow import Grown, bin_features, grow_tree
from synth.sequences.levels import Levels
from synth.sequences.outline import Outline, counted, find_outline
from synth.sequences.sequences import (
    Drawn,
    History,
    Plan,
    Sequences,
    features_before,
    plan_of,
    put_drawn,
    stored_code,
    units_of,
)
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable, TableSource

MOST_CELLS = 3_000_000
"""Features times records that trees are grown on, at most: those of some of the people, where there are more."""
STEP_PIECES = 32
"""Pieces of the steps of an ascending column, at most."""
SHOWN = 7
"""Levels that a tree tells apart by an output of their own, at most."""
OFTEN = 0.02
"""Share of records that such a level of a quantity has, at least."""

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """Some records of a table, in an order of their own."""

    table: TableSource
    rows: Ints
    also: pd.Series | None = None
    """A further column"""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pd.Series:
        """(records,) one column."""
        if self.also is not None and name == self.also.name:
            return self.also
        return self.table.column(name).iloc[self.rows].reset_index(drop=True)

    def taken(self, name: str) -> pd.Series | None:
        """All values of the column in the table: made-up ones are none of them."""
        if self.also is not None and name == self.also.name:
            return None
        whole = self.table.taken(name)
        return self.table.column(name) if whole is None else whole


def table_of_people(table: TableSource, schema: TableSchema, outline: Outline) -> tuple[Selected, TableSchema]:
    """One record for each person: what is constant, the first record, and how many there are; and its schema."""
    name = "records"
    while name in schema.names:
        name += "_"
    counts = pd.Series(outline.counts, name=name)
    columns = [replace(spec, role=_role(spec.role)) for spec in schema]
    count = ColumnSpec(name=name, kind=ColumnKind.NUMERICAL)
    return Selected(table, outline.first, counts), TableSchema(columns=(*columns, count))


def first_records(validation: pd.DataFrame, schema: TableSchema, least: int) -> pd.DataFrame | None:
    """The table of the people in `validation`; None where it has too few of them."""
    outline = find_outline(FrameTable(validation), schema, least) if len(validation) else None
    if outline is None:
        return None
    people, of_people = table_of_people(FrameTable(validation), schema, outline)
    return pd.DataFrame({name: people.column(name) for name in of_people.names})


def _role(role: ColumnRole) -> ColumnRole:
    return role if role is ColumnRole.TARGET else ColumnRole.FEATURE


def fit_sequences(
    table: TableSource,
    schema: TableSchema,
    outline: Outline,
    config: TrainConfig,
    rng: Rng,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> Sequences:
    """How records follow one another, by all people of the outline; `progress` hears the part done, in [0, 1].

    Every leaf of its trees holds records of LEAF_RECORDS people at least, and no step, value or category is emitted
    that fewer than `config.least` people have.
    """
    records = Selected(table, outline.rows)
    encoder = fit_encoder(records, schema, config, rng.spawn("encoder"))
    codes = encoder.encode(records, rng.spawn("encode"))
    learnt = {column.name for column in encoder.encoders}
    ascending = tuple(name for name in outline.ascending if name in learnt)
    units = np.stack(
        [
            units_of(column, counted(records.column(column.name), schema[column.name]))
            for name in ascending
            for column in encoder.encoders
            if column.name == name
        ]
        or [np.zeros(len(records))],
        axis=1,
    )
    later = np.flatnonzero(np.diff(outline.who, prepend=-1) == 0)
    rise = np.maximum(units[later] - units[later - 1], 0.0)
    steps = tuple(
        fit_numeric(
            pd.Series(rise[:, i], name=name),
            rng.spawn(f"step {i}").numpy,
            min_count=config.least,
            max_modes=config.max_modes,
            max_pieces=STEP_PIECES,
            people=outline.who[later],
        )
        for i, name in enumerate(ascending)
    )
    held = Sequences(
        person=outline.person,
        count=table_of_people(table, schema, outline)[1].names[-1],
        constant=outline.constant,
        ascending=ascending,
        varying=tuple(n for n in schema.names if n in outline.varying or (n in outline.ascending and n not in learnt)),
        encoder=encoder,
        steps=steps,
        forest=None,  # type: ignore[arg-type] # grown below, by the plan of the rest
    )
    material = _material(held, records, outline, codes, units, rise, rng)
    object.__setattr__(held, "forest", _grow(held, material, rng.spawn("trees").numpy, progress))
    return held


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Material:
    """Records that follow others, of the people that trees are grown on."""

    features: NDArray[np.int32]
    targets: tuple[Ints, ...]
    """Of each drawn column the level that is drawn"""
    who: Ints


def _material(
    held: Sequences,
    records: Selected,
    outline: Outline,
    encoded: EncodedTable,
    units: Numbers,
    rise: Numbers,
    rng: Rng,
) -> Material:
    plan, encoder = plan_of(held), held.encoder
    levels = [_levels(encoder, encoded, each.place, plan.levels[each.place], rng) for each in plan.drawn]
    value = np.stack(levels, axis=1) if levels else np.zeros((len(records), 0), dtype=np.int64)
    constant = [_levels(encoder, encoded, place, plan.levels[place], rng) for place in plan.constant]
    some = _some_people(outline, MOST_CELLS // max(plan.width, 1), rng.spawn("people").numpy)
    number = np.arange(len(records)) - outline.starts[outline.who]
    later = np.flatnonzero((number > 0) & some[outline.who])
    before = later - 1
    total = np.cumsum(value, axis=0)
    total -= (total[outline.starts] - value[outline.starts])[outline.who]
    step_levels, step = [], np.zeros((len(records), len(held.ascending)), dtype=np.int64)
    follows = np.flatnonzero(number > 0)
    for i, encoder_of_steps in enumerate(held.steps):
        coded = encoder_of_steps.encode(pd.Series(rise[:, i]), rng.spawn(f"steps {i}").numpy)
        step[follows, i] = plan.drawn[i].levels.of(coded.codes, coded.residuals)
        step_levels.append(step[:, i])
    known = History(
        constant=np.stack([each[later] for each in constant], axis=1)
        if constant
        else np.zeros((len(later), 0), dtype=np.int64),
        number=number[later],
        count=outline.counts[outline.who[later]],
        levels=value[before],
        step=step[before],
        total=total[before],
        units=units[before],
    )
    features = features_before(plan, held, known)
    targets = []
    for i, column in enumerate(plan.drawn):
        put_drawn(plan, features, column, value[later, i], units[later, i] if column.ascends else None)
        if column.ascends:
            targets.append(step_levels[i][later])
            continue
        stored = stored_code(records.column(column.name))
        targets.append(np.where(stored[later] == stored[before], column.same, value[later, i]))
    return Material(features=features.astype(np.int32), targets=tuple(targets), who=outline.who[later])


def _levels(encoder: TableEncoder, encoded: EncodedTable, place: int, levels: Levels, rng: Rng) -> Ints:
    """(records,) the levels of an encoded column; the rare code as the categories that it would be shown as."""
    column, codes = encoder.encoders[place], encoded.codes[:, place].astype(np.int32)
    if isinstance(column, CategoricalEncoder) and column.rare:
        random = rng.spawn(f"rare {place}").numpy
        codes = column.encode(column.decode(codes, None, random), random).codes
    residuals = encoder.residual_columns
    return levels.of(codes, encoded.residuals[:, residuals.index(place)] if place in residuals else None)


def _some_people(outline: Outline, records: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(people,) whether trees are grown on their records: of so many people that these are about so many."""
    if len(outline.rows) <= records:
        return np.ones(len(outline.starts), dtype=np.bool_)
    order = rng.permutation(len(outline.starts))
    kept = np.cumsum(outline.counts[order]) <= max(records, 1)
    found = np.zeros(len(order), dtype=np.bool_)
    found[order[: max(int(kept.sum()), min(len(order), 500))]] = True
    return found


def _grow(
    held: Sequences, material: Material, rng: np.random.Generator, progress: Callable[[float], None]
) -> SequenceForest:
    plan: Plan = held.plan
    binned = bin_features(material.features, material.who)
    trees: list[list[Grown]] = []
    for number, column in enumerate(plan.drawn):
        target = material.targets[number]
        outputs = _outputs(column, target, quantity=column.ascends or number in plan.quantities)
        trees.append([grow_tree(binned, column.seen, outputs, target, rng) for _ in range(TREES)])
        progress((number + 1) / len(plan.drawn))
    return joined(trees)


def _outputs(column: Drawn, target: Ints, *, quantity: bool) -> Numbers:
    """(records, outputs) what a tree explains: a quantity's place, and which of the most frequent levels it is."""
    distinct, counts = np.unique(target, return_counts=True)
    often = distinct[np.argsort(-counts, kind="stable")][:SHOWN]
    if quantity and len(distinct) > SHOWN:
        often = often[[counts[distinct == each][0] >= OFTEN * len(target) for each in often]]
    outputs = [(target == level).astype(np.float64) for level in often]
    if quantity or len(distinct) > SHOWN:
        rank = np.searchsorted(np.sort(target), target, side="left") / len(target)
        same = target == column.same if not column.ascends else np.zeros(len(target), dtype=np.bool_)
        outputs.append(np.where(same, rank[~same].mean() if (~same).any() else 0.0, rank))
    return np.stack(outputs, axis=1)
