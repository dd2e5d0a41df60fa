"""The adversary's turn: grows the critic against the generator as it is, and keeps where it told the two apart."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from synth.config import TrainConfig
from synth.encode.layout import Layout, draw_codes, softmax_by_column
from synth.gan.condition_vector import make_conditions
from synth.gan.leaf_loss import Leaves, add_boxes, measure
from synth.gan.net import Generator
from synth.gan.step import Material, Networks, settle
from synth.protection import LEAF_RECORDS
from synth.randomness import Rng
from synth.trees.critic import Ranks, TreeCritic, explain, fit_critic, join

RECORDS = 10_000
"""Real and generated records that the critic is grown on, of each, at most."""
COUNTED = 50_000
"""Real records on which the shares of leaves are counted, at most."""
FEWEST_RECORDS = 4 * LEAF_RECORDS
"""With fewer records there is no leaf worth matching."""
CELLS = 4_000_000
"""Records times codes that are generated at a time, at most."""


def challenge(networks: Networks, material: Material, config: TrainConfig, rng: Rng) -> TreeCritic | None:
    """The critic of the generator as it is; its leaves join the working set in `networks`. None for tiny tables."""
    layout = material.layout
    n = len(material.codes)
    if n < FEWEST_RECORDS:
        return None
    numpy = rng.spawn("trees").numpy
    random = rng.spawn("records").torch(str(layout.device))
    live = settle(networks.generator, material, rng.spawn("settle"))
    made = places_of(draw(live, min(RECORDS, n), material, random), material)
    order = torch.from_numpy(numpy.choice(n, min(n, max(RECORDS, COUNTED)), replace=False)).to(layout.device)
    real = places_of(material.codes[order], material)
    widths = layout.widths.tolist()
    shown = ranks_of(real[:RECORDS], layout)
    critic = fit_critic(shown, ranks_of(made, layout), widths, numpy, config.critic_trees)
    boxes = critic.boxes()
    if material.target is not None and config.target_trees and layout.columns > 1:
        boxes = join([boxes, explain(shown, material.target, widths, numpy, config.target_trees)])
    grown = add_boxes(networks.leaves, boxes, layout)
    networks.leaves = _kept(grown, real, made, layout, config.leaves)
    return critic


def _kept(leaves: Leaves, real: Tensor, made: Tensor, layout: Layout, most: int) -> Leaves:
    return measure(leaves, real[:COUNTED], made, layout, most)


def draw(generator: Generator, n: int, material: Material, random: torch.Generator) -> Tensor:
    """(n, C) codes of generated records, conditions by their true frequencies."""
    layout = material.layout
    conditions = make_conditions(material.counts, layout, 0.0)
    batch = max(100, min(n, CELLS // layout.codes))
    drawn = []
    with torch.no_grad():
        for begin in range(0, n, batch):
            condition = conditions.draw(min(batch, n - begin), random)
            noise = torch.randn(len(condition), generator.noise, generator=random, device=layout.device)
            drawn.append(draw_codes(softmax_by_column(generator(noise, condition), layout), layout, random))
    return material.dependencies.apply(torch.cat(drawn))


def places_of(codes: Tensor, material: Material) -> Tensor:
    """(records, C) places in the ranking, from (records, C) codes."""
    return material.ranking.place[codes.long() + material.layout.starts]


def ranks_of(places: Tensor, layout: Layout) -> Ranks:
    """(records, C) ranks within columns, on the host, where trees are grown."""
    ranks: Ranks = (places - layout.starts).cpu().numpy().astype(np.float32)
    return ranks
