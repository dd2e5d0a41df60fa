"""Fits the encoder of a whole table: what each column is learnt as, and which columns get surrogates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.encode.base import ColumnEncoder
from synth.encode.identifier import PresenceEncoder, has_presence
from synth.encode.kinds import FITS, Limits
from synth.encode.replace import fit_surrogates
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.plan import RulePlan
from synth.encode.surrogate import Surrogate
from synth.encode.table_encoder import TableEncoder, untold
from synth.errors import TableError
from synth.randomness import Rng
from synth.table.people import people_of
from synth.table.schema import TableSchema
from synth.table.source import FrameTable, TableSource

PIECES = 32
"""Pieces of a numeric column, at most."""
PIECES_ALL = 640
"""Pieces of all numeric columns together, about; wide tables get fewer for each column, 8 at least."""
MANY_QUANTITIES, MODES_OF_MANY = 100, 5
"""More numeric columns than this have mixtures of so many components at most: fitting them is most of what encoders
take, and with 8 pieces there is little for more components to say."""


def _limits(schema: TableSchema, config: TrainConfig) -> Limits:
    """How fine quantities are coded: the more there are, the coarser."""
    quantities = len(schema.quantities)
    pieces = int(np.clip(PIECES_ALL // max(quantities, 1), 8, PIECES))
    modes = min(config.max_modes, MODES_OF_MANY) if quantities > MANY_QUANTITIES else config.max_modes
    return Limits(min_count=config.least, max_modes=modes, max_pieces=pieces)


def fit_encoder(
    table: pd.DataFrame | TableSource,
    schema: TableSchema,
    config: TrainConfig,
    rng: Rng,
    *,
    progress: Callable[[float], None] = untold,
    rules: RulePlan | None = None,
) -> TableEncoder:
    """The encoder of a table. `progress` hears the part done, in [0, 1]; `rules` are how rules are kept, where known.

    Everything that it can emit is backed by `min_count` people, or records where the schema names no person column
    (`protect`). A categorical column in which no category may be emitted gets surrogates, as identifiers do. Raises
    TableError where nothing is left to learn.
    """
    came = schema
    source = FrameTable(table) if isinstance(table, pd.DataFrame) else table
    if rules is None:
        rules = plan_rules(source, schema, config.least, rng.spawn("rules"))
    source, schema = rules.forward(source, schema), rules.learnt(schema)
    people, limits = people_of(source, schema), _limits(schema, config)
    encoders: list[ColumnEncoder] = []
    replaced: list[str] = []
    for number, spec in enumerate(schema):
        progress(number / len(schema.names))
        found = FITS[spec.kind](source.column(spec.name), spec, people, limits, rng.spawn(spec.name).numpy)
        if found is None:
            replaced.append(spec.name)
        else:
            encoders.append(found)
    if not encoders:
        raise TableError("expected at least one column that can be learnt, got identifiers only")
    made = fit_surrogates(source, schema, replaced, rng.spawn("surrogates"), config.least)
    kept = {name for name in replaced if has_presence(source.column(name), people, config.least)}
    encoders += [PresenceEncoder(surrogate=made[name]) for name in replaced if name in kept]
    encoders.sort(key=lambda column: schema.names.index(column.name))
    progress(1.0)
    surrogates = tuple(made[name] for name in replaced if name not in kept)
    told = _told(came, rules, encoders, made)
    return TableEncoder(schema=told, encoders=tuple(encoders), surrogates=surrogates, rules=rules)


def _told(
    schema: TableSchema, rules: RulePlan, encoders: Sequence[ColumnEncoder], made: Mapping[str, Surrogate]
) -> TableSchema:
    """The schema of what comes out: it stands in the model file.

    It has no markers and no categories that too few people hold. Columns that are replaced lose a type that made-up
    values do not fit.
    """
    by_name = {column.name: column for column in encoders if column.name not in rules.replaced}
    told = [by_name[s.name].told(s) if s.name in by_name else replace(s, order=()) for s in schema]
    untyped = {name for name, surrogate in made.items() if not surrogate.fits(schema[name].arrow_type)}
    return TableSchema(
        columns=tuple(replace(s, arrow_type="", pandas_dtype="") if s.name in untyped else s for s in told)
    )
