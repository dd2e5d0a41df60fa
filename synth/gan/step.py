"""One step of training: what it works on, what it changes, and the step itself."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Adam

from synth.chain.dependency import Dependencies, find_dependencies, no_dependencies
from synth.config import TrainConfig
from synth.encode.correspondence import axes_of
from synth.encode.layout import Layout, draw_codes, softmax_by_column
from synth.encode.ranking import Ranking, middles_of, rank_codes
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.gan.condition_vector import Conditions, condition_loss, count_codes, make_conditions
from synth.gan.net import Generator, make_generator
from synth.gan.state import adam_state, module_state, put_adam, put_module
from synth.gan.table_loss import PART_CODES, PART_RECORDS, TableTargets, make_targets, part_loss, table_loss
from synth.randomness import Rng
from synth.table.schema import ColumnRole

BATCH_CELLS = 20_000_000
"""Records times codes in a batch, at most: tables with very many codes take smaller batches."""
NORM_BATCHES = 8
"""Batches from which the final statistics of batch norm are taken."""
NORM_BATCH = 2_000
DRAWN_CELLS = 4_000_000
"""Records times codes that are drawn at a time, at most."""

NETWORKS = ("generator", "average", "best")
"""What a checkpoint holds of the networks."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Material:
    """What training reads and never changes, on the training device."""

    layout: Layout
    ranking: Ranking
    codes: Tensor
    """(records, C)"""
    residuals: Tensor
    """(records, R), on the host: not every objective has a generator that learns them"""
    counts: Tensor
    """(D,) records with each flat code"""
    target: int | None
    """Which encoded column the table is for, if any"""
    dependencies: Dependencies
    """Columns that another one determines; none are looked for where records do not count people"""
    conditions: Conditions
    tables: TableTargets
    wide: Conditions | None
    """Of columns that have too many codes for all of their tables to be held; None where there are none"""
    batch: int


@dataclass(kw_only=True, slots=True, eq=False)
class Networks:
    """What training changes."""

    generator: Generator
    average: Generator
    best: Generator
    """The averaged weights that sampling will use"""
    best_score: float
    """The least distance that a look has found, infinite before the first"""
    adam: Adam
    running: Tensor
    """The generator's tables, as large as those of the training records, averaged over batches"""
    random: torch.Generator
    step: int

    def tensors(self) -> dict[str, Tensor]:
        """The state, but for the number of the step; `put` takes it back."""
        held = {"random": self.random.get_state(), "running": self.running}
        held |= {"best_score": torch.tensor(self.best_score, dtype=torch.float64)}
        for name in NETWORKS:
            held |= module_state(name, getattr(self, name))
        return held | adam_state("adam", self.adam)

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from a state. Raises KeyError, RuntimeError or ValueError where it is of other networks."""
        self.random.set_state(tensors["random"])
        self.running = tensors["running"].to(self.running.device)
        for name in NETWORKS:
            put_module(getattr(self, name), name, tensors)
        put_adam(self.adam, "adam", tensors)
        self.best_score = float(tensors["best_score"])


def make_material(
    encoder: TableEncoder, table: EncodedTable, layout: Layout, config: TrainConfig, rng: Rng
) -> Material:
    """The tensors of an encoded table."""
    codes = torch.from_numpy(table.codes).to(layout.device)
    counts = count_codes(codes, layout)
    name = encoder.schema.with_role(ColumnRole.TARGET)
    names = [c.name for c in encoder.encoders]
    target = names.index(name) if name in names else None
    counting = rng.spawn("tables").numpy
    # records of one person would put a category where no other person does
    counts_people = encoder.schema.with_role(ColumnRole.PERSON) is None
    categorical = [c for c, column in enumerate(encoder.encoders) if counts_people and middles_of(column) is None]
    axes = axes_of(codes, counts >= config.least, layout, categorical, rng.spawn("axes").numpy)
    ranking = rank_codes(encoder.encoders, counts.cpu().numpy(), axes, str(layout.device))
    order = ranking.order if config.shrink_tables else None
    tables = make_targets(codes, layout, target, counting, order=order)
    return Material(
        layout=layout,
        ranking=ranking,
        codes=codes,
        residuals=torch.from_numpy(table.residuals),
        counts=counts,
        target=target,
        dependencies=find_dependencies(codes, counts, layout, config.least, rng.spawn("followers").numpy)
        if counts_people and config.dependencies
        else no_dependencies(),
        conditions=make_conditions(counts, layout, config.log_share),
        tables=tables,
        wide=None if tables.flat is None else make_conditions(counts * tables.open_codes(), layout, config.log_share),
        batch=max(min(config.batch, BATCH_CELLS // layout.codes), 2),
    )


def make_networks(config: TrainConfig, material: Material, rng: Rng) -> Networks:
    """A fresh generator and optimizer; all randomness of the steps to come is in `random`."""
    layout = material.layout
    generator = make_generator(config, layout, material.counts, rng.spawn("generator").torch())
    average = copy.deepcopy(generator).requires_grad_(requires_grad=False)
    return Networks(
        generator=generator,
        average=average,
        best=copy.deepcopy(average),
        best_score=math.inf,
        adam=Adam(generator.parameters(), config.rate, (0.0, 0.9)),
        running=material.tables.start(),
        random=rng.spawn("steps").torch(str(layout.device)),
        step=0,
    )


def train_step(networks: Networks, material: Material, config: TrainConfig, rate: float) -> dict[str, Tensor]:
    """Does one step at this share of the full learning rate and gives its losses."""
    for group in networks.adam.param_groups:
        group["lr"] = config.rate * rate
    condition = material.conditions.draw(material.batch, networks.random)
    noise = torch.randn(
        len(condition), networks.generator.noise, generator=networks.random, device=material.layout.device
    )
    probabilities = softmax_by_column(networks.generator(noise, condition), material.layout)
    weights = material.conditions.weights[condition]
    losses = {"condition": condition_loss(probabilities, condition)}
    total = config.condition_weight * losses["condition"]
    if config.table_weight > 0:
        losses["tables"] = match_tables(networks, material, probabilities, weights)
        total = total + config.table_weight * losses["tables"]
    networks.adam.zero_grad(set_to_none=True)
    torch.autograd.backward(total)
    networks.adam.step()
    _average(networks, config.ema)
    networks.step += 1
    return {name: loss.detach() for name, loss in losses.items()}


def match_tables(networks: Networks, material: Material, probabilities: Tensor, weights: Tensor) -> Tensor:
    """How far the generator's tables are from those of the training records, wide columns included."""
    held = material.tables.of(probabilities)
    loss, networks.running = table_loss(held, weights, networks.running, material.tables)
    if material.wide is not None:
        loss = loss + _match_wide(networks, material, material.wide, probabilities, weights)
    return loss


def _match_wide(
    networks: Networks, material: Material, wide: Conditions, probabilities: Tensor, weights: Tensor
) -> Tensor:
    """How far tables of wide columns with all are from those of some records, for some codes of either."""
    layout, half = material.layout, PART_CODES // 2
    some = (wide.draw(half, networks.random), material.conditions.draw(half, networks.random))
    picked = torch.unique(torch.cat(some))
    records = torch.randint(len(material.codes), (PART_RECORDS,), generator=networks.random, device=layout.device)
    flat = material.codes[records].long() + layout.starts
    frequencies = material.counts / len(material.codes)
    return part_loss(probabilities, weights, flat, picked, frequencies, material.tables.open_codes(), layout)


def settle(generator: Generator, material: Material, rng: Rng) -> Generator:
    """A copy of a generator in evaluation mode, batch norm fixed at its statistics under training conditions.

    Averaged weights have never been run in training, so the statistics gathered there are not theirs. Statistics under
    other conditions than those of training would shift what the generator has learnt.
    """
    settled = copy.deepcopy(generator).train()
    device = material.layout.device
    random = rng.torch(str(device))
    for part in settled.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.reset_running_stats()
            part.momentum = None  # a plain mean over batches
    batch = max(2, min(NORM_BATCH, BATCH_CELLS // material.layout.codes))
    with torch.no_grad():
        for _ in range(NORM_BATCHES):
            condition = material.conditions.draw(batch, random)
            settled(torch.randn(batch, settled.noise, generator=random, device=device), condition)
    return settled.eval().requires_grad_(requires_grad=False)


def draw(generator: Generator, n: int, material: Material, random: torch.Generator) -> Tensor:
    """(n, C) codes of records that a settled generator makes, conditions by their true frequencies."""
    layout = material.layout
    conditions = make_conditions(material.counts, layout, 0.0)
    batch = max(100, min(n, DRAWN_CELLS // layout.codes))
    drawn = []
    with torch.no_grad():
        for begin in range(0, n, batch):
            condition = conditions.draw(min(batch, n - begin), random)
            noise = torch.randn(len(condition), generator.noise, generator=random, device=layout.device)
            drawn.append(draw_codes(softmax_by_column(generator(noise, condition), layout), layout, random))
    return material.dependencies.apply(torch.cat(drawn))


def _average(networks: Networks, decay: float) -> None:
    # The ramp lets the average forget the first weights (Yazici et al. 2018 average from a late start instead).
    decay = min(decay, (1 + networks.step) / (10 + networks.step))
    with torch.no_grad():
        held, new = [*networks.average.parameters()], [*networks.generator.parameters()]
        torch._foreach_lerp_(held, new, 1 - decay)  # type: ignore[arg-type] # parameters are tensors
