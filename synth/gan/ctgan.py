"""The objective `ctgan`: conditional tabular GAN as published (Xu et al. 2019, arXiv 1907.00503), on our encoders.

A network critic judges packs of records (Wasserstein distance with gradient penalty), codes are drawn by
Gumbel-softmax, and records are drawn by training-by-sampling. Nothing redraws what the generator proposes.

Quantities are coded as everywhere here, by atoms and pieces of modes; conditions are about codes of any column, those
of quantities included; and a step makes its records once: the critic learns from them, and then the generator from the
critic that has. What else differs from the paper stands in docs/adr/0020-the-published-gan-is-an-objective.md.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.optim import Adam

from synth.config import TrainConfig
from synth.encode.layout import Layout, softmax_by_column
from synth.gan.ctgan_net import CtganGenerator, make_ctgan_generator
from synth.gan.network_critic import PAC, NetworkCritic, critic_loss, dropout_masks
from synth.gan.row_sampler import RowSampler, make_row_sampler
from synth.gan.state import adam_state, module_state, put_adam, put_module
from synth.gan.step import Material
from synth.randomness import Rng

TEMPERATURE = 0.2
"""Of the Gumbel-softmax: the nearer to 0, the nearer what the critic sees is to one code a column."""
RATE, CRITIC_RATE = 5e-4, 2e-3
"""Learning rates of the generator and of the critic."""
BETAS = (0.5, 0.9)
DECAY = 1e-6
"""Weight decay of both."""
BATCH = 500
"""Records in a batch, at most."""
STEPS, EPOCHS = 4_000, 300
"""Steps, at most, and passes through the table; the paper has as many passes for a table of any size."""
TINY = 1e-20
NETWORKS = ("generator", "critic", "average", "best")
"""What a checkpoint holds of the networks."""


@dataclass(kw_only=True, slots=True, eq=False)
class CtganNetworks:
    """What training changes."""

    generator: CtganGenerator
    critic: NetworkCritic
    average: CtganGenerator
    best: CtganGenerator
    best_score: float
    adam: Adam
    critic_adam: Adam
    rows: RowSampler
    random: torch.Generator
    step: int

    def tensors(self) -> dict[str, Tensor]:
        """The state, but for the number of the step; `put` takes it back."""
        held = {"random": self.random.get_state()}
        held |= {"best_score": torch.tensor(self.best_score, dtype=torch.float64)}
        for name in NETWORKS:
            held |= module_state(name, getattr(self, name))
        return held | adam_state("adam", self.adam) | adam_state("critic_adam", self.critic_adam)

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from a state. Raises KeyError, RuntimeError or ValueError where it is of other networks."""
        self.random.set_state(tensors["random"])
        for name in NETWORKS:
            put_module(getattr(self, name), name, tensors)
        put_adam(self.adam, "adam", tensors)
        put_adam(self.critic_adam, "critic_adam", tensors)
        self.best_score = float(tensors["best_score"])


def settings_of(config: TrainConfig, records: int) -> TrainConfig:
    """The settings of a training on so many records: the parts of our own method are switched off."""
    batch = max(min(config.batch, BATCH) // PAC, 1) * PAC
    return replace(
        config,
        batch=batch,
        steps=config.steps or max(1, min(STEPS, EPOCHS * records // batch)),
        log_share=1.0,
        shrink_tables=False,
        target_last=False,
        redraw=False,
        residual_trees=False,
        dependencies=False,
        calibration=False,
        last_critic=False,
    )


def make_ctgan(config: TrainConfig, material: Material, rng: Rng) -> CtganNetworks:
    """Fresh networks; all randomness of the steps to come is in `random`."""
    layout = material.layout
    residuals = len(layout.residual_columns)
    generator = make_ctgan_generator(config, layout.codes, residuals, rng.spawn("generator").torch()).to(layout.device)
    critic = NetworkCritic(layout.codes + residuals, layout.codes, rng.spawn("critic").torch()).to(layout.device)
    average = copy.deepcopy(generator).requires_grad_(requires_grad=False)
    return CtganNetworks(
        generator=generator,
        critic=critic,
        average=average,
        best=copy.deepcopy(average),
        best_score=math.inf,
        adam=_adam(generator, RATE),
        critic_adam=_adam(critic, CRITIC_RATE),
        rows=make_row_sampler(material),
        random=rng.spawn("steps").torch(str(layout.device)),
        step=0,
    )


def _adam(module: torch.nn.Module, rate: float) -> Adam:
    # fused: one pass over the weights in place of a dozen
    return Adam(module.parameters(), rate, BETAS, weight_decay=DECAY, fused=True)


def ctgan_step(networks: CtganNetworks, material: Material, config: TrainConfig, rate: float) -> dict[str, Tensor]:
    """One step of the critic and one of the generator at this share of the full learning rate, and their losses."""
    layout, random = material.layout, networks.random
    for adam, full in ((networks.adam, RATE), (networks.critic_adam, CRITIC_RATE)):
        for group in adam.param_groups:
            group["lr"] = full * rate
    condition = material.conditions.draw(material.batch // PAC * PAC, random)
    noise = torch.randn(len(condition), config.noise, generator=random, device=layout.device)
    logits, residuals = networks.generator.propose(noise, condition)
    made = torch.cat([gumbel_softmax(logits, layout, random), residuals], 1)
    with torch.no_grad():
        real = networks.rows.draw(condition, layout, random)
    distance, penalty = critic_loss(networks.critic, real, made.detach(), condition, random)
    _descend(penalty - distance, networks.critic_adam)
    networks.critic.requires_grad_(requires_grad=False)
    first = networks.critic.entry(made) + networks.critic.told(condition)
    score = networks.critic(first, dropout_masks(len(first), random)).mean()
    missed = condition_loss(logits, condition, layout)
    _descend(config.condition_weight * missed - score, networks.adam)
    networks.critic.requires_grad_(requires_grad=True)
    _average(networks, config.ema)
    networks.step += 1
    return {"critic": distance.detach(), "penalty": penalty.detach(), "condition": missed.detach()}


def _descend(loss: Tensor, adam: Adam) -> None:
    adam.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    adam.step()


def _average(networks: CtganNetworks, decay: float) -> None:
    decay = min(decay, (1 + networks.step) / (10 + networks.step))
    with torch.no_grad():
        held, new = [*networks.average.parameters()], [*networks.generator.parameters()]
        torch._foreach_lerp_(held, new, 1 - decay)  # type: ignore[arg-type] # parameters are tensors


def condition_loss(logits: Tensor, condition: Tensor, layout: Layout) -> Tensor:
    """Cross-entropy of the conditioned column, by (B, D) logits, with its condition (Xu et al. 2019, section 4.3)."""
    others = layout.column[None, :] != layout.column[condition][:, None]
    whole = torch.logsumexp(logits.masked_fill(others, -torch.inf), 1)
    return (whole - logits.gather(1, condition[:, None])[:, 0]).mean()


def gumbel_softmax(logits: Tensor, layout: Layout, random: torch.Generator) -> Tensor:
    """(B, D) shares of codes, near to one code a column, drawn as (B, D) logits say (Jang et al. 2017)."""
    drawn = torch.rand(logits.shape, generator=random, device=logits.device)
    waited = torch.log(drawn.clamp_min(TINY)).neg().clamp_min(TINY)  # exponential, so that -log of it is Gumbel
    return softmax_by_column((logits - torch.log(waited)) / TEMPERATURE, layout)
