"""The looks at a generator find one that emits what it was trained on, and one that has collapsed, and no others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import make_layout
from synth.gan.condition_vector import count_codes
from synth.gan.step import Material, make_material, make_networks
from synth.randomness import Rng
from synth.table.schema import TableSchema
from synth.training import evaluate
from synth.training.evaluate import (
    FEWEST_NEAREST,
    SURE,
    Yardstick,
    collapsed,
    distance,
    judge,
    make_yardstick,
    nearer_train,
)
from tests.synth.tables_about_people import FAST, people, schema

RECORDS = 1600


@dataclass(frozen=True, kw_only=True)
class Parts:
    train: torch.Tensor
    held: torch.Tensor
    fresh: torch.Tensor
    material: Material
    yardstick: Yardstick


@pytest.fixture(scope="module")
def parts() -> Parts:
    table = people(3 * RECORDS // 2)
    encoder = fit_encoder(table, schema(), FAST, Rng(0))
    encoded = encoder.encode(table, Rng(1))
    codes = torch.from_numpy(encoded.codes)
    layout = make_layout(encoder.widths, encoder.residual_columns, "cpu")
    third = RECORDS // 2
    train, held, fresh = codes[:third], codes[third : 2 * third], codes[2 * third :]
    mine = type(encoded)(codes=encoded.codes[:third], residuals=encoded.residuals[:third])
    material = make_material(encoder, mine, layout, FAST, Rng(2))
    yardstick = make_yardstick(held, np.random.default_rng(0), held_out=True)
    return Parts(train=train, held=held, fresh=fresh, material=material, yardstick=yardstick)


def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_generator_that_emits_training_records_lies_nearer_to_them(parts: Parts) -> None:
    share, error = nearer_train(parts.train, parts.yardstick, parts.material, random())
    assert share is not None
    assert share > 0.9
    assert 0 < error < 0.1


def test_fresh_records_lie_as_near_to_held_out_ones(parts: Parts) -> None:
    share, error = nearer_train(parts.fresh, parts.yardstick, parts.material, random())
    assert share == pytest.approx(0.5, abs=SURE * error)


def test_nearness_is_not_judged_on_few_or_on_known_records(parts: Parts) -> None:
    known = make_yardstick(parts.train, np.random.default_rng(0), held_out=False)
    few = make_yardstick(parts.held[: FEWEST_NEAREST - 1], np.random.default_rng(0), held_out=True)
    for yardstick in (known, few):
        assert nearer_train(parts.train, yardstick, parts.material, random()) == (None, 0)


@pytest.mark.parametrize("learnt", ["by heart", "half by heart", "the law"])
def test_learning_by_heart_is_told(parts: Parts, learnt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    half = len(parts.train) // 2
    made = {
        "by heart": parts.train,
        "half by heart": torch.cat([parts.train[:half], parts.fresh[:half]]),
        "the law": parts.fresh,
    }[learnt]
    monkeypatch.setattr(evaluate, "draw", lambda *_: made)
    networks = make_networks(FAST, parts.material, Rng(0))
    found = judge(networks.average, parts.yardstick, parts.material, random())
    assert found.memorised is (learnt != "the law")


def test_a_column_of_one_value_has_collapsed_and_real_ones_have_not() -> None:
    table = people(10_000).drop(columns="gain")
    spec = TableSchema(columns=tuple(column for column in schema() if column.name != "gain"))
    encoder = fit_encoder(table, spec, FAST, Rng(0))
    layout = make_layout(encoder.widths, encoder.residual_columns, "cpu")
    real, fresh = torch.from_numpy(encoder.encode(table, Rng(1)).codes).split(5_000)
    counts = count_codes(real, layout)
    assert collapsed(fresh, counts, layout) == ()
    for column in range(layout.columns):
        made = fresh.clone()
        made[:, column] = made[0, column]
        assert collapsed(made, counts, layout) == (column,)


def test_a_column_that_is_constant_in_the_table_has_not_collapsed() -> None:
    layout = make_layout([1, 2], [], "cpu")
    made = torch.zeros(100, 2, dtype=torch.long)
    assert collapsed(made, torch.tensor([100, 100, 0]), layout) == ()
    assert collapsed(made, torch.tensor([100, 50, 50]), layout) == (1,)


def test_distances_are_total_variation(parts: Parts) -> None:
    layout = make_layout([2, 2], [], "cpu")
    real = torch.tensor([[0, 0], [0, 0], [1, 1], [1, 1]])
    made = torch.tensor([[0, 1], [0, 1], [1, 0], [1, 0]])
    yardstick = make_yardstick(real, np.random.default_rng(0), held_out=True)
    assert distance(made, yardstick, layout) == (0.0, 1.0)
    assert distance(real, yardstick, layout) == (0.0, 0.0)
    one, two = distance(parts.fresh, parts.yardstick, parts.material.layout)
    assert 0 < one < two < 1
