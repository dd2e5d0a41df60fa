"""The generator of `ctgan`: noise and a condition through two layers, each beside its own input (Xu et al. 2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth.config import TrainConfig
from synth.errors import TrainingError

MOST_CODES = 3_000
"""The condition reaches the last layer, so that weights grow with the square of the codes."""


class ResidualLayer(nn.Module):
    """(B, inputs) values and (B,) conditions to (B, width + inputs): the layer's own values beside those it got."""

    def __init__(self, inputs: int, codes: int, width: int) -> None:
        super().__init__()
        self.map = ConditionedMap(inputs, codes, width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:
        """The layer's output."""
        return torch.cat([functional.relu(self.norm(self.map(values, condition))), values], 1)


class ConditionedMap(nn.Module):
    """A linear map of values beside a one-hot condition, which is looked up: it is never one-hot."""

    def __init__(self, inputs: int, codes: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.condition = nn.Parameter(torch.empty(codes, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:
        """(B, outputs)."""
        return torch.addmm(functional.embedding(condition, self.condition), values, self.weight) + self.bias

    def initialise(self, random: torch.Generator) -> None:
        """Draws all weights anew from `random`, a generator of the CPU."""
        bound = 1 / math.sqrt(len(self.weight) + len(self.condition))
        with torch.no_grad():
            for each in self.parameters():
                each.uniform_(-bound, bound, generator=random)


class CtganGenerator(nn.Module):
    """Noise and a condition to one logit for each flat code and one residual for each column that has one."""

    def __init__(self, config: TrainConfig, codes: int, residuals: int) -> None:
        super().__init__()
        if codes > MOST_CODES:
            raise TrainingError(
                f"objective: expected at most {MOST_CODES:,} codes in all columns together for 'ctgan', got {codes:,};"
                " leave columns of many categories out, or take the default objective"
            )
        self.noise, self.codes, self.residuals = config.noise, codes, residuals
        widths = [config.noise + number * config.width for number in range(config.blocks + 1)]
        self.layers = nn.ModuleList(ResidualLayer(inputs, codes, config.width) for inputs in widths[:-1])
        self.exit = ConditionedMap(widths[-1], codes, codes + residuals)

    def propose(self, noise: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """((B, D) logits, (B, R) residuals in [-1, 1]) from (B, noise) and (B,) flat codes."""
        values = noise
        for layer in self.layers:
            values = layer(values, condition)
        out = self.exit(values, condition)
        return out[:, : self.codes], torch.tanh(out[:, self.codes :])

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, D) logits."""
        return self.propose(noise, condition)[0]

    def logits(self, noise: Tensor, condition: Tensor) -> Tensor:
        """The same."""
        return self.propose(noise, condition)[0]

    def initialise(self, random: torch.Generator) -> None:
        """Draws all weights anew from `random`, a generator of the CPU."""
        for part in self.modules():
            if isinstance(part, ConditionedMap):
                part.initialise(random)


def make_ctgan_generator(config: TrainConfig, codes: int, residuals: int, random: torch.Generator) -> CtganGenerator:
    """A fresh generator, its weights drawn from `random`, a generator of the CPU."""
    net = CtganGenerator(config, codes, residuals)
    net.initialise(random)
    return net
