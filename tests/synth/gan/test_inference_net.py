"""The generator that sampling runs is the one that was trained."""

from __future__ import annotations

import pytest
import torch

from synth.config import TrainConfig
from synth.gan.inference_net import fast_kind, make_inference_net
from synth.gan.net import Generator, initialise

CODES = 12


def generator(blocks: int, random: torch.Generator) -> Generator:
    net = Generator(TrainConfig(noise=8, width=16, blocks=blocks), CODES)
    initialise(net, random)
    return net.eval().requires_grad_(requires_grad=False)


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_freezing_changes_nothing_but_the_rounding(blocks: int) -> None:
    random = torch.Generator().manual_seed(blocks)
    net = generator(blocks, random)
    for name, part in [*net.named_parameters(), *net.named_buffers()]:
        if part.is_floating_point() and "condition" not in name:
            part.data.uniform_(0.2, 1.5, generator=random)
    noise, condition = torch.randn(64, 8, generator=random), torch.randint(CODES, (64,), generator=random)
    torch.testing.assert_close(
        make_inference_net(net).logits(noise, condition), net(noise, condition), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_numbers_of_16_bits_draw_as_often(blocks: int) -> None:
    """By the mean of what records give to each of some codes, rare ones among them; whatever this processor is."""
    random = torch.Generator().manual_seed(blocks)
    net = generator(blocks, random)
    net.exit.weight.data.normal_(0.0, 0.5, generator=random)
    net.exit.bias.data[:] = torch.linspace(-8.0, 0.0, CODES)
    noise, condition = torch.randn(20_000, 8, generator=random), torch.randint(CODES, (20_000,), generator=random)
    shares = [
        torch.softmax(make_inference_net(net, kind).logits(noise, condition), 1).double().mean(0)
        for kind in (torch.float32, torch.bfloat16)
    ]
    assert float(shares[0].min()) < 0.01
    assert torch.allclose(shares[1], shares[0], rtol=0.01)
    assert float((shares[1] - shares[0]).abs().sum()) / 2 < 0.002


@pytest.mark.parametrize(
    ("able", "kind"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True, "avx512_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"neon": True}, torch.float32),
        (None, torch.float32),
    ],
)
def test_16_bits_are_for_processors_that_multiply_them(
    able: dict[str, bool] | None, kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None stands for a torch that does not tell."""
    if able is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert fast_kind() == kind
