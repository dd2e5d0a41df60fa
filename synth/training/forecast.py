"""What a training will take and what it will lose, found by a trial on some records: before anybody waits for it.

Encoders are fitted on as many records as will be trained on, or nearly as many: which categories are learnt, and so how
wide the generator is, is up to that. With these the trial does on at most TRIED records, on this machine, all else that
a training does: trees, a few steps, a look, and the weights of one column. What grows with the records
is scaled. Where people have several records, all of that is tried on the table of people, and how their records follow
one another on some of them.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.encode.rules.declared import without_broken
from synth.encode.table_encoder import TableEncoder
from synth.gan.calibrate import calibrate
from synth.gan.objective import OBJECTIVES
from synth.gan.step import settle
from synth.randomness import Rng, some_of
from synth.sequences.fit import fit_sequences, table_of_people
from synth.sequences.learnt import learnable
from synth.sequences.ruled import RuledPeople, rule_people
from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import FrameTable, SomeRecords, TableSource
from synth.training.after_steps import rounds_of, with_more
from synth.training.described import ColumnForecast, described_columns
from synth.training.described_rules import RuleForecast, described_rules
from synth.training.evaluate import judge
from synth.training.fit_forest import MOST_CELLS, MOST_RECORDS, suits, try_weights
from synth.training.prepare import prepare
from synth.training.schedule import step_count

TRIED = 4_000
"""Records of the trial, at most."""
DESCRIBED_CELLS, LEAST_DESCRIBED = 8_000_000, 20_000
"""Records times columns from which it is told what becomes of columns, about; and records, if there are so many."""
STEPS = 4
"""Steps of the trial that are timed, after one that is not."""
GROWTH = 0.5
"""How much of the preparation grows in proportion to the records that trees are grown on; the rest is per column."""
BYTES_A_CELL = 40
"""Of the records beyond the trial, by cell: codes, residuals, ranks and a column of the table at a time."""
AFTER = 1.15
"""What else follows the steps: settling and saving."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a training will take and lose."""

    columns: tuple[ColumnForecast, ...]
    rules: tuple[RuleForecast, ...]
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
    ruled = rule_people(table, schema, config, rng.spawn("ruled"))
    if ruled is None:
        learnable_part = learnable(table, schema, config.least).source(table)
        records, table = max(1, round(records * len(learnable_part) / len(table))), learnable_part
    # rare is what is rare among the records that are trained on, so that no more of them are looked at
    most = min(records, max(LEAST_DESCRIBED, DESCRIBED_CELLS // len(schema.names)))
    described = without_broken(SomeRecords(table, some_of(len(table), most, rng.spawn("described").numpy)), schema)
    begun = clock()
    rules = None if ruled is None else ruled.rules
    encoder = fit_encoder(described, schema, config, rng.spawn("encoder"), rules=rules)
    fitting = (clock() - begun) * max(1.0, records / len(described))
    columns, codes = tuple(described_columns(encoder, described, schema, config)), sum(encoder.widths)
    told = tuple(described_rules(encoder.rules, described, schema))
    following, source, learnt, of_each = 0.0, table, records, schema
    of_trial: TableEncoder | None = encoder
    if ruled is not None:
        following = records * _following(ruled, config, rng.spawn("sequences"), clock)
        source, of_each = table_of_people(ruled)
        learnt = max(1, round(records * len(source) / len(table)))
        of_trial, fitting = None, 0.0
    trial = taken(source, of_each, min(TRIED, learnt), rng.spawn("tried"))
    config = OBJECTIVES[config.objective].settings(config, learnt)
    seconds, steps, tried = _tried(trial, of_each, of_trial, config, learnt, rng, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Forecast(
        columns=columns,
        rules=told,
        records=records,
        codes=codes,
        steps=steps,
        seconds=fitting + seconds + following,
        budget_seconds=60 * config.max_minutes,
        bytes=peak + BYTES_A_CELL * max(records - tried, 0) * len(schema.names),
    )


def taken(table: TableSource, schema: TableSchema, most: int, rng: Rng) -> FrameTable:
    """Some records of the table, at most so many, in memory."""
    rows = some_of(len(table), min(most, len(table)), rng.numpy)
    return FrameTable(
        pd.DataFrame({name: table.column(name).iloc[rows].reset_index(drop=True) for name in schema.names})
    )


def _following(ruled: RuledPeople, config: TrainConfig, rng: Rng, now: Callable[[], float]) -> float:
    """Seconds for each record in which it is learnt how the records of people follow one another, by some of them.

    No less than it takes: trees are grown on a part of the records of a very large table.
    """
    outline = ruled.outline
    people = rng.spawn("people").numpy.permutation(len(outline.counts))
    some = np.zeros(len(people), dtype=bool)
    some[people[: 1 + int(np.searchsorted(np.cumsum(outline.counts[people]), TRIED))]] = True
    rows = np.sort(outline.rows[some[outline.who]])
    own = rule_people(SomeRecords(ruled.came, rows), ruled.schema.with_rules(find=False), config, rng)
    if own is None:
        return 0.0
    begun = now()
    fit_sequences(own, config, rng)
    return (now() - begun) / len(rows)


def _tried(
    table: FrameTable,
    schema: TableSchema,
    encoder: TableEncoder | None,
    config: TrainConfig,
    records: int,
    rng: Rng,
    seconds_now: Callable[[], float],
) -> tuple[float, int, int]:
    """(seconds of the whole training but for an `encoder` that is given, its steps, records that were tried)."""
    clock = _Clock(now=seconds_now, at=seconds_now())
    ready = prepare(
        table,
        schema,
        config,
        rng.spawn("trial"),
        validation=None,
        scratch=None,
        progress=lambda _part: None,
        encoder=encoder,
    )
    tried, columns = len(table), len(ready.encoder.encoders)
    preparing = clock.lap()
    objective = OBJECTIVES[config.objective]
    networks = objective.make(config, ready.material, rng)
    objective.step(networks, ready.material, config, 1.0)
    clock.lap()
    for _ in range(STEPS):
        objective.step(networks, ready.material, config, 1.0)
    step = clock.lap() / STEPS
    settled = settle(networks.average, ready.material, rng.spawn("average"))
    judge(settled, ready.yardstick, ready.material, rng.spawn("judge").torch())
    look = clock.lap()
    rounds = rounds_of(config)
    calibrate(settled, ready.material, rng.spawn("calibrate"), min(1, rounds))
    calibrating = rounds * clock.lap()
    weighing = try_weights(ready.grown) * clock.lap() * with_more(ready.encoder, config, records)
    most = max(MOST_RECORDS, MOST_CELLS // columns)
    grown = min(records, most) / min(tried, most)
    redrawn = schema.with_role(ColumnRole.PERSON) is None and config.redraw
    redrawn = redrawn and suits(records, ready.encoder.widths)
    steps = config.steps or step_count(records, redrawn=redrawn)
    steps_seconds = steps * step + steps / config.look_every * look
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
