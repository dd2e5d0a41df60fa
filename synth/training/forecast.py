"""What a training will take and what it will lose, found by a trial on some records: before anybody waits for it.

The trial does on at most TRIED records, on this machine, all that a training does: encoders, trees, a few steps, a look
with its critic, and the weights of one column. What grows with the records is scaled.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.encode.base import ColumnEncoder
from synth.encode.categorical import CategoricalEncoder
from synth.encode.datetime import DatetimeEncoder
from synth.encode.numeric import NumericEncoder
from synth.encode.surrogate import PresenceEncoder
from synth.encode.table_encoder import TableEncoder, fit_encoder
from synth.encode.written import WrittenEncoder
from synth.gan.adversary import challenge
from synth.gan.calibrate import ROUNDS, calibrate
from synth.gan.step import make_networks, settle, train_step
from synth.randomness import Rng, some_of
from synth.table.schema import ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable, TableSource
from synth.table.values import parse
from synth.training.evaluate import judge
from synth.training.fit_forest import MOST_CELLS, MOST_RECORDS, suits, try_weights
from synth.training.prepare import prepare
from synth.training.schedule import step_count

TRIED = 4_000
"""Records of the trial, at most."""
DESCRIBED = 200_000
"""Records from which it is told what becomes of columns, at most."""
STEPS = 4
"""Steps of the trial that are timed, after one that is not."""
GROWTH = 0.5
"""How much of the preparation grows in proportion to the records that trees are grown on; the rest is per column."""
BYTES_A_CELL = 40
"""Of the records beyond the trial, by cell: codes, residuals, ranks and a column of the table at a time."""
AFTER = 1.15
"""What follows the steps, beside calibration and weights: settling and saving."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnForecast:
    """What becomes of one column."""

    name: str
    becomes: str
    loses: tuple[str, ...]
    codes: int
    """0 for a column that is not learnt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a training will take and lose."""

    columns: tuple[ColumnForecast, ...]
    records: int
    """Records that are trained on."""
    codes: int
    """Codes of all columns together: the width of the generator's output."""
    steps: int
    seconds: float
    """Without the limit of a time budget, on this machine as busy as it is now."""
    budget_seconds: float
    """After so long the training ends with what it has."""
    bytes: int
    """Resident memory of the training process at its peak."""


def forecast(
    table: TableSource,
    schema: TableSchema,
    config: TrainConfig,
    rng: Rng,
    *,
    records: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Forecast:
    """The forecast of a training on this table, or on `records` of its records.

    Runs on the CPU; `clock` gives seconds. The memory is that of this very process, so it has to be a fresh one. Raises
    TableError on a table that cannot be learnt.
    """
    records = len(table) if records is None else records
    config = config.with_(device="cpu", validation=0.0)
    # rare is what is rare among the records that are trained on, so that no more of them are looked at
    described = taken(table, schema, min(DESCRIBED, records), rng.spawn("described"))
    encoder = fit_encoder(described, schema, config, rng.spawn("encoder"))
    columns = tuple(described_columns(encoder, described, schema, config))
    trial = taken(table, schema, min(TRIED, records), rng.spawn("tried"))
    seconds, steps, tried = _tried(trial, schema, config, records, rng, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Forecast(
        columns=columns,
        records=records,
        codes=sum(encoder.widths),
        steps=steps,
        seconds=seconds,
        budget_seconds=60 * config.max_minutes,
        bytes=peak + BYTES_A_CELL * max(records - tried, 0) * len(schema.names),
    )


def taken(table: TableSource, schema: TableSchema, most: int, rng: Rng) -> FrameTable:
    """Some records of the table, at most so many, in memory."""
    rows = some_of(len(table), min(most, len(table)), rng.numpy)
    return FrameTable(
        pd.DataFrame({name: table.column(name).iloc[rows].reset_index(drop=True) for name in schema.names})
    )


def _tried(
    table: FrameTable,
    schema: TableSchema,
    config: TrainConfig,
    records: int,
    rng: Rng,
    seconds_now: Callable[[], float],
) -> tuple[float, int, int]:
    """(seconds of the whole training, its steps, records that were tried)."""
    clock = _Clock(now=seconds_now, at=seconds_now())
    ready = prepare(
        table, schema, config, rng.spawn("trial"), validation=None, scratch=None, progress=lambda _part: None
    )
    tried, columns = len(table), len(ready.encoder.encoders)
    preparing = clock.lap()
    networks = make_networks(config, ready.material, rng)
    train_step(networks, ready.material, config, 1.0)
    clock.lap()
    for _ in range(STEPS):
        train_step(networks, ready.material, config, 1.0)
    step = clock.lap() / STEPS
    critic = challenge(networks, ready.material, config, rng.spawn("critic"))
    settled = settle(networks.average, ready.material, rng.spawn("average"))
    judge(settled, ready.yardstick, ready.material, critic, rng.spawn("judge").torch())
    look = clock.lap()
    calibrate(settled, ready.material, rng.spawn("calibrate"), rounds=1)
    calibrating = ROUNDS * clock.lap()
    weighing = try_weights(ready.grown) * clock.lap()
    most = max(MOST_RECORDS, MOST_CELLS // columns)
    grown = min(records, most) / min(tried, most)
    redrawn = schema.with_role(ColumnRole.PERSON) is None and config.redraw
    redrawn = redrawn and suits(records, ready.encoder.widths)
    steps = config.steps or step_count(records, redrawn=redrawn)
    steps_seconds = steps * step + steps / config.critic_every * look
    seconds = preparing * (1 + GROWTH * (grown - 1)) + steps_seconds + AFTER * (calibrating + weighing)
    return seconds, steps, tried


@dataclass(kw_only=True, slots=True)
class _Clock:
    """Seconds since the last lap."""

    now: Callable[[], float]
    at: float

    def lap(self) -> float:
        """Seconds since the lap before."""
        before, self.at = self.at, self.now()
        return self.at - before


def described_columns(
    encoder: TableEncoder, table: TableSource, schema: TableSchema, config: TrainConfig
) -> Iterator[ColumnForecast]:
    """What becomes of each column, in the order of the schema."""
    by_name = {column.name: column for column in encoder.encoders}
    for spec in schema:
        found = by_name.get(spec.name)
        if found is None or isinstance(found, PresenceEncoder):
            yield ColumnForecast(
                name=spec.name,
                becomes=f"made-up values{_kind_of(spec)}",
                loses=("every value: none of the table's comes back",),
                codes=0 if found is None else found.width,
            )
        else:
            yield _learnt(found, spec, table.column(spec.name), config.least)


def _kind_of(spec: ColumnSpec) -> str:
    form = spec.to_json().get("form") or {}
    return f" of the kind {form['of']}" if isinstance(form, dict) and form.get("of") else " in the same format"


def _learnt(column: ColumnEncoder, spec: ColumnSpec, values: pd.Series, least: int) -> ColumnForecast:
    if isinstance(column, CategoricalEncoder):
        return ColumnForecast(
            name=spec.name,
            becomes=f"{len(column.categories):,} categories" + (", or missing" if column.missing else ""),
            loses=tuple(_rare(column, values, least)),
            codes=column.width,
        )
    numeric, numbers = _numbers(column, spec, values)
    return ColumnForecast(
        name=spec.name,
        becomes=f"{len(numeric.pieces):,} ranges and {len(numeric.atoms):,} single values"
        + (", or missing" if numeric.missing else ""),
        loses=tuple(_beyond(numeric, numbers, least)),
        codes=column.width,
    )


def _rare(column: CategoricalEncoder, values: pd.Series, least: int) -> Iterator[str]:
    if column.rare:
        distinct, kept = values.nunique(), len(column.categories)
        share = 1 - float(values.isin(list(column.categories)).sum()) / max(int(values.notna().sum()), 1)
        yield (
            f"{distinct - kept:,} of {distinct:,} categories, {share:.2%} of the values: fewer than {least} people "
            "have each, or they hold contact details; the others take their place"
        )


def _beyond(column: NumericEncoder, values: np.ndarray, least: int) -> Iterator[str]:
    known = values[~np.isnan(values)]
    if column.pieces and len(known):
        beyond = float(np.mean((known < column.low) | (known > column.high)))
        if beyond:
            yield f"{beyond:.2%} of the values lie further out than {least} people share: they come back as the ends"
    if column.pieces and column.decimals is None:
        yield "the last digits: values between those of the table are interpolated"


def _numbers(column: ColumnEncoder, spec: ColumnSpec, values: pd.Series) -> tuple[NumericEncoder, np.ndarray]:
    """The numeric encoder inside of a quantity's, and the values as it counts them."""
    if isinstance(column, WrittenEncoder):
        return _numbers(column.inner, spec, parse(values, spec).values)
    if isinstance(column, DatetimeEncoder):
        return column.inner, column.units(values).to_numpy(dtype=np.float64, na_value=np.nan)
    if not isinstance(column, NumericEncoder):
        raise TypeError(f"expected the encoder of a quantity, got {type(column).__name__}")
    return column, values.to_numpy(dtype=np.float64, na_value=np.nan)
