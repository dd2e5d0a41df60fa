"""The critic of `ctgan`: a network that judges packs of records (PacGAN, Lin et al. 2018), and its gradient penalty.

A critic that judges one record at a time does not see that a generator makes the same one over and over; one that
judges ten together does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PAC = 10
"""Records that are judged together."""
WIDTH = 256
SLOPE = 0.2
"""Of the leaky rectifier, where it falls."""
DROPOUT = 0.5
PENALTY = 10.0
"""Weight of the gradient penalty (Gulrajani et al. 2017)."""


class NetworkCritic(nn.Module):
    """Packs of records, and the conditions that they were made or drawn under, to one number each.

    Two hidden layers. A record is `features` numbers: a share of each code, and a residual for each column that has
    one. Conditions are looked up, so that they are never one-hot.
    """

    def __init__(self, features: int, codes: int, random: torch.Generator) -> None:
        super().__init__()
        self.codes = codes

        def uniform(fan_in: int, *shape: int) -> nn.Parameter:
            return nn.Parameter((2 * torch.rand(shape, generator=random) - 1) / math.sqrt(fan_in))

        entry = PAC * (features + codes)
        self.records = uniform(entry, PAC * features, WIDTH)
        self.conditions = uniform(entry, PAC * codes, WIDTH)
        self.bias = uniform(entry, WIDTH)
        self.hidden = uniform(WIDTH, WIDTH, WIDTH)
        self.hidden_bias = uniform(WIDTH, WIDTH)
        self.exit = uniform(WIDTH, WIDTH)
        self.exit_bias = uniform(WIDTH, 1)

    def entry(self, records: Tensor) -> Tensor:
        """(P, WIDTH) what packs of (P * PAC, features) records add to the first layer: linear in the records."""
        return records.reshape(len(records) // PAC, -1) @ self.records

    def told(self, condition: Tensor) -> Tensor:
        """(P, WIDTH) what packs of (P * PAC,) conditions add to it, with the bias."""
        place = condition.view(-1, PAC) + self.codes * torch.arange(PAC, device=condition.device)
        return functional.embedding_bag(place, self.conditions, mode="sum") + self.bias

    def forward(self, first: Tensor, masks: tuple[Tensor, Tensor]) -> Tensor:
        """(P,) scores from (P, WIDTH) values before the first rectifier, and the dropout `masks` of both layers."""
        inner = functional.leaky_relu(first, SLOPE) * masks[0]
        second = torch.addmm(self.hidden_bias, inner, self.hidden)
        return (functional.leaky_relu(second, SLOPE) * masks[1]) @ self.exit + self.exit_bias

    def gradient(self, first: Tensor, masks: tuple[Tensor, Tensor]) -> Tensor:
        """(P, PAC * features) the gradient of the scores by the records, itself differentiable by the weights.

        The network is linear between the kinks of its rectifiers, so its gradient is a product of its matrices: no
        second run of automatic differentiation through the first is needed, and the result is the same.
        """
        with torch.no_grad():
            slope = _slope(first) * masks[0]
            inner = functional.leaky_relu(first, SLOPE) * masks[0]
            later = _slope(torch.addmm(self.hidden_bias, inner, self.hidden)) * masks[1]
        return ((later * self.exit) @ self.hidden.T * slope) @ self.records.T


def _slope(value: Tensor) -> Tensor:
    return torch.where(value > 0, 1.0, SLOPE)


def dropout_masks(packs: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two (packs, WIDTH) dropout masks: what is kept is scaled up, so that its mean stays."""
    drawn = torch.rand(2, packs, WIDTH, generator=random, device=random.device)
    first, second = (drawn >= DROPOUT).float() / (1 - DROPOUT)
    return first, second


def critic_loss(
    critic: NetworkCritic, real: Tensor, made: Tensor, condition: Tensor, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """(the Wasserstein distance as the critic sees it, the weighted gradient penalty), of (B, features) records.

    The critic is to make the first minus the second large (Gulrajani et al. 2017). The penalty is taken between each
    pack of real records and one of generated ones, where the first layer's values lie between theirs.
    """
    packs = len(real) // PAC
    told = critic.told(condition)
    first_real, first_made = critic.entry(torch.cat([real, made])).view(2, packs, WIDTH)
    scores = critic(torch.cat([first_real + told, first_made + told]), dropout_masks(2 * packs, random))
    share = torch.rand(packs, 1, generator=random, device=random.device)
    between = torch.lerp(first_made.detach(), first_real.detach(), share) + told.detach()
    slope = critic.gradient(between, dropout_masks(packs, random)).norm(dim=1)
    return scores[:packs].mean() - scores[packs:].mean(), PENALTY * ((slope - 1) ** 2).mean()
