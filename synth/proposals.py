"""Records as the generator proposes them, before the chain redraws them."""

from __future__ import annotations

import torch

from synth.chain.base import Codebook, Records
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
