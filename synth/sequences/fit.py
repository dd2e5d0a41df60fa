"""Learns how the records of a person follow one another, and the table of people that a generator learns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.config import TrainConfig
from synth.encode.base import ColumnEncoder
from synth.encode.fit_encoder import fit_encoder
from synth.encode.numeric import NumericEncoder
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.randomness import Rng
from synth.sequences.forest import TREES, SequenceForest, joined
from synth.sequences.grow import Grown, bin_features, grow_tree
from synth.sequences.levels import Levels
from synth.sequences.looked_up import look_up
from synth.sequences.outline import Outline, counted, find_outline, stored_code
from synth.sequences.plan import MOST_BACK, WATCHED, Drawn, History, Plan, plan_of, put_column, watched
from synth.sequences.rises import fit_part, parts_of, split, units_of
from synth.sequences.ruled import RuledPeople
from synth.sequences.sequences import Sequences
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable, TableSource

MOST_CELLS = 3_000_000
"""Features times records that trees are grown on, at most: those of some of the people, where there are more."""
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


def table_of_people(ruled: RuledPeople) -> tuple[Selected, TableSchema]:
    """One record for each person: what is constant, the first record, and how many there are; and its schema."""
    return people_in(ruled.learnt, ruled.learnt_schema, ruled.outline, ruled.schema.names)


def people_in(
    table: TableSource, schema: TableSchema, outline: Outline, taken: Sequence[str]
) -> tuple[Selected, TableSchema]:
    """The table of people of what is learnt; the column of how many records each has is called as none of the taken."""
    name = "records"
    while name in taken:
        name += "_"
    counts = pd.Series(outline.counts, name=name)
    columns = [replace(spec, role=_role(spec.role)) for spec in schema]
    count = ColumnSpec(name=name, kind=ColumnKind.NUMERICAL)
    return Selected(table, outline.first, counts), replace(schema, columns=(*columns, count))


def first_records(validation: pd.DataFrame, ruled: RuledPeople, least: int) -> pd.DataFrame | None:
    """The table of the people in `validation`; None where it has too few of them."""
    learnt, schema = ruled.rules.forward(FrameTable(validation), ruled.schema), ruled.learnt_schema
    outline = find_outline(learnt, schema, least) if len(validation) else None
    if outline is None:
        return None
    people, of_people = people_in(learnt, schema, outline, ruled.schema.names)
    return pd.DataFrame({name: people.column(name) for name in of_people.names})


def _role(role: ColumnRole) -> ColumnRole:
    return role if role is ColumnRole.TARGET else ColumnRole.FEATURE


def fit_sequences(
    ruled: RuledPeople,
    config: TrainConfig,
    rng: Rng,
    *,
    progress: Callable[[float], None] = lambda _: None,
    in_time: Callable[[], bool] = lambda: True,
) -> Sequences:
    """How records follow one another, by all people of the outline; `progress` hears the part done, in [0, 1].

    Every leaf of its trees holds records of LEAF_PEOPLE people at least, and no step, value or category is emitted
    that fewer than `config.least` people have. A column whose turn comes when `in_time` is false any more is drawn as
    often as it has each value, whatever is known.
    """
    outline, came = ruled.outline, Selected(ruled.came, ruled.outline.rows)
    encoder = fit_encoder(came, ruled.schema, config, rng.spawn("encoder"), rules=ruled.rules)
    codes = encoder.encode(came, rng.spawn("encode"))
    records, schema = ruled.rules.forward(came, ruled.schema), ruled.learnt_schema
    learnt = {column.name for column in encoder.encoders}
    ascending = tuple(name for name in outline.ascending if name in learnt)
    columns = {column.name: column for column in encoder.encoders}
    numbers = [units_of(columns[name], counted(records.column(name), schema[name])) for name in ascending]
    units = np.stack(numbers, axis=1) if numbers else np.zeros((len(records), 0))
    rises = _rises(columns, ascending, units, outline, config, rng)
    steps, varying = (
        tuple(rise.encoder for rise in rises),
        tuple(n for n in schema.names if _varies(n, outline, learnt)),
    )
    encoder, codes, lookups = look_up(came, encoder, codes, varying, outline.who, config.least, rng)
    plan = plan_of(encoder, outline.constant, ascending, varying, steps, [each.column for each in lookups])
    material = _material(plan, encoder, records, outline, codes, units, rises, rng)
    forest, hurried = _grow(plan, material, rng.spawn("trees").numpy, progress, in_time)
    return Sequences(
        person=outline.person,
        count=table_of_people(ruled)[1].names[-1],
        constant=outline.constant,
        ascending=ascending,
        varying=varying,
        encoder=encoder,
        steps=steps,
        forest=forest,
        lookups=lookups,
        hurried=hurried,
    )


def _varies(name: str, outline: Outline, learnt: Collection[str]) -> bool:
    """Whether a column is drawn anew for each record; one that ascends but is not learnt is made up."""
    return name in outline.varying or (name in outline.ascending and name not in learnt)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rise:
    """One part of how a column rises."""

    encoder: NumericEncoder
    values: Numbers
    """(records,)"""
    drawn: NDArray[np.bool_]
    """(records,) where it is drawn: nowhere in first records"""


def _rises(
    columns: Mapping[str, ColumnEncoder],
    ascending: Sequence[str],
    units: Numbers,
    outline: Outline,
    config: TrainConfig,
    rng: Rng,
) -> list[Rise]:
    found, follows = [], np.diff(outline.who, prepend=-1) == 0
    for i, name in enumerate(ascending):
        before = np.roll(units[:, i], 1)
        for part in parts_of(columns[name]):
            values, drawn = split(columns[name], part, before, units[:, i])
            drawn &= follows
            random = rng.spawn(f"{part} {i}").numpy
            fitted = fit_part(
                columns[name], values[drawn], outline.who[drawn], random, least=config.least, modes=config.max_modes
            )
            found.append(Rise(encoder=fitted, values=values, drawn=drawn))
    return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Material:
    """Records of the people that trees are grown on."""

    features: NDArray[np.int32]
    who: Ints
    targets: tuple[Ints, ...]
    """Of all that is drawn the level"""
    rows: tuple[Ints, ...]
    """Of all that is drawn the records in which it is"""


def _material(  # noqa: PLR0913, PLR0917 - all that a table is made of
    plan: Plan,
    encoder: TableEncoder,
    records: TableSource,
    outline: Outline,
    encoded: EncodedTable,
    units: Numbers,
    rises: Sequence[Rise],
    rng: Rng,
) -> Material:
    value = _stacked([_levels(encoder, encoded, c.place, c.levels, rng) for c in plan.columns], len(records))
    constant = _stacked([_levels(encoder, encoded, place, each, rng) for place, each in plan.constant], len(records))
    steps = [_steps(rise, drawn.levels, rng) for rise, drawn in zip(rises, plan.drawn, strict=False)]
    some = _some_people(outline, MOST_CELLS // max(plan.width, 1), rng.spawn("people").numpy)
    number = np.arange(len(records)) - outline.starts[outline.who]
    at = np.flatnonzero(some[outline.who])
    first = number[at] == 0
    before = np.where(first, at, at - 1)
    seen = watched(plan, value)
    total = np.cumsum(seen, axis=0)
    total -= (total[outline.starts] - seen[outline.starts])[outline.who]
    features = History(
        constant=constant[at],
        number=number[at],
        count=outline.counts[outline.who[at]],
        levels=np.where(first[:, None], -1, value[before]),
        steps=_stacked(steps, len(records))[before],
        total=np.where(first[:, None], 0, total[before]),
        units=units[before],
    ).features(plan)
    like = _last_like(value[:, list(plan.categories)], outline.who)
    if plan.like:
        features[:, plan.like] = like[at] >= 0
    targets, rows = list[Ints](), list[Ints]()
    for i, drawn in enumerate(plan.drawn):
        column = plan.columns[drawn.number]
        if drawn.part is None:
            stored = stored_code(records.column(drawn.name))
            quantity = drawn.number in plan.means
            again = (like >= 0) & (stored[np.maximum(like, 0)] == stored)
            if not quantity:
                many = drawn.levels.size > WATCHED
                again = _held_before(stored, outline.who) if many else np.zeros(len(stored), dtype=np.bool_)
            target = np.where(again[at], drawn.again, value[at, drawn.number])
            targets.append(np.where(~first & (stored[at] == stored[before]), drawn.same, target))
            rows.append(np.arange(len(at)))
        else:
            targets.append(steps[i][at])
            features[:, drawn.feature] = targets[-1]
            where = np.flatnonzero(rises[i].drawn[at])
            rows.append(where if len(where) else np.arange(len(at)))
        if drawn.last:
            dates = units[at, drawn.number] if drawn.part is not None else None
            put_column(plan, features, column, value[at, drawn.number], dates)
    return Material(features=features.astype(np.int32), who=outline.who[at], targets=tuple(targets), rows=tuple(rows))


def _held_before(stored: Ints, who: Ints) -> NDArray[np.bool_]:
    """(records,) whether an earlier record of the person has the same value."""
    return _last_like(stored[:, None], who, back=len(stored)) >= 0


def _last_like(values: Ints, who: Ints, back: int = MOST_BACK) -> Ints:
    """(records,) the place of the person's last record before with the same (records, K) values.

    -1 where there is none among the `back` before, or where K is 0.
    """
    found = np.full(len(who), -1)
    if not values.shape[1]:
        return found
    order = np.lexsort([*values.T, who])
    keys = np.column_stack([who, values])[order]
    same = (keys[1:] == keys[:-1]).all(axis=1)
    found[order[1:][same]] = order[:-1][same]
    return np.where(np.arange(len(who)) - found <= back, found, -1)


def _stacked(columns: Sequence[Ints], records: int) -> Ints:
    return np.stack(columns, axis=1) if columns else np.zeros((records, 0), dtype=np.int64)


def _steps(rise: Rise, levels: Levels, rng: Rng) -> Ints:
    """(records,) the levels of one part of a rise; 0 where it is not drawn."""
    coded = rise.encoder.encode(pd.Series(rise.values), rng.spawn("steps").numpy)
    return np.where(rise.drawn, levels.of(coded.codes, coded.residuals), 0)


def _levels(encoder: TableEncoder, encoded: EncodedTable, place: int, levels: Levels, rng: Rng) -> Ints:
    """(records,) the levels of an encoded column; the rare code as the categories that it would be shown as."""
    column, codes = encoder.encoders[place], encoded.codes[:, place].astype(np.int32)
    if column.rare_code() is not None:
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
    plan: Plan,
    material: Material,
    rng: np.random.Generator,
    progress: Callable[[float], None],
    in_time: Callable[[], bool],
) -> tuple[SequenceForest, bool]:
    """(the trees of all that is drawn, whether there was no time for the splits of some)."""
    binned = bin_features(material.features, material.who)
    trees: list[list[Grown]] = []
    hurried = False
    for number, drawn in enumerate(plan.drawn):
        rows, target = material.rows[number], material.targets[number]
        some = _outputs(drawn, target[rows], quantity=drawn.part is not None or drawn.number in plan.means)
        outputs = np.zeros((len(target), some.shape[1]))
        outputs[rows] = some
        seen = drawn.seen if in_time() else 0
        hurried |= seen < drawn.seen
        trees.append([grow_tree(binned, seen, outputs, target, rng, rows=rows) for _ in range(TREES)])
        progress((number + 1) / len(plan.drawn))
    return joined(trees), hurried


def _outputs(drawn: Drawn, target: Ints, *, quantity: bool) -> Numbers:
    """(records, outputs) what a tree explains: a quantity's place, and which of the most frequent levels it is."""
    distinct, counts = np.unique(target, return_counts=True)
    often = distinct[np.argsort(-counts, kind="stable")][:SHOWN]
    if quantity and len(distinct) > SHOWN:
        often = often[[counts[distinct == each][0] >= OFTEN * len(target) for each in often]]
    outputs = [(target == level).astype(np.float64) for level in often]
    if quantity or len(distinct) > SHOWN:
        rank = np.searchsorted(np.sort(target), target, side="left") / len(target)
        same = (target == drawn.same) | (target == drawn.again)
        outputs.append(np.where(same, rank[~same].mean() if (~same).any() else 0.0, rank))
    return np.stack(outputs, axis=1)
