"""Trains the generator and what comes after it: table in, model out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from synth.chain.chain import Chain
from synth.chain.dependency import Dependencies
from synth.conditions import held_together
from synth.config import TrainConfig
from synth.curve import CurvePoint, Ending
from synth.detect.proof import MOST_COLUMNS as SOUGHT_COLUMNS
from synth.detect.rules import is_sought_in_part
from synth.encode.rules.order import NEEDED
from synth.encode.rules.plan import RulePlan
from synth.encode.table_encoder import TableEncoder
from synth.errors import TrainingError
from synth.gan.calibrate import ROUNDS, calibrate
from synth.gan.objective import OBJECTIVES, Networks
from synth.gan.step import Material, settle
from synth.missing import absent_with
from synth.model import TrainedModel
from synth.protection import TABLE_RECORDS
from synth.randomness import Rng
from synth.sequences.fit import first_records, table_of_people
from synth.sequences.learnt import learnable
from synth.sequences.ruled import rule_people
from synth.table.frame import validate
from synth.table.schema import TableSchema
from synth.table.source import TableSource, source_of
from synth.training.checkpoint import Checkpoint, fingerprint, restore_checkpoint, save_checkpoint
from synth.training.evaluate import Judgement, Yardstick, judge
from synth.training.fit_forest import MOST_CODES, MOST_COLUMNS, GrownForest, fit_forest, try_weights
from synth.training.follow import TOO_SHORT as TOO_SHORT_TO_FOLLOW
from synth.training.follow import follow
from synth.training.judge_chain import FEWEST_RECORDS as FEWEST_JUDGED
from synth.training.judge_chain import JUDGED, judge_chain
from synth.training.nearness import FOUND, has_near, with_distances
from synth.training.prepare import Prepared, prepare
from synth.training.progress import TrainProgress, Watch, finite, watch_of
from synth.training.schedule import rate_at

REPORTS = 200
"""Progress calls in the steps of a training, about."""
AS_GOOD = 1.05
"""Weights are as good as the best so far up to this ratio of their distances: the later ones are kept."""
TOO_SHORT = "The time budget was too short for redrawing columns: records hang together less closely than they could."
"""A warning."""
UNNAMED = (
    "Some records do not say whom they are about: they were not learnt, as nobody's records before them are known."
)
"""Another one."""
UNORDERED = "Some records of a few people have no value in a column that orders records: they were not learnt."
"""Another one."""
ONE_EACH = (
    f"Fewer than {TABLE_RECORDS} people have several records: the first record of each person was learnt, and how "
    "their records follow one another was not."
)
"""Another one."""
TOO_WIDE = (
    f"The table has more than {MOST_COLUMNS} learnt columns: none is redrawn given the others, so records hang "
    "together less closely than they could."
)
"""Another one, of a wide table."""
RULES_IN_PART = (
    f"Rules between columns were looked for among the first {SOUGHT_COLUMNS} numbers and dates, and the first "
    f"{SOUGHT_COLUMNS} categories: others are kept only if you declare them."
)
"""Another one, of a wide table."""
LEAST_BATCH = 64
"""With less memory than for so many records training is given up."""


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
    ruled = rule_people(source, schema, config, rng.spawn("sequences"))
    if ruled is None:
        learnt = learnable(source, schema, config.least)
        held = None if validation is None else learnt.of(validate(validation, schema))
        part = learnt.source(source)
        model = fit_records(part, schema, config, rng, held, scratch, watch)
        return replace(model, warnings=(*model.warnings, ONE_EACH)) if len(part) < len(learnt.kept(source)) else model
    sequences, watch = follow(ruled, config, rng.spawn("sequences"), watch)
    people, of_people = table_of_people(ruled)
    if validation is not None:
        validation = first_records(validate(validation, schema), ruled, config.least)
    model = fit_records(people, of_people, config, rng, validation, scratch, watch, rules=sequences.encoder.rules)
    sequences = replace(sequences, encoder=kept_beside(sequences.encoder, model.encoder, model.chain.dependencies))
    notes = (*model.warnings, *([UNNAMED] if ruled.outline.unnamed else []))
    notes = (*notes, *([UNORDERED] if ruled.outline.unordered else []))
    notes = (*notes, *([TOO_SHORT_TO_FOLLOW] if sequences.hurried else []))
    notes = (*notes, *([RULES_IN_PART] if schema.rules.find and is_sought_in_part(schema) else []))
    return replace(model, sequences=sequences, warnings=notes)


def fit_records(  # noqa: PLR0913 - all but seven by name
    source: TableSource,
    schema: TableSchema,
    config: TrainConfig,
    rng: Rng,
    validation: pd.DataFrame | None,
    scratch: Path | None,
    watch: Watch,
    *,
    rules: RulePlan | None = None,
) -> TrainedModel:
    """The model of a table whose records are learnt one by one, see `fit`.

    Where these are people, `rules` are those of their records, which are checked before the training begins.
    """
    objective = OBJECTIVES[config.objective]
    config = objective.settings(config, len(source))
    ready = prepare(
        source,
        schema,
        config,
        rng,
        validation=validation,
        scratch=scratch,
        progress=watch.preparing,
    )
    material, yardstick = ready.material, ready.yardstick
    if rules is not None:
        rules.without_moving(material.dependencies.named(ready.encoder.names), NEEDED)
    ready = replace(ready, encoder=kept_beside(ready.encoder, ready.encoder, material.dependencies))
    networks = objective.make(config, material, rng)
    settings = {"seed": rng.entropy(), "config": config.to_json(), "encoder": ready.encoder.to_json()}
    mark = fingerprint(material, yardstick, {**settings, "device": str(material.layout.device)})
    curve, before = restore_checkpoint(watch.checkpoint, networks, mark) if watch.checkpoint else ([], 0.0)
    before = max(before, watch.earlier)
    grown, watch = in_time(ready, networks, watch, before, config)
    run = Run(
        networks=networks,
        material=material,
        yardstick=yardstick,
        config=config,
        most=ready.steps,
        redrawn=ready.redrawn,
        mark=mark,
        rng=rng,
    )
    ending, notes = run.to_the_end(curve, watch)
    ended = watch.ended(networks.step, curve[-1].losses)
    settled = settle(networks.best, material, rng.spawn("settle"))
    generator = calibrate(settled, material, rng.spawn("calibrate"), rounds_of(config))
    forest = fit_forest(generator, material, grown, rng.spawn("redraw"), progress=ended)
    short = [] if grown is ready.grown else [TOO_SHORT]
    model = TrainedModel(
        encoder=ready.encoder,
        config=config,
        generator=generator.cpu(),
        counts=material.counts.cpu(),
        ranking=material.ranking.cpu(),
        together=held_together(material, schema, config),
        absent=absent_with(material.codes, ready.encoder.encoders, config.least) if config.dependencies else None,
        chain=Chain(
            forest=forest, target=ready.target, dependencies=material.dependencies.cpu(), residuals=ready.residual
        ),
        records=len(material.codes),
        steps=networks.step,
        ending=ending,
        warnings=(
            *objective.warnings,
            *notes,
            *short,
            *([RULES_IN_PART] if schema.rules.find and is_sought_in_part(schema) else []),
            *left_to_the_generator(ready.encoder, config),
            *warnings_of(curve, ready.encoder),
        ),
        seconds=watch.seconds,
        curve=tuple(curve),
    )
    critic = None
    if config.last_critic and grown.columns:
        critic = judge_chain(model, material.codes, rng.spawn("last critic"))
    model = with_distances(replace(model, chain=replace(model.chain, critic=critic)), rng.spawn("distances"))
    return replace(model, seconds=watch.seconds)


def kept_beside(encoder: TableEncoder, learnt: TableEncoder, dependencies: Dependencies) -> TableEncoder:
    """The encoder whose unique rules move no column that decides another one or follows from one.

    The dependencies are of columns as they are `learnt`. Raises RuleError as `RulePlan.without_moving` does.
    """
    return replace(encoder, rules=encoder.rules.without_moving(dependencies.named(learnt.names), NEEDED))


def rounds_of(config: TrainConfig) -> int:
    """Rounds in which the generator is calibrated."""
    return ROUNDS if config.calibration else 0


def in_time(
    ready: Prepared, networks: Networks, watch: Watch, before: float, config: TrainConfig
) -> tuple[GrownForest, Watch]:
    """(the trees that there is time to find weights for: all or none, the watch of the steps that begin now).

    The training had taken `before` seconds where it was interrupted. What follows the steps is tried in part, one of
    the rounds in which the generator is calibrated among it.
    """
    rounds, begun = rounds_of(config), watch.clock()
    calibrate(networks.best, ready.material, Rng(0), min(1, rounds))
    calibrating, tried = rounds * (watch.clock() - begun), watch.clock()
    grown, weighing = ready.grown, try_weights(ready.grown) * (watch.clock() - tried)
    if config.last_critic and len(ready.material.codes) >= FEWEST_JUDGED:
        weighing *= 1 + JUDGED
    weighing *= 1 + FOUND if has_near(ready.encoder) else 1
    if grown.columns and calibrating + weighing > watch.deadline - (before - watch.earlier) - watch.clock():
        grown, weighing = replace(grown, columns=()), 0.0
    # what is done before the steps takes as long as it did in the attempt before
    since = max(0.0, before - watch.seconds)
    return grown, watch.resumed(before).stepping(since, calibrating + weighing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training under way."""

    networks: Networks
    material: Material
    yardstick: Yardstick
    config: TrainConfig
    most: int
    """Steps, at most"""
    redrawn: bool
    """Whether columns are redrawn after the steps"""
    mark: str
    rng: Rng

    def to_the_end(self, curve: list[CurvePoint], watch: Watch) -> tuple[Ending, tuple[str, ...]]:
        """Trains until the last step, the deadline or memorisation, and adds to the curve. Why it ended, and notes."""
        networks, saved = self.networks, watch.clock()
        material, notes = self.material, tuple[str, ...]()
        losses: dict[str, Tensor] = {}
        while networks.step < self.most and watch.clock() < watch.last_step_by and not memorising(curve):
            rate = rate_at(networks.step, watch.fraction(networks.step, self.most), redrawn=self.redrawn)
            try:
                losses = OBJECTIVES[self.config.objective].step(networks, material, self.config, rate)
            except torch.OutOfMemoryError:
                material = smaller(material)
                notes = (f"Memory did not suffice: batches were made smaller, to {material.batch} records.",)
                continue
            point = self._look(losses) if self._looks_at(networks.step) else None
            if point is not None:
                curve.append(point)
            if point is not None or networks.step % max(1, self.most // REPORTS) == 0:
                watch.tell(networks.step, self.most, losses, point)
            if watch.checkpoint is not None and watch.clock() - saved >= watch.checkpoint.interval:
                save_checkpoint(watch.checkpoint, networks, curve, self.mark, watch.seconds)
                saved = watch.clock()
        if not curve or curve[-1].step < networks.step:
            curve.append(self._look(losses))
        return self._ending(curve), notes

    def _ending(self, curve: Sequence[CurvePoint]) -> Ending:
        if memorising(curve):
            return Ending.MEMORISED
        return Ending.TIME if self.networks.step < self.most else Ending.STEPS

    def _looks_at(self, step: int) -> bool:
        return step % self.config.look_every == 0 or step >= self.most

    def _look(self, losses: Mapping[str, Tensor]) -> CurvePoint:
        """Judges the averaged generator, and keeps it where none was better."""
        networks, step = self.networks, self.networks.step
        numbers = finite(losses, step)
        rng = self.rng.spawn(f"look {step}")
        settled = settle(networks.average, self.material, rng.spawn("average"))
        random = rng.spawn("judge").torch(str(self.material.layout.device))
        found = judge(settled, self.yardstick, self.material, random)
        keep(networks, found)
        return CurvePoint(
            step=step,
            losses=numbers,
            one_way=found.one_way,
            two_way=found.two_way,
            nearer_train=found.nearer_train,
            memorised=found.memorised,
            collapsed=found.collapsed,
        )


def keep(networks: Networks, found: Judgement) -> None:
    """Takes the averaged weights as the best where they are sound and as good as any before."""
    sound = not found.memorised and not found.collapsed
    score = found.two_way if sound else math.inf
    if score <= AS_GOOD * networks.best_score:
        networks.best = copy.deepcopy(networks.average)
        networks.best_score = min(score, networks.best_score)


def smaller(material: Material) -> Material:
    """The same with half the batch. Raises TrainingError where that would be too small."""
    if material.batch < 2 * LEAST_BATCH:
        raise TrainingError(f"expected memory for batches of {LEAST_BATCH} records or more, there is less")
    torch.cuda.empty_cache()
    return replace(material, batch=material.batch // 2)


def memorising(curve: Sequence[CurvePoint]) -> bool:
    """Whether the last two looks both found records learnt by heart."""
    return len(curve) > 1 and all(point.memorised for point in curve[-2:])


def left_to_the_generator(encoder: TableEncoder, config: TrainConfig) -> tuple[str, ...]:
    """What is not redrawn because there is too much of it, in sentences."""
    if not config.redraw:
        return ()
    if len(encoder.widths) > MOST_COLUMNS:
        return (TOO_WIDE,)
    return tuple(
        f"Column {column.name!r} has more than {MOST_CODES:,} categories: it is not redrawn given the others, so it "
        "hangs together with them less closely than it could."
        for column in encoder.encoders
        if column.width > MOST_CODES
    )


def warnings_of(curve: Sequence[CurvePoint], encoder: TableEncoder) -> tuple[str, ...]:
    """What the user has to know of the training, in sentences."""
    last = curve[-1]
    found = []
    if last.memorised:
        found.append(
            f"Generated records lie nearer to training records than to records kept out (share {last.nearer_train:.3f},"
            " one half expected): the generator has begun to learn records by heart. The weights before that are used,"
            " where there are any."
        )
    found.extend(
        f"Column {name!r} shows far less variety than in the table: the generator has collapsed."
        for name in (encoder.encoders[column].name for column in last.collapsed)
    )
    return tuple(found)
