"""What becomes of each column in a training, and what of it will not come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.encode.ranges import beyond
from synth.encode.rules.steps import AnyStep, Computed, DateOfParts, Gap, Group, Same, Snap, Together, plain_cells
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.encode.table_encoder import TableEncoder
from synth.rules.kept import BROKEN, kept_by
from synth.rules.numbers import numbers_of
from synth.rules.text import text_of_rule
from synth.table.schema import ColumnSpec, TableSchema
from synth.table.source import TableSource
from synth.table.values import parse


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnForecast:
    """What becomes of one column."""

    name: str
    becomes: str
    loses: tuple[str, ...]
    codes: int
    """0 for a column that is not learnt."""


def described_columns(
    encoder: TableEncoder, table: TableSource, schema: TableSchema, config: TrainConfig
) -> Iterator[ColumnForecast]:
    """What becomes of each column, in the order of the schema."""
    by_name = {column.name: column for column in encoder.encoders}
    learnt = encoder.rules.forward(table, schema)
    snaps = {step.shown.name: step for step in encoder.rules.steps if isinstance(step, Snap)}
    for spec in schema:
        found, step = by_name.get(spec.name), encoder.rules.replaced.get(spec.name)
        if step is not None:
            yield ColumnForecast(
                name=spec.name,
                becomes=_follows(step, spec.name),
                loses=tuple(_ruled_out(step, spec.name, encoder, table, schema, config.least)),
                codes=0 if found is None else found.width,
            )
        elif found is None or found.made_up is not None:
            yield ColumnForecast(
                name=spec.name,
                becomes=f"made-up values{_kind_of(spec)}",
                loses=("every value: none of the table's comes back",),
                codes=0 if found is None else found.width,
            )
        else:
            yield ColumnForecast(
                name=spec.name,
                becomes=found.summary() + (_snaps(snaps[spec.name]) if spec.name in snaps else ""),
                loses=tuple(found.losses(learnt.column(spec.name), config.least)),
                codes=found.width,
            )


def _kind_of(spec: ColumnSpec) -> str:
    form = spec.to_json().get("form") or {}
    return f" of the kind {form['of']}" if isinstance(form, dict) and form.get("of") else " in the same format"


def _snaps(step: Snap) -> str:
    """What is learnt of a column besides its values where it is often the same as others."""
    return f"; how often it is the same as {', '.join(map(repr, step.sources))}"


def _follows(step: AnyStep, name: str) -> str:
    """What is learnt in place of a column that a rule replaces."""
    others = ", ".join(repr(other) for other in (*step.columns, *step.sources) if other != name)
    match step:
        case Computed():
            found = f"computed by the rule {text_of_rule(step.rule)}"
        case Same():
            found = f"whether it is the same as {others}, and its values where it is not"
        case DateOfParts():
            found = f"put together from {others} and the rest of it, which is learnt"
        case TimeOfDay():
            found = "its minutes since midnight"
        case Gap():
            found = f"its distance from {others}"
        case Group():
            found = f"one category together with {others}: which of them is 1"
        case _:
            found = f"one category together with {others}: their combination"
    return found


def _ruled_out(
    step: AnyStep, name: str, encoder: TableEncoder, table: TableSource, schema: TableSchema, least: int
) -> Iterator[str]:
    """What a column loses by the rules that replace it."""

    def values(column: str) -> pd.Series:
        cells, spec = table.column(column), schema[column]
        return parse(cells, spec).values if spec.is_written else cells

    for rule in (each.rule for each in encoder.rules.rules if name in each.rule.columns):
        broken = float(np.mean(kept_by(rule, {n: values(n) for n in rule.columns}) == BROKEN))
        if broken:
            yield (
                f"what {broken:.2%} of the records have, which break {text_of_rule(rule)}: they are learnt as if they "
                "kept it"
            )
    if isinstance(step, Together):
        known, cells = set(step.rows), (plain_cells(table.column(column)) for column in step.columns)
        rare = float(np.mean([row not in known for row in zip(*cells, strict=True)]))
        if rare:
            yield f"{rare:.2%} of the combinations: fewer than {least} people have each; others take their place"
    if isinstance(step, Gap):
        yield from beyond(numbers_of(values(name)), step.low, step.high, least)
