"""Carries records of one table over to another one: last year's to this year's, one hospital's to another's.

One model learns both tables, with the domain that a record comes from as one more column. To carry a record over is to
change that column and let what hangs together with it follow, as little as needed (`synth.uses.change`): what is as
likely in the other domain stays. No two records of the tables belong together, as with the pictures of CycleGAN (Zhu et
al. 2017), but there is no second network that is to bring a record back: how much stays follows from the two
distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.errors import SynthError, TableError
from synth.gan.objective import OBJECTIVES
from synth.model import TrainedModel
from synth.protection import FOREST_RECORDS
from synth.randomness import Rng
from synth.table.frame import validate
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.sizes import FEWEST_TO_ADAPT

SOURCE, TARGET = "source", "target"
"""The domains, in the column that says which."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Adapted:
    """Records that were carried over."""

    table: pd.DataFrame
    """One for each record of the source, in its order; cells that did not change are the source's own"""
    changed: Mapping[str, float]
    """By column the share of cells that changed"""


def adapt(
    source: pd.DataFrame,
    target: pd.DataFrame,
    schema: TableSchema,
    rng: Rng,
    *,
    config: TrainConfig | None = None,
    train: Callable[[pd.DataFrame, TableSchema, TrainConfig, Rng], TrainedModel] = fit,
    progress: Callable[[float], None] | None = None,
) -> Adapted:
    """The records of `source` as they would be among those of `target`, by a generator that is trained on both.

    Identifiers stay as they are. Without a `config` the generator does not protect rare values: the result holds real
    cells, and is not to leave. `train` fits the generator, and `progress` is told the fraction of the rest.
    Raises TableError where a table does not fit the schema, has fewer than FEWEST_TO_ADAPT records, where the schema
    names people, where both have fewer than FOREST_RECORDS together, or where the training was too short for a model
    that redraws columns; all but the last before it trains.
    """
    if schema.with_role(ColumnRole.PERSON) is not None:
        raise TableError("expected tables of people with one record each, got a schema with a column that names people")
    parts = {SOURCE: _checked(source, schema, "first"), TARGET: _checked(target, schema, "second")}
    domain = domain_name(schema)
    config = config or TrainConfig(protect=False)
    _expect_redrawn(sum(map(len, parts.values())), config)
    both = pd.concat([part.assign(**{domain: name}) for name, part in parts.items()], ignore_index=True)
    model = train(both, with_domain(schema, domain), config, rng.spawn("fit"))
    return adapt_with(model, parts[SOURCE], rng, domain=domain, progress=progress)


def adapt_with(
    model: TrainedModel,
    source: pd.DataFrame,
    rng: Rng,
    *,
    domain: str,
    progress: Callable[[float], None] | None = None,
) -> Adapted:
    """The same by a model that is there already, and knows which domain a record is of by the column `domain`."""
    if all(link.column is None for link in model.chain.links(model.codebook())):
        raise TableError(
            "expected tables of which a model learns to redraw columns given the others, got a model that redraws "
            "none: train it for longer"
        )
    before = source.assign(**{domain: SOURCE})
    after = change(model, before, {domain: TARGET}, rng.spawn("change"), progress).drop(columns=domain)
    changed = {str(name): float(_differs(before[name], after[name]).mean()) for name in after}
    return Adapted(table=after, changed=changed)


def _expect_redrawn(records: int, config: TrainConfig) -> None:
    """Raises TableError where a model of so many records redraws no column, and SynthError where none is to."""
    if records < FOREST_RECORDS:
        raise TableError(
            f"expected {FOREST_RECORDS} records or more in both tables together, got {records}: of fewer no model "
            "learns to redraw columns given the others"
        )
    if not OBJECTIVES[config.objective].settings(config, records).redraw:
        raise SynthError(
            "config: expected redraw=True and objective='tables', after which columns are redrawn given the others, "
            f"got redraw={config.redraw} and objective={config.objective!r}"
        )


def domain_name(schema: TableSchema) -> str:
    """A name that no column of the schema has."""
    name = "domain"
    while name in schema.names:
        name += "_"
    return name


def with_domain(schema: TableSchema, name: str) -> TableSchema:
    """The schema with one more column, of the domain."""
    return replace(schema, columns=(*schema.columns, ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL)))


def _checked(table: pd.DataFrame, schema: TableSchema, which: str) -> pd.DataFrame:
    """The table as it is stored. Raises TableError that says which of the two is wrong."""
    absent = [name for name in schema.names if name not in table.columns]
    others = len(set(table.columns) - set(schema.names))
    if absent or others:
        such = f", such as {absent[0]!r}" if absent else ""
        raise TableError(
            f"{which} table: expected the {len(schema)} columns of the schema, {len(absent)} are missing{such} and"
            f" {others} are others: give both tables the same columns"
        )
    if len(table) < FEWEST_TO_ADAPT:
        raise TableError(f"{which} table: expected {FEWEST_TO_ADAPT} records or more, got {len(table)}")
    try:
        return validate(table, schema)
    except TableError as error:
        raise TableError(f"{which} table: {error}") from error


def _differs(before: pd.Series, after: pd.Series) -> np.ndarray:
    """(n,) whether cells differ; two missing ones do not."""
    one, other = before.to_numpy(dtype=object), after.to_numpy(dtype=object)
    gone = before.isna().to_numpy(), after.isna().to_numpy()
    found: np.ndarray = np.where(gone[0] | gone[1], gone[0] != gone[1], one != other)
    return found
