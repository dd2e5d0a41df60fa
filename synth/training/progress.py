"""The progress that a training reports, and its time budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from torch import Tensor

from synth.config import TrainConfig
from synth.curve import CurvePoint
from synth.errors import TrainingError
from synth.training.checkpoint import Checkpoint, Finished

FOLLOWING_PART, FIRST_PART, STEPS_PART = 0.05, 0.1, 0.9
"""Progress fractions of a whole training: once it is learnt how records of a person follow one another, where people
have several; at the first step; and after the last one."""


class Phase(StrEnum):
    """What a training is at, in words for the one who waits."""

    FOLLOWING = "learning how the records of a person follow one another"
    PREPARING = "reading the table and growing trees"
    STEPPING = "training"
    ENDING = "finishing"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainProgress:
    """How far a training has come."""

    phase: Phase
    step: int
    """Steps done."""
    steps: int
    """Steps that there will be, unless time runs out; 0 where that is not known yet."""
    fraction: float
    """In [0, 1], of the whole training: some is over before the first step, and some is left after the last one."""
    losses: Mapping[str, float]
    point: CurvePoint | None
    """A new point of the training curve, when there is one."""

    @property
    def text(self) -> str:
        """Where the training is, for people."""
        if self.phase is Phase.STEPPING:
            return f"training, step {self.step:,} of {self.steps:,}"
        return f"training: {self.phase}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Who follows a training, and when it has to end."""

    checkpoint: Checkpoint | None
    progress: Callable[[TrainProgress], None] | None
    clock: Callable[[], float]
    start: float
    """When the training began; of a resumed one as if it had never stopped."""
    deadline: float
    kept: float = 0.0
    """Seconds before the deadline that belong to what follows the steps."""
    first: float | None = None
    """When the steps began, if not at the start; of a resumed training as if it had never stopped."""
    earlier: float = 0.0
    """Seconds of earlier attempts that are counted already."""
    begun: float = 0.0
    """Progress fraction at which the preparation begins."""

    @property
    def seconds(self) -> float:
        """Wall time used, over all attempts."""
        return self.clock() - self.start

    @property
    def last_step_by(self) -> float:
        """When the last step has to be over."""
        return self.deadline - self.kept

    def resumed(self, seconds: float) -> Watch:
        """The watch of a training that has used so many seconds before."""
        more = seconds - self.earlier
        return replace(self, start=self.start - more, deadline=self.deadline - more, earlier=seconds)

    def stepping(self, before: float, kept: float) -> Watch:
        """The watch of a training whose steps begin now, after `before` seconds of them; `kept` belong to the end."""
        return replace(self, first=self.clock() - before, kept=kept)

    def preparing(self, part: float) -> None:
        """Reports how much of what precedes the first step is over, in [0, 1]."""
        self._tell(Phase.PREPARING, 0, 0, self.begun + (FIRST_PART - self.begun) * part, {})

    def following(self, part: float) -> None:
        """Reports how much is learnt of how records follow one another, in [0, 1]."""
        self._tell(Phase.FOLLOWING, 0, 0, FOLLOWING_PART * part, {})

    def followed(self, finished: Finished) -> Watch:
        """The watch once that is learnt, which every checkpoint holds from now on."""
        held = self.checkpoint and replace(self.checkpoint, finished=finished)
        return replace(self, checkpoint=held, begun=FOLLOWING_PART)

    def tell(self, step: int, last: int, losses: Mapping[str, Tensor], point: CurvePoint | None) -> None:
        """Reports where the training is. Raises TrainingError where a loss is no longer finite."""
        fraction = FIRST_PART + (STEPS_PART - FIRST_PART) * self.fraction(step, last)
        self._tell(Phase.STEPPING, step, last, fraction, finite(losses, step), point)

    def ended(self, step: int, losses: Mapping[str, float]) -> Callable[[float], None]:
        """What is to be told how much of the rest is over, in [0, 1], after the last step with these losses."""

        def told(part: float) -> None:
            self._tell(Phase.ENDING, step, step, STEPS_PART + (1 - STEPS_PART) * part, losses)

        return told

    def _tell(
        self,
        phase: Phase,
        step: int,
        steps: int,
        fraction: float,
        losses: Mapping[str, float],
        point: CurvePoint | None = None,
    ) -> None:
        if self.progress is not None:
            told = TrainProgress(phase=phase, step=step, steps=steps, fraction=fraction, losses=losses, point=point)
            self.progress(told)

    def fraction(self, step: int, steps: int) -> float:
        """How many of the steps are over, in [0, 1], or how much of their time where that is what runs out.

        So a training that its budget will cut short still brings its learning rate down before the end.
        """
        first = self.start if self.first is None else self.first
        time = self.last_step_by - first
        return min(1.0, max(step / steps, (self.clock() - first) / time if time > 0 else 1.0))


def watch_of(
    config: TrainConfig,
    checkpoint: Checkpoint | None,
    progress: Callable[[TrainProgress], None] | None,
    clock: Callable[[], float],
) -> Watch:
    """The watch of a training that begins now."""
    start = clock()
    deadline = start + 60 * config.max_minutes
    return Watch(checkpoint=checkpoint, progress=progress, clock=clock, start=start, deadline=deadline)


def finite(losses: Mapping[str, Tensor], step: int) -> dict[str, float]:
    """The losses as numbers. Raises TrainingError where one is not finite."""
    numbers = {name: float(loss) for name, loss in losses.items()}
    if not all(math.isfinite(v) for v in numbers.values()):
        raise TrainingError(f"step {step}: expected finite losses")
    return numbers
