"""Trains the generator and what comes after it: table in, model out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from synth.chain.chain import Chain
from synth.conditions import held_together
from synth.config import TrainConfig
from synth.encode.rules.order import NEEDED
from synth.encode.rules.plan import RulePlan
from synth.errors import TrainingError
from synth.gan.objective import OBJECTIVES, Networks
from synth.missing import absent_with
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sequences.fit import first_records, table_of_people
from synth.sequences.learnt import learnable
from synth.sequences.ruled import RuledPeople, rule_people
from synth.table.frame import validate
from synth.table.schema import TableSchema
from synth.table.source import TableSource, source_of
from synth.training.after_steps import in_time, judged, settled
from synth.training.checkpoint import Checkpoint, fingerprint, restore_checkpoint
from synth.training.fit_forest import fit_forest
from synth.training.follow import follow
from synth.training.loop import Loop
from synth.training.prepare import Prepared, kept_beside, prepare
from synth.training.progress import TrainProgress, Watch, watch_of
from synth.training.warnings import ONE_EACH, TOO_SHORT, warnings_of_curve, warnings_of_people, warnings_of_table


@contextmanager
def enough_memory() -> Iterator[None]:
    """Raises TrainingError where the device has too little memory for what is done inside."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError("expected memory on the device for the table and the networks, there is less") from error


@enough_memory()
def fit(  # noqa: PLR0913 - table, settings, and who watches
    table: pd.DataFrame | TableSource,
    schema: TableSchema,
    config: TrainConfig,
    rng: Rng,
    *,
    validation: pd.DataFrame | None = None,
    scratch: Path | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[TrainProgress], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> TrainedModel:
    """The model of a table. On one machine, the same table, schema, config and seed give the same weights on the CPU.

    The table is looked at one column at a time: a `ParquetTable` is never in memory as a whole, and what is encoded of
    a large one lies in files in the folder `scratch`, where one is given. `validation` are records that are not learnt
    and tell when to stop; without any the settings cut some from the table. A training whose time budget comes into
    play is the exception to the first sentence: how far it comes is up to the machine. Goes on from `checkpoint` where
    the state of this very training is saved there, budget included. `clock` gives seconds. Raises TableError on a table
    that cannot be learnt and TrainingError where a loss is no longer finite or memory does not suffice, and
    StorageError where the checkpoint cannot be written.
    """
    source = source_of(table, schema)
    watch = watch_of(config, checkpoint, progress, clock)
    training = Training(schema=schema, config=config, rng=rng, scratch=scratch)
    held = None if validation is None else validate(validation, schema)
    ruled = rule_people(source, schema, config, rng.spawn("sequences"))
    if ruled is not None:
        return training.of_people(ruled, held, watch)
    learnt = learnable(source, schema, config.least)
    part = learnt.source(source)
    model = training.of_records(part, None if held is None else learnt.of(held), watch)
    return replace(model, warnings=(*model.warnings, ONE_EACH)) if len(part) < len(learnt.kept(source)) else model


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What one training is asked for."""

    schema: TableSchema
    config: TrainConfig
    rng: Rng
    scratch: Path | None

    def of_people(self, ruled: RuledPeople, held: pd.DataFrame | None, watch: Watch) -> TrainedModel:
        """The model of a table in which people have several records: how these follow one another, and the people."""
        sequences, watch = follow(ruled, self.config, self.rng.spawn("sequences"), watch)
        people, schema = table_of_people(ruled)
        if held is not None:
            held = first_records(held, ruled, self.config.least)
        model = replace(self, schema=schema).of_records(people, held, watch, rules=sequences.encoder.rules)
        encoder = kept_beside(sequences.encoder, model.encoder, model.chain.dependencies)
        sequences = replace(sequences, encoder=encoder)
        warnings = (*model.warnings, *warnings_of_people(sequences, ruled.outline, self.schema))
        return replace(model, sequences=sequences, warnings=warnings)

    def of_records(
        self, source: TableSource, held: pd.DataFrame | None, watch: Watch, *, rules: RulePlan | None = None
    ) -> TrainedModel:
        """The model of a table whose records are learnt one by one.

        Where these are people, `rules` are those of their records, which are checked before the steps begin.
        """
        objective = OBJECTIVES[self.config.objective]
        asked = replace(self, config=objective.settings(self.config, len(source)))
        ready = prepare(
            source,
            asked.schema,
            asked.config,
            asked.rng,
            validation=held,
            scratch=asked.scratch,
            progress=watch.preparing,
        )
        if rules is not None:
            rules.without_moving(ready.material.dependencies.named(ready.encoder.names), NEEDED)
        networks = objective.make(asked.config, ready.material, asked.rng)
        return asked.trained(ready, networks, watch)

    def trained(self, ready: Prepared, networks: Networks, watch: Watch) -> TrainedModel:
        """The model after all steps, those of the checkpoint among them, and after what follows the steps."""
        config, rng, material = self.config, self.rng, ready.material
        loop = Loop(ready=ready, networks=networks, config=config, mark=self._mark(ready), rng=rng)
        curve, before = restore_checkpoint(watch.checkpoint, networks, loop.mark) if watch.checkpoint else ([], 0.0)
        grown, watch = in_time(ready, networks, watch, max(before, watch.earlier), config)
        ending, notes = loop.to_the_end(curve, watch)
        ended = watch.ended(networks.step, curve[-1].losses)
        generator = settled(networks, material, config, rng)
        forest = fit_forest(generator, material, grown, rng.spawn("redraw"), progress=ended)
        model = TrainedModel(
            encoder=ready.encoder,
            config=config,
            generator=generator.cpu(),
            counts=material.counts.cpu(),
            ranking=material.ranking.cpu(),
            together=held_together(material, self.schema, config),
            absent=absent_with(material.codes, ready.encoder.encoders, config.least) if config.dependencies else None,
            chain=Chain(
                forest=forest, target=ready.target, dependencies=material.dependencies.cpu(), residuals=ready.residual
            ),
            records=len(material.codes),
            steps=networks.step,
            ending=ending,
            warnings=(
                *OBJECTIVES[config.objective].warnings,
                *notes,
                *(() if grown is ready.grown else (TOO_SHORT,)),
                *warnings_of_table(ready.encoder, self.schema, config),
                *warnings_of_curve(curve, ready.encoder),
            ),
            seconds=watch.seconds,
            curve=tuple(curve),
        )
        return replace(judged(model, material, grown, rng), seconds=watch.seconds)

    def _mark(self, ready: Prepared) -> str:
        """What a checkpoint of this very training carries."""
        device = str(ready.material.layout.device)
        settings = {"seed": self.rng.entropy(), "config": self.config.to_json(), "encoder": ready.encoder.to_json()}
        return fingerprint(ready.material, ready.yardstick, {**settings, "device": device})
