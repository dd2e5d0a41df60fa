"""How often the settled generator draws each code, set right after the steps."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from synth.encode.layout import softmax_by_column
from synth.gan.condition_vector import make_conditions
from synth.gan.net import Generator
from synth.gan.step import Material
from synth.randomness import Rng

ROUNDS = 4
RECORDS, FEWEST_RECORDS = 20_000, 2_000
"""Generated records in a round, at most and at least."""
CELLS = 40_000_000
"""Records times codes in a round, about."""
BATCH_CELLS = 4_000_000
"""Records times codes at a time."""
STEEPEST = 3.0
"""The logarithm by which one round changes how often a code is drawn, at most."""


def calibrate(generator: Generator, material: Material, rng: Rng, rounds: int = ROUNDS) -> Generator:
    """A copy of a settled generator that draws each code as often, on average, as training records have it.

    The losses hold rare codes of a column of thousands to little, and it takes many batches before each has been met:
    what the generator says of them beside their frequency is worth keeping, but not the frequency. Each round takes
    from the output's biases the logarithm of how much too frequent a code is: iterative proportional fitting to the
    one-way tables (Deming & Stephan 1940), the generator's own distribution being where it begins. A column is judged
    on records whose condition is about another one: its own are as frequent as they should be, and by chance.
    """
    layout, level = material.layout, copy.deepcopy(generator).eval()
    wanted = (material.counts + 0.5) / (len(material.codes) + 0.5 * layout.widths[layout.column])
    random = rng.torch(str(layout.device))
    for _ in range(rounds):
        made = _frequencies(level, material, random).clamp_min(1e-12)
        with torch.no_grad():
            level.exit.bias.add_(torch.log(wanted / made).clamp(-STEEPEST, STEEPEST))
    return level


def _frequencies(generator: Generator, material: Material, random: torch.Generator) -> Tensor:
    """(D,) how likely each code is, on average over generated records whose condition is about another column."""
    layout, conditions = material.layout, make_conditions(material.counts, material.layout, 0.0)
    records = max(FEWEST_RECORDS, min(RECORDS, CELLS // layout.codes))
    batch = max(100, min(records, BATCH_CELLS // layout.codes))
    made = torch.zeros(layout.codes, device=layout.device)
    counted = torch.zeros(layout.columns, device=layout.device)
    with torch.no_grad():
        for begin in range(0, records, batch):
            condition = conditions.draw(min(batch, records - begin), random)
            noise = torch.randn(len(condition), generator.noise, generator=random, device=layout.device)
            about = torch.nn.functional.one_hot(layout.column[condition], layout.columns)
            others = 1.0 - about if layout.columns > 1 else torch.ones_like(about, dtype=torch.float32)
            counted += others.sum(0)
            made += (softmax_by_column(generator(noise, condition), layout) * others[:, layout.column]).sum(0)
    return made / counted[layout.column].clamp_min(1.0)
