"""Records as the generator proposes them, and as the chain leaves them without conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synth.chain.base import Codebook, Conditional, Records, fold
from synth.chain.last_critic import LastCritic, Raking, made_for
from synth.encode.layout import draw_from_logits
from synth.gan.condition_vector import Conditions
from synth.gan.proposer import Proposer
from synth.missing import Missing, absences


def propose_records(
    generator: Proposer, frequencies: Conditions, missing: Missing, book: Codebook, n: int, random: torch.Generator
) -> Records:
    """`n` records, conditions by their frequencies; columns that are missing together are so in the same records."""
    condition = frequencies.draw(n, random)
    noise = torch.randn(n, generator.noise, generator=random)
    logits, residuals = generator.propose(noise, condition)
    absent = absences(missing, logits, book.layout, random)
    codes = draw_from_logits(logits, book.layout, random, absent)
    return Records.of(codes, book, settled=absent, proposed=residuals)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Free:
    """All that it takes to draw records without conditions."""

    generator: Proposer
    frequencies: Conditions
    missing: Missing
    links: Sequence[Conditional]
    """The chain; the last link draws residuals"""
    critic: LastCritic | None
    book: Codebook

    def draw(self, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Raking | None]:
        """((n, C) codes, (n, R) residuals, how the critic's odds were raked, if there is one)."""
        raking = None
        many = n if self.critic is None else made_for(n)
        records = propose_records(self.generator, self.frequencies, self.missing, self.book, many, random)
        records, _ = fold(self.links[:-1], records, random)
        if self.critic is not None:
            records, raking = self.critic.keep(records, n, random)
        records, _ = fold(self.links[-1:], records, random)
        return records.codes(), records.residuals, raking
