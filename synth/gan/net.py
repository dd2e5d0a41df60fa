"""The generator."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from synth.config import TrainConfig
from synth.encode.layout import Layout


def _linear(inputs: int, outputs: int) -> nn.Linear:
    # Without weights drawn from the global generator: `initialise` draws them.
    return cast(nn.Linear, skip_init(nn.Linear, inputs, outputs))  # type: ignore[no-untyped-call]


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
    """Noise and a condition to one logit for each flat code.

    The condition enters through an embedding and not beside the output layer, so parameters grow linearly with codes.
    """

    def __init__(self, config: TrainConfig, codes: int) -> None:
        super().__init__()
        self.noise = config.noise
        self.entry = _linear(config.noise, config.width)
        self.condition = _embedding(codes, config.width)
        self.blocks = nn.ModuleList(ResidualBlock(config.width) for _ in range(config.blocks))
        self.norm = nn.BatchNorm1d(config.width)
        self.exit = _linear(config.width, codes)

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, D) logits from (B, noise) and (B,) flat codes."""
        hidden = self.entry(noise) + self.condition(condition)
        for block in self.blocks:
            hidden = block(hidden)
        out: Tensor = self.exit(functional.relu(self.norm(hidden)))
        return out

    def propose(self, noise: Tensor, condition: Tensor) -> tuple[Tensor, None]:
        """The logits, and no residuals: the chain draws them."""
        return self(noise, condition), None


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
    """A fresh generator whose output starts at the marginal frequencies."""
    net = Generator(config, layout.codes)
    initialise(net, generator)
    with torch.no_grad():
        net.exit.bias[:] = torch.log(counts.float().cpu() + 0.5)
    return net.to(layout.device)
