"""Trains the conditional tabular GAN: table in, model out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synth.adversary import challenge, places_of, ranks_of
from synth.artifact import CurvePoint, Ending, TrainedModel
from synth.checkpoint import Checkpoint, fingerprint, restore_checkpoint, save_checkpoint
from synth.config import TrainConfig
from synth.encode.table_encoder import EncodedTable, TableEncoder, fit_encoder
from synth.errors import TableError, TrainingError
from synth.evaluate import Judgement, Yardstick, judge, make_yardstick
from synth.given import held_together
from synth.grow import grow_all, learn_redraw, suits, try_weights
from synth.layout import make_layout
from synth.randomness import Rng
from synth.schedule import last_step, rate_at, step_count
from synth.schema import ColumnRole, TableSchema
from synth.source import TableSource, source_of
from synth.step import Material, Networks, make_material, make_networks, settle, train_step
from synth.table import validate
from synth.tables import part_of
from synth.target import MOST_RECORDS, TargetTrees, fit_target
from synth.watch import TrainProgress, Watch, finite

LEAST_RECORDS = 20
"""A smaller table says too little about any distribution, and too much about its records."""
VALIDATION_MOST = 5_000
"""Records kept for validation, at most, where the settings ask for some."""
VALIDATION_TABLE = 2_000
"""Smaller tables keep none and are compared with their training records."""
OWN_YARDSTICK = 200_000
"""Training records that stand for themselves where none are kept, at most."""
REPORTS = 200
"""Progress calls in the steps of a training, about."""
AS_GOOD = 1.05
"""Weights are as good as the best so far up to this ratio of their distances: the later ones are kept."""
TOO_SHORT = (
    "The time budget was too short for drawing columns anew: records hang together less closely than they could."
)
"""A warning."""
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
    start = clock()
    deadline = start + 60 * config.max_minutes
    watch = Watch(checkpoint=checkpoint, progress=progress, clock=clock, start=start, deadline=deadline)
    table = source_of(table, schema)
    if len(table) < LEAST_RECORDS:
        raise TableError(f"expected {LEAST_RECORDS} records or more, got {len(table)}")
    encoder = fit_encoder(table, schema, config, rng.spawn("encoder"))
    encoded = encoder.encode(table, rng.spawn("encode"), scratch)
    layout = make_layout(encoder.widths, encoder.residual_columns, device_of(config))
    given = None
    if validation is not None and len(validation):
        given = encoder.encode(validate(validation, schema), rng.spawn("validation table"))
    training, yardstick = split_validation(encoded, given, config, str(layout.device), rng)
    counts_people = schema.with_role(ColumnRole.PERSON) is None
    anew = config.redraw and counts_people and suits(len(training.codes), layout.codes)
    steps = config.steps or step_count(len(table), anew=anew)
    material = make_material(encoder, training, layout, config, steps, rng)
    target = learn_target(material, config, rng)
    drawn_last = [] if target is None else [int(target.column)]
    kept = drawn_last if anew else list(range(layout.columns))
    grown = grow_all(material, encoder, kept, rng.spawn("redraw"))
    networks = make_networks(config, material, rng)
    settings = {"seed": rng.entropy(), "config": config.to_json(), "encoder": encoder.to_json()}
    mark = fingerprint(material, yardstick, {**settings, "device": str(layout.device)})
    curve, before = restore_checkpoint(checkpoint, networks, mark) if checkpoint else ([], 0.0)
    begun = clock()
    rest = try_weights(grown) * (clock() - begun)
    short = rest > deadline - before - clock()
    grown, rest = (replace(grown, conditionals=()), 0.0) if short else (grown, rest)
    # what is done before the steps takes as long as it did in the attempt before
    watch = watch.resumed(before).stepping(max(0.0, before - (clock() - start)), rest)
    run = Run(networks=networks, material=material, yardstick=yardstick, config=config, most=steps, mark=mark, rng=rng)
    ending, notes = run.to_the_end(curve, watch)
    ended = watch.ended(networks.step, curve[-1].losses)
    generator = settle(networks.best, material, rng.spawn("settle"))
    redraw = learn_redraw(generator, material, grown, rng.spawn("redraw"), progress=ended)
    return TrainedModel(
        encoder=encoder,
        config=config,
        generator=generator.cpu(),
        counts=material.counts.cpu(),
        together=held_together(material, schema, config),
        target=target,
        followers=material.followers.cpu(),
        redraw=redraw,
        records=len(training.codes),
        steps=networks.step,
        ending=ending,
        warnings=(*notes, *([TOO_SHORT] if short else []), *warnings_of(curve, encoder)),
        seconds=watch.seconds,
        curve=tuple(curve),
    )


def learn_target(material: Material, config: TrainConfig, rng: Rng) -> TargetTrees | None:
    """The trees that draw the target last, where the table has one that they can draw."""
    followers = material.followers.column.tolist()
    if material.target is None or material.target in followers or not config.target_last:
        return None
    some = part_of(material.codes, MOST_RECORDS, rng.spawn("target records").numpy)
    ranks = ranks_of(places_of(some, material), material.layout)
    # a follower of the target would tell the trees what it is, and one of another column no more than that column does
    ranks[:, followers] = 0
    return fit_target(ranks, material.target, material.layout.widths.tolist(), rng.spawn("target").numpy)


def device_of(config: TrainConfig) -> str:
    """`cuda` or `cpu`. Raises TrainingError where CUDA was asked for and there is none."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device: expected a CUDA device, there is none")
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"


def split_validation(
    table: EncodedTable, given: EncodedTable | None, config: TrainConfig, device: str, rng: Rng
) -> tuple[EncodedTable, Yardstick]:
    """The records to train on, and the yardstick of the others; without others the records are their own yardstick."""
    numpy = rng.spawn("validation").numpy
    n = len(table.codes)
    if given is not None:
        held = torch.from_numpy(given.codes[:VALIDATION_MOST]).to(device)
        return table, make_yardstick(held, numpy, held_out=True)
    kept = min(int(n * config.validation), VALIDATION_MOST) if n >= VALIDATION_TABLE else 0
    order = numpy.permutation(n)
    first, rest = np.sort(order[:kept]), np.sort(order[kept:])
    held = torch.from_numpy(table.codes[first] if kept else table.codes)
    held = (held if kept else part_of(held, OWN_YARDSTICK, numpy)).to(device)
    return (
        EncodedTable(codes=table.codes[rest], residuals=table.residuals[rest]),
        make_yardstick(held, numpy, held_out=kept > 0),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training under way."""

    networks: Networks
    material: Material
    yardstick: Yardstick
    config: TrainConfig
    most: int
    """Steps, at most"""
    mark: str
    rng: Rng

    def to_the_end(self, curve: list[CurvePoint], watch: Watch) -> tuple[Ending, tuple[str, ...]]:
        """Trains until the last step, the deadline or memorisation, and adds to the curve. Why it ended, and notes."""
        networks, saved, last = self.networks, watch.clock(), self._last(curve)
        material, notes = self.material, tuple[str, ...]()
        losses: dict[str, Tensor] = {}
        while networks.step < last and watch.clock() < watch.last_step_by and not memorising(curve):
            rate = rate_at(networks.step, watch.fraction(networks.step, last))
            try:
                losses = train_step(networks, material, self.config, rate)
            except torch.OutOfMemoryError:
                material = smaller(material)
                notes = (f"Memory did not suffice: batches were made smaller, to {material.batch} records.",)
                continue
            point = self._look(losses, last) if self._looks_at(networks.step, last) else None
            if point is not None:
                curve.append(point)
                last = self._last(curve)
            if point is not None or networks.step % max(1, self.most // REPORTS) == 0:
                watch.tell(networks.step, last, losses, point)
            if watch.checkpoint is not None and watch.clock() - saved >= watch.checkpoint.interval:
                save_checkpoint(watch.checkpoint, networks, curve, self.mark, watch.seconds)
                saved = watch.clock()
        if not curve or curve[-1].step < networks.step:
            # there is no time for a critic any more, and nobody left to learn from it
            curve.append(self._look(losses, networks.step, challenged=False))
        return self._ending(curve, last), notes

    def _ending(self, curve: Sequence[CurvePoint], last: int) -> Ending:
        if memorising(curve):
            return Ending.MEMORISED
        if self.networks.step < last:
            return Ending.TIME
        return Ending.STEPS if last == self.most else Ending.CONVERGED

    def _last(self, curve: Sequence[CurvePoint]) -> int:
        return last_step([(p.step, p.critic_auc) for p in curve if p.critic_auc is not None], self.most)

    def _looks_at(self, step: int, last: int) -> bool:
        return step % self.config.critic_every == 0 or step >= last

    def _look(self, losses: Mapping[str, Tensor], last: int, *, challenged: bool = True) -> CurvePoint:
        """Lets the critic have its turn, judges the averaged generator and keeps it where none was better."""
        networks, step = self.networks, self.networks.step
        numbers = finite(losses, step)
        rng = self.rng.spawn(f"look {step}")
        begun = challenged and step >= self.config.critic_start * last
        critic = challenge(networks, self.material, self.config, rng) if self.config.critic_weight and begun else None
        settled = settle(networks.average, self.material, rng.spawn("average"))
        random = rng.spawn("judge").torch(str(self.material.layout.device))
        found = judge(settled, self.yardstick, self.material, critic, random)
        keep(networks, found)
        return CurvePoint(
            step=step,
            losses=numbers,
            one_way=found.one_way,
            two_way=found.two_way,
            critic_auc=found.critic_auc,
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
        f"Column {encoder.learnt[column].name!r} shows far less variety than in the table: the generator has collapsed."
        for column in last.collapsed
    )
    return tuple(found)
