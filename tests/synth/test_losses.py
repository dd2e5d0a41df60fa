"""The losses are what their formulas say."""

from __future__ import annotations

import torch

from synth.config import TrainConfig
from synth.layout import make_layout, one_hot, softmax_by_column
from synth.losses import draw_residuals, gradient_penalty, gumbel_softmax
from synth.nets import Critic, Generator, initialise
from synth.tables import count_pairs, make_targets, part_loss, slice_loss, table_loss

LAYOUT = make_layout([3, 2, 4], [2], "cpu")


def codes(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(3, (n,), generator=generator)
    return torch.stack([first, (first > 1).long(), torch.randint(4, (n,), generator=generator)], 1)


def test_closed_form_gradient_penalty_is_autograds() -> None:
    config = TrainConfig(pac=2, width=16)
    critic = Critic(config, LAYOUT.codes, 1).double()
    initialise(critic, torch.Generator().manual_seed(0))
    mix = torch.randn(12, 2 * 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    condition = torch.arange(24) % LAYOUT.codes
    score = critic(mix, condition, torch.Generator().manual_seed(2)).score
    (gradient,) = torch.autograd.grad(score.sum(), mix, create_graph=True)
    slow = ((gradient.norm(dim=1) - 1) ** 2).mean()
    fast = gradient_penalty(critic, mix, condition, torch.Generator().manual_seed(2))
    assert torch.allclose(slow, fast, atol=1e-12)
    weights = [critic.first.weight, critic.second.weight, critic.last.weight]
    for a, b in zip(torch.autograd.grad(slow, weights), torch.autograd.grad(fast, weights), strict=True):
        assert torch.allclose(a, b, atol=1e-12)


def test_tables_counted_from_codes_are_the_real_ones() -> None:
    real = codes(1000)
    pairs = count_pairs(real, LAYOUT)
    assert torch.isclose(pairs[2, 4], ((real[:, 0] == 2) & (real[:, 1] == 1)).float().mean())
    assert torch.isclose(pairs[5, 5], (real[:, 2] == 0).float().mean())


def test_matching_the_tables_learns_a_dependence() -> None:
    real = codes(2000)
    targets = make_targets(real, LAYOUT, None, with_slices=True)
    logits = torch.zeros(256, LAYOUT.codes, requires_grad=True)
    start, running = logits.detach() + torch.randn(256, 9, generator=torch.Generator().manual_seed(0)), targets.start()
    with torch.no_grad():
        logits += start
    adam = torch.optim.Adam([logits], 0.1)
    for _ in range(150):
        probabilities = softmax_by_column(logits, LAYOUT)
        loss, running = table_loss(probabilities, torch.ones(256), running, targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
    probabilities = softmax_by_column(logits, LAYOUT).detach()
    table = probabilities.T @ probabilities / 256
    assert (table[:3, 3:5] - targets.pairs[:3, 3:5]).abs().max() < 0.02


def test_slices_and_parts_vanish_on_average_at_the_real_tables() -> None:
    real = codes(4000)
    targets = make_targets(real, LAYOUT, 1, with_slices=True)
    assert set(targets.slice_codes[:2].tolist()) == {3, 4}, "the target column comes first"
    hot = one_hot(real, LAYOUT)
    near = slice_loss(hot, torch.ones(4000), 0, targets)
    apart = one_hot(torch.stack([real[:, 0].roll(1), real[:, 1], real[:, 2]], 1), LAYOUT)
    far = slice_loss(apart, torch.ones(4000), 0, targets)
    assert near.abs() < 0.05 * far.abs()
    flat = real + LAYOUT.starts
    picked = torch.tensor([0, 2, 4, 6])
    frequencies = hot.mean(0)
    near = part_loss(hot, torch.ones(4000), flat, picked, frequencies, LAYOUT)
    far = part_loss(apart, torch.ones(4000), flat, picked, frequencies, LAYOUT)
    assert near.abs() < 0.1 * far.abs()


def test_the_critic_sees_whole_categories_and_the_generator_gets_a_gradient() -> None:
    logits = torch.randn(50, LAYOUT.codes, generator=torch.Generator().manual_seed(0), requires_grad=True)
    drawn = gumbel_softmax(logits, LAYOUT, 0.5, torch.Generator().manual_seed(1))
    assert torch.allclose(drawn @ LAYOUT.member, torch.ones(50, 3), atol=1e-5)
    assert torch.allclose(drawn.detach().round(), drawn.detach(), atol=1e-5)
    (drawn * torch.arange(LAYOUT.codes)).sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0


def test_an_untrained_residual_is_uniform() -> None:
    drawn = draw_residuals(torch.zeros(100_000, 1), torch.Generator().manual_seed(0))
    deciles = torch.quantile(drawn, torch.linspace(0.1, 0.9, 9))
    assert torch.allclose(deciles, torch.linspace(-0.8, 0.8, 9), atol=0.02)


def test_parameters_grow_linearly_with_categories() -> None:
    def size(codes: int) -> int:
        config = TrainConfig(width=64)
        nets = (Generator(config, codes, 0), Critic(config, codes, 0))
        return sum(p.numel() for net in nets for p in net.parameters())

    assert size(20_000) - size(10_000) == size(30_000) - size(20_000)
