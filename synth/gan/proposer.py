"""What sampling asks of a generator, whatever it was trained for."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Proposer(Protocol):
    """Proposes coded records from noise and conditions."""

    @property
    def noise(self) -> int:
        """Width of the noise."""

    def logits(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, D) float32 logits from (B, noise) and (B,) flat codes."""

    def propose(self, noise: Tensor, condition: Tensor) -> tuple[Tensor, Tensor | None]:
        """(the same, (B, R) residuals in [-1, 1]; None from a generator that leaves them to the chain)."""
