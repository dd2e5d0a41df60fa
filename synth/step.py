"""One step of training: what it works on, what it changes, and the step itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Adam

from synth.condition import Conditions, RecordsByCode, index_records, make_conditions
from synth.config import TrainConfig
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.layout import Layout, one_hot, softmax_by_column
from synth.losses import as_records, condition_loss, critic_loss, draw_residuals, gumbel_softmax
from synth.nets import Critic, Generator, make_critic, make_generator
from synth.randomness import Rng
from synth.schema import ColumnRole
from synth.tables import (
    PART_CODES,
    PART_RECORDS,
    WHOLE_CODES,
    TableTargets,
    make_targets,
    part_loss,
    slice_loss,
    slice_schedule,
    table_loss,
)

WARM_UP = 50
"""Steps over which the learning rate rises."""
BATCH_CELLS = 20_000_000
"""Records times codes in a batch, at most: tables with very many codes take smaller batches."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Material:
    """What training reads and never changes, on the training device."""

    layout: Layout
    codes: Tensor
    """(records, C)"""
    residuals: Tensor
    """(records, R)"""
    inside: Tensor
    """(D, R) 1 where a flat code is a mode piece of the column of a residual"""
    index: RecordsByCode
    conditions: Conditions
    targets: TableTargets | None
    """None where there are too many codes to hold the tables of all pairs"""
    schedule: Tensor
    """(steps,) the slice of each step"""
    batch: int

    @property
    def counts(self) -> Tensor:
        """(D,) records with each flat code."""
        return self.index.counts


@dataclass(kw_only=True, slots=True, eq=False)
class Networks:
    """What training changes."""

    generator: Generator
    critic: Critic
    average: Generator
    generator_adam: Adam
    critic_adam: Adam
    running: Tensor | None
    """(D, D) the generator's tables, averaged over batches"""
    random: torch.Generator
    step: int


def make_material(
    encoder: TableEncoder, table: EncodedTable, layout: Layout, config: TrainConfig, steps: int, rng: Rng
) -> Material:
    """The tensors of an encoded table."""
    codes = torch.from_numpy(table.codes).to(layout.device)
    index = index_records(codes, layout)
    name = encoder.schema.with_role(ColumnRole.TARGET)
    names = [c.name for c in encoder.learnt]
    target = names.index(name) if name in names else None
    sliced = config.slice_weight > 0 and config.table_weight > 0
    targets = make_targets(codes, layout, target, with_slices=sliced) if layout.codes <= WHOLE_CODES else None
    pieces = torch.from_numpy(encoder.is_piece()).to(layout.device)
    inside = (layout.column[:, None] == layout.residual_columns[None, :]) & pieces[:, None]
    fitting = max(BATCH_CELLS // layout.codes, config.pac)
    return Material(
        layout=layout,
        codes=codes,
        residuals=torch.from_numpy(table.residuals).to(layout.device),
        inside=inside.float(),
        index=index,
        conditions=make_conditions(index.counts, layout, config.log_share),
        targets=targets,
        schedule=slice_schedule(targets, layout, target, steps, rng.spawn("slices").torch()),
        batch=max(min(config.batch, fitting) // config.pac, 2) * config.pac,
    )


def make_networks(config: TrainConfig, material: Material, rng: Rng) -> Networks:
    """Fresh networks and optimizers; all randomness of the steps to come is in `random`."""
    layout = material.layout
    generator = make_generator(config, layout, material.counts, rng.spawn("generator").torch())
    critic = make_critic(config, layout, rng.spawn("critic").torch())
    return Networks(
        generator=generator,
        critic=critic,
        average=copy.deepcopy(generator).requires_grad_(requires_grad=False),
        generator_adam=Adam(
            generator.parameters(), config.generator_rate, (0.0, 0.9), weight_decay=config.weight_decay
        ),
        critic_adam=Adam(critic.parameters(), config.critic_rate, (0.5, 0.9), weight_decay=config.weight_decay),
        running=material.targets.start() if material.targets else None,
        random=rng.spawn("steps").torch(str(layout.device)),
        step=0,
    )


def train_step(networks: Networks, material: Material, config: TrainConfig, fraction: float) -> dict[str, Tensor]:
    """Does one step and gives its losses. `fraction` of the training lies behind it, in [0, 1]."""
    rate = rate_at(networks.step, fraction)
    _set_rate(networks.generator_adam, config.generator_rate * rate)
    _set_rate(networks.critic_adam, config.critic_rate * rate)
    adversarial = config.critic_weight > 0 and fraction >= config.critic_start
    adversarial = adversarial and networks.step % config.critic_every == 0
    losses: dict[str, Tensor] = {}
    if adversarial:
        for _ in range(config.critic_steps - 1):
            losses |= critic_step(networks, material, config, *_fake(networks, material, config))
    losses |= generator_step(networks, material, config, adversarial=adversarial)
    _average(networks, config.ema)
    networks.step += 1
    return losses


def rate_at(step: int, fraction: float) -> float:
    """The learning rate as a share of the full one: a short rise, full to the middle, then falling to 2 %."""
    falling = 1.0 if fraction < 0.5 else 1.0 - 0.98 * (min(fraction, 1.0) - 0.5) / 0.5
    return min(1.0, (step + 1) / WARM_UP) * falling


def generator_step(
    networks: Networks, material: Material, config: TrainConfig, *, adversarial: bool
) -> dict[str, Tensor]:
    """One step of the generator, and one of the critic on the same records where it takes part."""
    condition = material.conditions.draw(material.batch, networks.random)
    logits, tilts = _generate(networks, condition)
    probabilities = softmax_by_column(logits, material.layout)
    weights = material.conditions.weights[condition]
    losses = {"condition": condition_loss(probabilities, condition)}
    total = config.condition_weight * losses["condition"]
    if config.table_weight > 0:
        losses |= match_tables(networks, material, probabilities, weights)
        matched = losses["tables"] + config.slice_weight * losses.get("slices", torch.zeros_like(losses["tables"]))
        total = total + config.table_weight * matched
    if adversarial:
        fake = _records(networks, material, config, logits, tilts)
        losses |= critic_step(networks, material, config, fake.detach(), condition)
        score = networks.critic(networks.critic.pack(fake), condition, networks.random).score
        losses["adversarial"] = -score.mean()
        total = total + config.critic_weight * losses["adversarial"]
    networks.generator_adam.zero_grad(set_to_none=True)
    torch.autograd.backward(total)
    networks.generator_adam.step()
    return {name: loss.detach() for name, loss in losses.items()}


def match_tables(networks: Networks, material: Material, probabilities: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """The losses `tables` and, where three-way slices are kept, `slices`."""
    if material.targets is None or networks.running is None:
        pick = torch.unique(material.conditions.draw(PART_CODES, networks.random))
        records = torch.randint(len(material.codes), (PART_RECORDS,), generator=networks.random, device=pick.device)
        flat = material.codes[records].long() + material.layout.starts
        frequencies = material.counts / len(material.codes)
        return {"tables": part_loss(probabilities, weights, flat, pick, frequencies, material.layout)}
    loss, networks.running = table_loss(probabilities, weights, networks.running, material.targets)
    if not len(material.targets.slices):
        return {"tables": loss}
    number = int(material.schedule[networks.step])
    return {"tables": loss, "slices": slice_loss(probabilities, weights, number, material.targets)}


def critic_step(
    networks: Networks, material: Material, config: TrainConfig, fake: Tensor, condition: Tensor
) -> dict[str, Tensor]:
    """One step of the critic against real records that meet the same conditions (training-by-sampling)."""
    records = material.index.draw(condition, material.layout, networks.random)
    real = as_records(one_hot(material.codes[records], material.layout), material.residuals[records], material.inside)
    loss, gap = critic_loss(networks.critic, real, fake, condition, config.penalty, networks.random)
    networks.critic_adam.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    networks.critic_adam.step()
    return {"critic": loss.detach(), "wasserstein": gap}


def _generate(networks: Networks, condition: Tensor) -> tuple[Tensor, Tensor]:
    shape = (len(condition), networks.generator.noise)
    noise = torch.randn(shape, generator=networks.random, device=condition.device)
    out: tuple[Tensor, Tensor] = networks.generator(noise, condition)
    return out


def _records(networks: Networks, material: Material, config: TrainConfig, logits: Tensor, tilts: Tensor) -> Tensor:
    drawn = gumbel_softmax(logits, material.layout, config.temperature, networks.random)
    return as_records(drawn, draw_residuals(tilts, networks.random), material.inside)


def _fake(networks: Networks, material: Material, config: TrainConfig) -> tuple[Tensor, Tensor]:
    condition = material.conditions.draw(material.batch, networks.random)
    with torch.no_grad():
        return _records(networks, material, config, *_generate(networks, condition)), condition


def _set_rate(adam: Adam, rate: float) -> None:
    for group in adam.param_groups:
        group["lr"] = rate


def _average(networks: Networks, decay: float) -> None:
    # The ramp lets the average forget the first weights (Yazici et al. 2018 average from a late start instead).
    decay = min(decay, (1 + networks.step) / (10 + networks.step))
    with torch.no_grad():
        held, new = [*networks.average.parameters()], [*networks.generator.parameters()]
        torch._foreach_lerp_(held, new, 1 - decay)  # type: ignore[arg-type] # parameters are tensors
