"""The generator that sampling runs is the one that was trained."""

from __future__ import annotations

import pytest
import torch

from synth.config import TrainConfig
from synth.frozen import freeze
from synth.nets import Generator, initialise


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_freezing_changes_nothing_but_the_rounding(blocks: int) -> None:
    random = torch.Generator().manual_seed(blocks)
    net = Generator(TrainConfig(noise=8, width=16, blocks=blocks), 12)
    initialise(net, random)
    for name, part in [*net.named_parameters(), *net.named_buffers()]:
        if part.is_floating_point() and "condition" not in name:
            part.data.uniform_(0.2, 1.5, generator=random)
    net.eval().requires_grad_(requires_grad=False)
    noise, condition = torch.randn(64, 8, generator=random), torch.randint(12, (64,), generator=random)
    torch.testing.assert_close(freeze(net).logits(noise, condition), net(noise, condition), rtol=1e-4, atol=1e-4)
