"""What a generator can be trained for: each objective says what its training changes and how it takes a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from synth.config import TrainConfig
from synth.gan import ctgan
from synth.gan.ctgan_net import CtganGenerator
from synth.gan.net import Generator
from synth.gan.step import Material, make_networks, train_step
from synth.randomness import Rng

CTGAN_ALONE = (
    "The generator was trained by the published method CTGAN alone: nothing redraws what it proposes, so columns hang "
    "together less closely than with the default objective."
)
"""A warning."""
AnyGenerator = Generator | CtganGenerator


class Networks(Protocol):
    """What a training changes, as far as all objectives have it."""

    average: Any
    """The generator that is looked at: its weights may be averaged over steps"""
    best: Any
    """The weights that sampling will use"""
    best_score: float
    """The least distance that a look has found, infinite before the first"""
    random: torch.Generator
    """All randomness of the steps to come"""
    step: int

    def tensors(self) -> dict[str, Tensor]:
        """The state, but for the number of the step; `put` takes it back."""

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from a state. Raises KeyError, RuntimeError or ValueError where it is of other networks."""


N = TypeVar("N", bound=Networks)


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective(Generic[N]):
    """How one objective trains."""

    settings: Callable[[TrainConfig, int], TrainConfig]
    """The settings that hold for a table of so many records, from those asked for"""
    make: Callable[[TrainConfig, Material, Rng], N]
    """Fresh networks"""
    step: Callable[[N, Material, TrainConfig, float], dict[str, Tensor]]
    """Does one step at a share of the full learning rate, and gives its losses"""
    warnings: tuple[str, ...] = ()
    """What a user has to know of any model of this objective, in sentences"""
    blank: Callable[[TrainConfig, int, int], AnyGenerator]
    """A generator for so many codes and residuals, whose weights are to be read from a file"""


def _as_asked(config: TrainConfig, records: int) -> TrainConfig:  # noqa: ARG001 - those of the objective hold always
    return config


OBJECTIVES: dict[str, Objective[Any]] = {
    "tables": Objective(
        settings=_as_asked,
        make=make_networks,
        step=train_step,
        blank=lambda config, codes, _: Generator(config, codes),
    ),
    "ctgan": Objective(
        settings=ctgan.settings_of,
        make=ctgan.make_ctgan,
        step=ctgan.ctgan_step,
        warnings=(CTGAN_ALONE,),
        blank=CtganGenerator,
    ),
}
