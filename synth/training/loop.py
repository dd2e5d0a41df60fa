"""The steps of a training: from the first to the last one, to the deadline, or until records are memorised."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from synth.config import TrainConfig
from synth.curve import CurvePoint, Ending
from synth.errors import TrainingError
from synth.gan.objective import OBJECTIVES, Networks
from synth.gan.step import Material, settle
from synth.randomness import Rng
from synth.training.checkpoint import save_checkpoint
from synth.training.evaluate import Judgement, judge
from synth.training.prepare import Prepared
from synth.training.progress import Watch, finite
from synth.training.schedule import rate_at

REPORTS = 200
"""Progress calls in the steps of a training, about."""
AS_GOOD = 1.05
"""Weights are as good as the best so far up to this ratio of their distances: the later ones are kept."""
LEAST_BATCH = 64
"""With less memory than for so many records training is given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """The steps of one training."""

    ready: Prepared
    networks: Networks
    config: TrainConfig
    mark: str
    """What a checkpoint of this very training carries"""
    rng: Rng

    def to_the_end(self, curve: list[CurvePoint], watch: Watch) -> tuple[Ending, tuple[str, ...]]:
        """Trains until the last step, the deadline or memorisation, and adds to the curve. Why it ended, and notes."""
        networks, most, saved = self.networks, self.ready.steps, watch.clock()
        material, notes = self.ready.material, tuple[str, ...]()
        losses: dict[str, Tensor] = {}
        while networks.step < most and watch.clock() < watch.last_step_by and not memorising(curve):
            rate = rate_at(networks.step, watch.fraction(networks.step, most), redrawn=self.ready.redrawn)
            try:
                losses = OBJECTIVES[self.config.objective].step(networks, material, self.config, rate)
            except torch.OutOfMemoryError:
                material = smaller(material)
                notes = (f"Memory did not suffice: batches were made smaller, to {material.batch} records.",)
                continue
            point = self._look(losses) if self._looks_at(networks.step) else None
            if point is not None:
                curve.append(point)
            if point is not None or networks.step % max(1, most // REPORTS) == 0:
                watch.tell(networks.step, most, losses, point)
            if watch.checkpoint is not None and watch.clock() - saved >= watch.checkpoint.interval:
                save_checkpoint(watch.checkpoint, networks, curve, self.mark, watch.seconds)
                saved = watch.clock()
        if not curve or curve[-1].step < networks.step:
            curve.append(self._look(losses))
        return self._ending(curve), notes

    def _ending(self, curve: Sequence[CurvePoint]) -> Ending:
        if memorising(curve):
            return Ending.MEMORISED
        return Ending.TIME if self.networks.step < self.ready.steps else Ending.STEPS

    def _looks_at(self, step: int) -> bool:
        return step % self.config.look_every == 0 or step >= self.ready.steps

    def _look(self, losses: Mapping[str, Tensor]) -> CurvePoint:
        """Judges the averaged generator, and keeps it where none was better."""
        networks, step = self.networks, self.networks.step
        numbers = finite(losses, step)
        rng = self.rng.spawn(f"look {step}")
        settled = settle(networks.average, self.ready.material, rng.spawn("average"))
        random = rng.spawn("judge").torch(str(self.ready.material.layout.device))
        found = judge(settled, self.ready.yardstick, self.ready.material, random)
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
