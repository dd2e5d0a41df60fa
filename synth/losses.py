"""The losses, as functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from synth.layout import Layout, column_max, softmax_by_column
from synth.nets import Critic


def critic_loss(
    critic: Critic, real: Tensor, fake: Tensor, condition: Tensor, penalty: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """(loss to descend, Wasserstein estimate) of the critic; `real` and `fake` are (B, F) records.

    E[D(fake)] - E[D(real)] + penalty * E[(|grad D(mix)| - 1)^2] (Gulrajani et al. 2017, equation 3), over packs.
    """
    real, fake = critic.pack(real), critic.pack(fake)
    gap = critic(real, condition, generator).score.mean() - critic(fake, condition, generator).score.mean()
    share = torch.rand(len(real), 1, generator=generator, device=real.device)
    return penalty * gradient_penalty(critic, torch.lerp(fake, real, share), condition, generator) - gap, gap.detach()


def gradient_penalty(critic: Critic, mix: Tensor, condition: Tensor, generator: torch.Generator) -> Tensor:
    """How far the norm of the critic's gradient at (packs, pac * F) points is from 1, squared and averaged."""
    gradient = critic.input_gradient(critic(mix, condition, generator))
    far: Tensor = ((gradient.norm(dim=1) - 1) ** 2).mean()
    return far


def condition_loss(probabilities: Tensor, condition: Tensor) -> Tensor:
    """Cross-entropy of the conditioned column with its condition (Xu et al. 2019, section 4.3)."""
    hit = probabilities.gather(1, condition[:, None])
    loss: Tensor = -torch.log(hit.clamp_min(1e-12)).mean()
    return loss


def gumbel_softmax(logits: Tensor, layout: Layout, temperature: float, generator: torch.Generator) -> Tensor:
    """(B, D) one-hot draws for all columns, with the gradient of the relaxed ones (straight-through; Jang et al. 2017).

    The critic thus judges what is emitted, not a mixture of categories.
    """
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device).clamp_(1e-9, 1 - 1e-7)
    noisy = logits - torch.log(-torch.log(uniform))
    soft = softmax_by_column(noisy / temperature, layout)
    hard = (noisy >= column_max(noisy, layout)[:, layout.column]).float()
    return hard + soft - soft.detach()


def draw_residuals(tilts: Tensor, generator: torch.Generator) -> Tensor:
    """(B, R) in (-1, 1): tanh of half of tilt plus logistic noise.

    A tilt of 0 is a uniform residual, which is what residuals are over all records of a mode piece.
    """
    uniform = torch.rand(tilts.shape, generator=generator, device=tilts.device).clamp_(1e-6, 1 - 1e-6)
    return torch.tanh((tilts + torch.logit(uniform)) / 2)


def as_records(one_hot: Tensor, residuals: Tensor, inside: Tensor) -> Tensor:
    """(B, D + R) what the critic sees: codes, and residuals only where the code is a mode piece.

    `inside` is (D, R): 1 where a flat code is a piece of the column of a residual.
    """
    return torch.cat([one_hot, residuals * (one_hot @ inside)], dim=1)
