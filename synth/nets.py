"""The generator and the critic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from synth.config import TrainConfig
from synth.layout import Layout

SLOPE = 0.2
"""Of the critic's leaky rectifier (Xu et al. 2019)."""
DROPOUT = 0.5
EMBEDDING = 32
"""Width of the critic's embedding of a condition."""


def _linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    # Without weights drawn from the global generator: `initialise` draws them.
    return cast(nn.Linear, skip_init(nn.Linear, inputs, outputs, bias=bias))  # type: ignore[no-untyped-call]


def _embedding(codes: int, width: int) -> nn.Embedding:
    return cast(nn.Embedding, skip_init(nn.Embedding, codes, width))  # type: ignore[no-untyped-call]


class ResidualBlock(nn.Module):
    """(B, width) -> (B, width): batch norm, rectifier and linear map, twice, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.linear1, self.linear2 = _linear(width, width), _linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """The block's output."""
        inner = self.linear1(functional.relu(self.norm1(hidden)))
        out: Tensor = hidden + self.linear2(functional.relu(self.norm2(inner)))
        return out


class Generator(nn.Module):
    """Noise and a condition to one logit for each flat code and one tilt for each residual.

    The condition enters through an embedding and not beside the output layer, so parameters grow linearly with codes.
    """

    def __init__(self, config: TrainConfig, codes: int, residuals: int) -> None:
        super().__init__()
        self.codes = codes
        self.noise = config.noise
        self.entry = _linear(config.noise, config.width)
        self.condition = _embedding(codes, config.width)
        self.blocks = nn.ModuleList(ResidualBlock(config.width) for _ in range(config.blocks))
        self.norm = nn.BatchNorm1d(config.width)
        self.exit = _linear(config.width, codes + residuals)

    def forward(self, noise: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """((B, D) logits, (B, R) tilts) from (B, noise) and (B,) flat codes."""
        hidden = self.entry(noise) + self.condition(condition)
        for block in self.blocks:
            hidden = block(hidden)
        out = self.exit(functional.relu(self.norm(hidden)))
        return out[:, : self.codes], out[:, self.codes :]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What the critic says of some packs, and which of its units were on."""

    score: Tensor
    """(packs,)"""
    mask1: Tensor
    """(packs, width) slope times dropout of the first hidden layer"""
    mask2: Tensor
    """(packs, width) of the second"""


class Critic(nn.Module):
    """Judges packs of records (Lin et al. 2018, PacGAN) with their conditions; two hidden layers with dropout."""

    def __init__(self, config: TrainConfig, codes: int, residuals: int) -> None:
        super().__init__()
        self.pac = config.pac
        self.first = _linear(config.pac * (codes + residuals), config.width)
        self.condition = _embedding(codes, EMBEDDING)
        self.entry = _linear(config.pac * EMBEDDING, config.width, bias=False)
        self.second = _linear(config.width, config.width)
        self.last = _linear(config.width, 1)

    def pack(self, records: Tensor) -> Tensor:
        """(B / pac, pac * F) from (B, F): neighbours side by side."""
        return records.reshape(len(records) // self.pac, -1)

    def forward(self, packs: Tensor, condition: Tensor, generator: torch.Generator) -> Judgement:
        """The judgement of (packs, pac * F) records under (packs * pac,) conditions; `generator` draws the dropout."""
        given = self.entry(self.pack(self.condition(condition)))
        hidden = self.first(packs) + given
        mask1 = _mask(hidden, generator)
        hidden = self.second(hidden * mask1)
        mask2 = _mask(hidden, generator)
        return Judgement(self.last(hidden * mask2).squeeze(1), mask1, mask2)

    def input_gradient(self, judgement: Judgement) -> Tensor:
        """(packs, pac * F) the gradient of each score by its pack, as a plain expression of the weights.

        For a network of linear maps and (leaky) rectifiers it is ((w3 * m2) W2 * m1) W1 with the masks held fixed,
        so the gradient penalty needs no second backward pass.
        """
        inner = (self.last.weight * judgement.mask2) @ self.second.weight
        out: Tensor = (inner * judgement.mask1) @ self.first.weight
        return out


def _mask(hidden: Tensor, generator: torch.Generator) -> Tensor:
    kept = torch.rand(hidden.shape, generator=generator, device=hidden.device) >= DROPOUT
    slope = torch.where(hidden.detach() > 0, 1.0, SLOPE)
    return slope * kept / (1 - DROPOUT)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draws all weights anew from `generator` (a CPU one), so that they depend on the seed alone."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Linear):
                bound = 1 / math.sqrt(part.in_features)
                part.weight.uniform_(-bound, bound, generator=generator)
                if part.bias is not None:
                    part.bias.zero_()
            elif isinstance(part, nn.Embedding):
                part.weight.normal_(0.0, 1.0, generator=generator)


def make_generator(config: TrainConfig, layout: Layout, counts: Tensor, generator: torch.Generator) -> Generator:
    """A fresh generator whose output starts at the marginal frequencies and at uniform residuals."""
    net = Generator(config, layout.codes, len(layout.residual_columns))
    initialise(net, generator)
    with torch.no_grad():
        net.exit.bias[: layout.codes] = torch.log(counts.float().cpu() + 0.5)
        net.exit.weight[layout.codes :] = 0.0
    return net.to(layout.device)


def make_critic(config: TrainConfig, layout: Layout, generator: torch.Generator) -> Critic:
    """A fresh critic."""
    net = Critic(config, layout.codes, len(layout.residual_columns))
    initialise(net, generator)
    return net.to(layout.device)
