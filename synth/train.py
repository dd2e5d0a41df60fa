"""Trains the conditional tabular GAN: table in, model out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synth.artifact import CurvePoint, TrainedModel
from synth.checkpoint import Checkpoint, fingerprint, restore_checkpoint, save_checkpoint
from synth.config import TrainConfig
from synth.encode.table_encoder import EncodedTable, fit_encoder
from synth.errors import TableError, TrainingError
from synth.evaluate import Yardstick, distance, make_yardstick
from synth.layout import Layout, make_layout
from synth.nets import Generator
from synth.randomness import Rng
from synth.schema import TableSchema
from synth.step import Material, Networks, make_material, make_networks, train_step
from synth.table import validate

LEAST_RECORDS = 20
"""A smaller table says too little about any distribution, and too much about its records."""
VALIDATION_MOST = 5_000
"""Records kept for the training curve, at most, where the settings ask for some."""
VALIDATION_TABLE = 1_000
"""Smaller tables keep none for it and are compared with their training records."""
REPORTS = 200
"""Progress calls in a training, about."""
POINTS = 20
"""Points of the training curve, about."""
NORM_BATCHES = 8
"""Batches from which the final statistics of batch norm are taken."""
NORM_BATCH = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainProgress:
    """How far a training has come."""

    step: int
    """Steps done."""
    steps: int
    """Steps that there will be, unless time runs out."""
    fraction: float
    """In [0, 1]."""
    losses: Mapping[str, float]
    point: CurvePoint | None
    """A new point of the training curve, when there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Who follows a training, and when it has to end."""

    checkpoint: Checkpoint | None
    progress: Callable[[TrainProgress], None] | None
    clock: Callable[[], float]
    start: float
    """When the training began; of a resumed one as if it had never stopped."""
    deadline: float

    @property
    def seconds(self) -> float:
        """Wall time used, over all attempts."""
        return self.clock() - self.start

    def resumed(self, seconds: float) -> Watch:
        """The watch of a training that has used so many seconds before."""
        return replace(self, start=self.start - seconds, deadline=self.deadline - seconds)

    def fraction(self, step: int, steps: int) -> float:
        """How much of the training is over, in [0, 1]: of the steps, or of the time where that is what runs out.

        So a training that its budget will cut short still brings its learning rate down before the end.
        """
        return min(1.0, max(step / steps, self.seconds / (self.deadline - self.start)))


def fit(
    table: pd.DataFrame,
    schema: TableSchema,
    config: TrainConfig,
    rng: Rng,
    *,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[TrainProgress], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> TrainedModel:
    """The model of a table. On one machine, the same table, schema, config and seed give the same weights on the CPU.

    A training whose time budget comes into play is the exception: how far it comes is up to the machine. Goes on from
    `checkpoint` where the state of this very training is saved there, budget included. `clock` gives seconds. Raises
    TableError on a table that cannot be learnt and TrainingError where a loss is no longer finite.
    """
    start = clock()
    deadline = start + 60 * config.max_minutes
    watch = Watch(checkpoint=checkpoint, progress=progress, clock=clock, start=start, deadline=deadline)
    table = validate(table, schema)
    if len(table) < LEAST_RECORDS:
        raise TableError(f"expected {LEAST_RECORDS} records or more, got {len(table)}")
    encoder = fit_encoder(table, schema, config, rng.spawn("encoder"))
    encoded = encoder.encode(table, rng.spawn("encode"))
    layout = make_layout(encoder.widths, encoder.residual_columns, device_of(config))
    training, yardstick = split_validation(encoded, config, layout, rng)
    steps = config.steps or step_count(len(table))
    material = make_material(encoder, training, layout, config, steps, rng)
    networks = make_networks(config, material, rng)
    settings = {"seed": rng.entropy(), "config": config.to_json(), "encoder": encoder.to_json()}
    mark = fingerprint(material, {**settings, "device": str(layout.device)})
    curve, before = restore_checkpoint(checkpoint, networks, mark) if checkpoint else ([], 0.0)
    watch = watch.resumed(before)
    run(networks, material, yardstick, config, steps, curve, watch=watch, mark=mark, rng=rng)
    return TrainedModel(
        encoder=encoder,
        config=config,
        generator=settle(networks.average, material, rng.spawn("settle")).cpu(),
        counts=material.counts.cpu(),
        records=len(training.codes),
        steps=networks.step,
        stopped_early=networks.step < steps,
        seconds=watch.seconds,
        curve=tuple(curve),
    )


def step_count(records: int) -> int:
    """Generator steps for a table of so many records."""
    return int(np.clip(600 + 0.05 * records, 1_000, 1_500))


def device_of(config: TrainConfig) -> str:
    """`cuda` or `cpu`. Raises TrainingError where CUDA was asked for and there is none."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device: expected a CUDA device, there is none")
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"


def split_validation(
    table: EncodedTable, config: TrainConfig, layout: Layout, rng: Rng
) -> tuple[EncodedTable, Yardstick]:
    """The records to train on, and the yardstick of the others; without others the records are their own yardstick."""
    numpy = rng.spawn("validation").numpy
    n = len(table.codes)
    kept = min(int(n * config.validation), VALIDATION_MOST) if n >= VALIDATION_TABLE else 0
    order = numpy.permutation(n)
    first, rest = np.sort(order[:kept]), np.sort(order[kept:])
    held = table.codes[first] if kept else table.codes
    yardstick = make_yardstick(torch.from_numpy(held).to(layout.device), numpy)
    return EncodedTable(codes=table.codes[rest], residuals=table.residuals[rest]), yardstick


def run(  # noqa: PLR0913 - the loop's whole world
    networks: Networks,
    material: Material,
    yardstick: Yardstick,
    config: TrainConfig,
    steps: int,
    curve: list[CurvePoint],
    *,
    watch: Watch,
    mark: str,
    rng: Rng,
) -> None:
    """Trains until the last step or the deadline, and adds to the curve."""
    saved = watch.clock()
    losses: dict[str, Tensor] = {}
    while networks.step < steps and watch.clock() < watch.deadline:
        # the critic does not take part in every step
        losses |= train_step(networks, material, config, watch.fraction(networks.step, steps))
        step = networks.step
        if step % max(1, steps // REPORTS) and step < steps:
            continue
        numbers = {name: float(loss) for name, loss in losses.items()}
        if not all(math.isfinite(v) for v in numbers.values()):
            raise TrainingError(f"step {step}: expected finite losses")
        point = None
        if step % max(1, steps // POINTS) == 0 or step == steps:
            seed = rng.spawn(f"curve {step}").torch(str(material.layout.device))
            settled = settle(networks.average, material, rng.spawn(f"settle {step}"))
            one, two = distance(settled, yardstick, material.counts, material.layout, seed)
            point = CurvePoint(step=step, losses=numbers, one_way=one, two_way=two)
            curve.append(point)
        if watch.progress is not None:
            watch.progress(TrainProgress(step=step, steps=steps, fraction=step / steps, losses=numbers, point=point))
        if watch.checkpoint is not None and watch.clock() - saved >= watch.checkpoint.interval:
            save_checkpoint(watch.checkpoint, networks, curve, mark, watch.seconds)
            saved = watch.clock()


def settle(average: Generator, material: Material, rng: Rng) -> Generator:
    """The averaged generator in evaluation mode, batch norm fixed at its statistics under training conditions.

    The averaged weights have never been run in training, so the statistics gathered there are not theirs. Statistics
    under other conditions than those of training would shift what the generator has learnt.
    """
    generator = copy.deepcopy(average).train()
    device = material.layout.device
    random = rng.torch(str(device))
    for part in generator.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.reset_running_stats()
            part.momentum = None  # a plain mean over batches
    with torch.no_grad():
        for _ in range(NORM_BATCHES):
            condition = material.conditions.draw(NORM_BATCH, random)
            generator(torch.randn(NORM_BATCH, generator.noise, generator=random, device=device), condition)
    return generator.eval().requires_grad_(requires_grad=False)
