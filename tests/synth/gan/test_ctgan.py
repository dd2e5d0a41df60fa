"""The published method: its critic, its records by condition, and a whole training by `objective="ctgan"`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import make_layout
from synth.errors import ArtifactError, SynthError, TrainingError
from synth.gan.ctgan import condition_loss, gumbel_softmax, settings_of
from synth.gan.ctgan_net import MOST_CODES, CtganGenerator
from synth.gan.network_critic import PAC, WIDTH, NetworkCritic, critic_loss, dropout_masks
from synth.gan.row_sampler import make_row_sampler
from synth.gan.step import make_material
from synth.likelihood import record_scores
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.ranges import Range
from synth.training.checkpoint import Checkpoint
from synth.training.fit import fit
from synth.training.progress import TrainProgress
from tests.synth.tables_about_people import FAST, people, schema

CTGAN = FAST.with_(objective="ctgan", steps=30)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fit(people(), schema(), CTGAN, Rng(0))


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_gradient_in_closed_form_is_that_of_automatic_differentiation() -> None:
    critic, packs = NetworkCritic(7, 5, random()).double(), 4
    records = torch.rand(packs * PAC, 7, generator=random(1), dtype=torch.float64, requires_grad=True)
    told = critic.told(torch.randint(5, (packs * PAC,), generator=random(2)))
    first, second = (mask.double() for mask in dropout_masks(packs, random(3)))
    score = critic(critic.entry(records) + told, (first, second))
    (found,) = torch.autograd.grad(score.sum(), records, create_graph=True)
    closed = critic.gradient(critic.entry(records) + told, (first, second))
    torch.testing.assert_close(closed, found.reshape(packs, -1))
    weights = (critic.records, critic.hidden, critic.exit)
    both = [
        torch.autograd.grad(((each.norm(dim=1) - 1) ** 2).mean(), weights, retain_graph=True)
        for each in (found.reshape(packs, -1), closed)
    ]
    for by_autograd, by_form in zip(*both, strict=True):
        torch.testing.assert_close(by_form, by_autograd)


def test_the_critic_learns_to_tell_two_kinds_of_records_apart_and_keeps_its_slope_near_one() -> None:
    critic, draws = NetworkCritic(6, 3, random()), random(1)
    adam = torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.9))
    condition = torch.zeros(20 * PAC, dtype=torch.long)
    distances = []
    for _ in range(150):
        real, made = torch.rand(2, len(condition), 6, generator=draws) * torch.tensor([[[1.0]], [[0.2]]])
        distance, penalty = critic_loss(critic, real, made, condition, draws)
        adam.zero_grad()
        (penalty - distance).backward()
        adam.step()
        distances.append(float(distance.detach()))
    assert np.mean(distances[-20:]) > 1 > np.mean(distances[:5])
    assert float(penalty.detach()) < 10


def test_dropout_keeps_the_mean() -> None:
    first, second = dropout_masks(500, random())
    assert first.shape == (500, WIDTH)
    assert float(first.mean()) == pytest.approx(1, abs=0.02)
    assert not torch.equal(first, second)


def test_gumbel_softmax_chooses_each_code_as_often_as_the_softmax_says() -> None:
    layout = make_layout([3, 2], [], "cpu")
    logits = torch.log(torch.tensor([[0.6, 0.3, 0.1, 0.8, 0.2]])).expand(40_000, -1)
    made = gumbel_softmax(logits, layout, random())
    torch.testing.assert_close(made @ layout.member, torch.ones(40_000, 2))
    chosen = torch.nn.functional.one_hot(made[:, :3].argmax(1), 3).float().mean(0)
    torch.testing.assert_close(chosen, torch.tensor([0.6, 0.3, 0.1]), atol=0.01, rtol=0)


def test_the_condition_loss_is_the_cross_entropy_of_the_conditioned_column() -> None:
    layout, logits = make_layout([3, 2], [], "cpu"), torch.randn(8, 5, generator=random())
    wanted = torch.nn.functional.cross_entropy(logits[:, 3:], torch.ones(8, dtype=torch.long))
    torch.testing.assert_close(condition_loss(logits, torch.full((8,), 4), layout), wanted)


def test_records_are_drawn_uniformly_from_those_that_meet_the_condition() -> None:
    table = people(400)
    encoder = fit_encoder(table, schema(), CTGAN, Rng(0))
    layout = make_layout(encoder.widths, encoder.residual_columns, "cpu")
    material = make_material(encoder, encoder.encode(table, Rng(1)), layout, settings_of(CTGAN, 400), Rng(2))
    condition = material.conditions.draw(5_000, random())
    rows = make_row_sampler(material)
    flat = material.codes.long() + layout.starts
    places = rows.places(condition, random(1))
    assert bool((flat[places] == condition[:, None]).any(1).all())
    frequent = int(material.counts.argmax())
    often = torch.bincount(rows.places(torch.full((40_000,), frequent), random(2)), minlength=400)
    held = (flat == frequent).any(1)
    assert bool((often[~held] == 0).all())
    assert float(often[held].double().std()) < 2 * float(often[held].double().mean()) ** 0.5
    seen = rows.draw(condition[:3], layout, random(1))
    assert seen.shape == (3, layout.codes + len(layout.residual_columns))


def test_the_same_seed_gives_the_same_model_and_nothing_redraws_its_records(model: TrainedModel) -> None:
    again = fit(people(), schema(), CTGAN, Rng(0))
    for name, weight in model.generator.state_dict().items():
        assert torch.equal(weight, again.generator.state_dict()[name]), name
    other = fit(people(), schema(), CTGAN, Rng(1))
    assert not torch.equal(model.generator.exit.weight, other.generator.exit.weight)  # type: ignore[union-attr, arg-type]
    assert not model.chain.tensors()
    assert model.chain.target is None
    assert any("CTGAN alone" in warning for warning in model.warnings)


def test_training_brings_records_nearer_to_the_table() -> None:
    table, columns = people(1_500), schema()
    points: list[float] = []

    def look(progress: TrainProgress) -> None:
        if progress.point is not None:
            points.append(progress.point.two_way)

    config = TrainConfig(objective="ctgan", steps=160, batch=200, width=64, noise=32, look_every=20, device="cpu")
    fit(table, columns, config, Rng(0), progress=look)
    assert min(points[4:]) < 0.8 * points[0]


def test_a_saved_model_draws_the_same_table(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    loaded = load(tmp_path)
    assert loaded.config == model.config
    assert isinstance(loaded.generator, CtganGenerator)
    pd.testing.assert_frame_equal(sample(loaded, 200, Rng(3)), sample(model, 200, Rng(3)))
    torn = tmp_path / "model.json"
    torn.write_text(torn.read_text().replace('"objective": "ctgan"', '"objective": "tables"'))
    with pytest.raises(ArtifactError):
        load(tmp_path)


def test_residuals_are_those_that_the_generator_proposes(model: TrainedModel) -> None:
    noise, condition = torch.randn(50, model.generator.noise, generator=random()), torch.zeros(50, dtype=torch.long)
    logits, residuals = model.proposer().propose(noise, condition)
    assert residuals is not None
    assert logits.shape == (50, sum(model.encoder.widths))
    assert residuals.shape == (50, len(model.encoder.residual_columns))
    assert float(residuals.abs().max()) <= 1


@pytest.mark.parametrize(
    "conditions", [{"city": "Jena"}, {"age": Range(30, 40)}, {"sex": "f", "income": Range(None, 2_000)}]
)
def test_conditions_hold(model: TrainedModel, conditions: dict[str, str | Range]) -> None:
    drawn = sample(model, 300, Rng(4), conditions=conditions)
    assert len(drawn) == 300
    for name, wanted in conditions.items():
        if isinstance(wanted, str):
            assert set(drawn[name]) == {wanted}
        else:
            low, high = -np.inf if wanted.low is None else wanted.low, np.inf if wanted.high is None else wanted.high
            assert drawn[name].between(low, high).all()  # type: ignore[arg-type]


def test_records_have_a_likelihood(model: TrainedModel) -> None:
    scores = record_scores(model, people(50), Rng(0))
    assert np.isfinite(scores["generator"]).all()
    assert not scores["conditionals"].any()


class KilledError(Exception):
    pass


def test_a_resumed_training_ends_where_an_undisturbed_one_does(model: TrainedModel, tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path, interval=0.0)

    def kill(progress: TrainProgress) -> None:
        if progress.step >= 17:
            raise KilledError

    with pytest.raises(KilledError):
        fit(people(), schema(), CTGAN, Rng(0), checkpoint=checkpoint, progress=kill)
    steps: list[int] = []
    resumed = fit(
        people(), schema(), CTGAN, Rng(0), checkpoint=checkpoint, progress=lambda told: steps.append(told.step)
    )
    assert min(step for step in steps if step) > 10
    for name, weight in model.generator.state_dict().items():
        assert torch.equal(weight, resumed.generator.state_dict()[name]), name


def test_few_records_take_few_steps_and_batches_are_whole_packs() -> None:
    config = settings_of(TrainConfig(objective="ctgan", batch=1_234), 1_000)
    assert config.batch % PAC == 0
    assert config.steps is not None
    assert config.steps < 1_000
    assert settings_of(TrainConfig(objective="ctgan", batch=2), 100).batch == PAC
    assert settings_of(CTGAN, 1_000).steps == CTGAN.steps


def test_too_many_codes_are_refused_in_words() -> None:
    with pytest.raises(TrainingError, match=r"3,000 codes.*got 3,001"):
        CtganGenerator(CTGAN, MOST_CODES + 1, 0)


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(SynthError, match="objective"):
        TrainConfig(objective="wgan")  # type: ignore[arg-type]
