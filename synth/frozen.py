"""A trained generator as sampling runs it: batch norm folded into the maps beside it, nothing allocated twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from synth.nets import Generator, ResidualBlock


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrozenBlock:
    """A residual block; the second norm is part of the first map."""

    scale: Tensor
    """(width,)"""
    shift: Tensor
    """(width,)"""
    inner: Tensor
    """(width, width) inputs by outputs"""
    inner_bias: Tensor
    outer: Tensor
    """(width, width) inputs by outputs"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrozenGenerator:
    """The same map as a generator in evaluation mode, up to rounding; without gradients."""

    noise: int
    entry: Tensor
    """(noise, width)"""
    condition: Tensor
    """(D, width) the embedding, with the biases of all maps that add to the residual stream"""
    blocks: tuple[FrozenBlock, ...]
    scale: Tensor
    shift: Tensor
    exit: Tensor
    """(width, D)"""
    exit_bias: Tensor

    def logits(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, D) logits from (B, noise) and (B,) flat codes."""
        hidden = self.condition.index_select(0, condition).addmm_(noise, self.entry)
        for block in self.blocks:
            inner = torch.addcmul(block.shift, hidden, block.scale).relu_()
            hidden.addmm_(torch.addmm(block.inner_bias, inner, block.inner).relu_(), block.outer)
        return torch.addmm(self.exit_bias, torch.addcmul(self.shift, hidden, self.scale).relu_(), self.exit)


def freeze(generator: Generator) -> FrozenGenerator:
    """The frozen form of a generator, by the statistics that its batch norm holds."""
    blocks = [cast(ResidualBlock, block) for block in generator.blocks]
    with torch.no_grad():
        # what the blocks' biases add to the stream is there from the start: norms before they are due take it off again
        early = torch.stack([block.linear2.bias for block in blocks]).sum(0) if blocks else torch.zeros(1)
        condition = generator.condition.weight + generator.entry.bias + early
        frozen = []
        for block in blocks:
            scale, shift = _affine(block.norm1)
            inner_scale, inner_shift = _affine(block.norm2)
            frozen.append(
                FrozenBlock(
                    scale=scale,
                    shift=shift - scale * early,
                    inner=(block.linear1.weight * inner_scale[:, None]).T.contiguous(),
                    inner_bias=block.linear1.bias * inner_scale + inner_shift,
                    outer=block.linear2.weight.T.contiguous(),
                )
            )
            early = early - block.linear2.bias
        scale, shift = _affine(generator.norm)
        return FrozenGenerator(
            noise=generator.noise,
            entry=generator.entry.weight.T.contiguous(),
            condition=condition,
            blocks=tuple(frozen),
            scale=scale,
            shift=shift,
            exit=generator.exit.weight.T.contiguous(),
            exit_bias=generator.exit.bias.detach(),
        )


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """(scale, shift) that batch norm in evaluation mode comes to."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale
