"""A trained generator as sampling runs it: batch norm folded into the maps beside it, nothing allocated twice.

Where the processor multiplies numbers of 16 bits (bfloat16) by itself, the maps work on them: they take half the time,
and the frequencies of what is drawn differ by less than 1 in 2,000, see benchmarks/LOG.md. Biases of logits, which
make frequencies, stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from synth.gan.net import Generator, ResidualBlock


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
class InferenceNet:
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
    """(D,) float32"""

    def logits(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, D) float32 logits from (B, noise) and (B,) flat codes."""
        hidden = self.condition.index_select(0, condition).addmm_(noise.to(self.entry.dtype), self.entry)
        for block in self.blocks:
            inner = torch.addcmul(block.shift, hidden, block.scale).relu_()
            hidden.addmm_(torch.addmm(block.inner_bias, inner, block.inner).relu_(), block.outer)
        last = torch.addcmul(self.shift, hidden, self.scale).relu_()
        return torch.mm(last, self.exit).float().add_(self.exit_bias)

    def propose(self, noise: Tensor, condition: Tensor) -> tuple[Tensor, None]:
        """The logits, and no residuals: the chain draws them."""
        return self.logits(noise, condition), None


def fast_kind() -> torch.dtype:
    """What this processor multiplies fastest of the kinds of numbers that are exact enough."""
    able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def make_inference_net(generator: Generator, kind: torch.dtype = torch.float32) -> InferenceNet:
    """The frozen form of a generator, by the statistics that its batch norm holds, in numbers of one kind."""
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
                    scale=scale.to(kind),
                    shift=(shift - scale * early).to(kind),
                    inner=(block.linear1.weight * inner_scale[:, None]).T.to(kind).contiguous(),
                    inner_bias=(block.linear1.bias * inner_scale + inner_shift).to(kind),
                    outer=block.linear2.weight.T.to(kind).contiguous(),
                )
            )
            early = early - block.linear2.bias
        scale, shift = _affine(generator.norm)
        return InferenceNet(
            noise=generator.noise,
            entry=generator.entry.weight.T.to(kind).contiguous(),
            condition=condition.to(kind),
            blocks=tuple(frozen),
            scale=scale.to(kind),
            shift=shift.to(kind),
            exit=generator.exit.weight.T.to(kind).contiguous(),
            exit_bias=generator.exit.bias.detach(),
        )


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """(scale, shift) that batch norm in evaluation mode comes to."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale
