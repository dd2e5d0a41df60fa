"""Numbers that are all multiples of a step, or end in given digits, are so in what is generated."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synth.encode.fit_numeric import fit_numeric
from synth.encode.numeric import NumericEncoder
from synth.encode.stepped import Stepped, step_of
from synth.errors import ArtifactError
from synth.table.ranges import Range


def fitted(values: np.ndarray, min_count: int = 5) -> NumericEncoder:
    column = pd.Series(values, name="amount")
    return fit_numeric(column, np.random.default_rng(0), min_count=min_count, max_modes=3, max_pieces=8)


def emitted(encoder: NumericEncoder, records: int = 3_000) -> np.ndarray:
    random = np.random.default_rng(1)
    codes = random.integers(0, encoder.width, records).astype(np.int32)
    residuals = random.uniform(-1, 1, records).astype(np.float32)
    return encoder.decode(codes, residuals, random).to_numpy(dtype=np.float64)


@pytest.mark.parametrize(
    ("values", "step", "offset"),
    [
        (10_000 * np.random.default_rng(0).integers(1, 4_000, 900), 10_000, 0),
        (25 * np.random.default_rng(0).integers(-300, 3_000, 900) + 10, 25, 10),
        (np.random.default_rng(0).integers(3, 900, 900) + 0.99, 100, 99),
        (np.random.default_rng(0).integers(3, 9_000, 900) * 0.05, 5, 0),
    ],
)
def test_every_value_that_comes_out_is_on_the_step(values: np.ndarray, step: int, offset: int) -> None:
    encoder = fitted(values)
    assert encoder.stepped is not None
    assert (encoder.stepped.step, encoder.stepped.offset) == (step, offset)
    made = emitted(encoder)
    units = np.rint(made * 10.0 ** (encoder.decimals or 0)).astype(np.int64)
    assert (units % step == offset).all()
    assert made.min() >= encoder.low
    assert made.max() <= encoder.high
    assert len(np.unique(made)) > 100
    assert np.median(made) == pytest.approx(np.median(emitted(NumericEncoder(**_without(encoder)))), rel=0.01)


def test_one_person_with_many_records_neither_makes_a_step_nor_says_how_large_it_is() -> None:
    """Of 400 others all values are 0: what the step would be, and up to where, would be that person's alone."""
    large = 1_000 * np.random.default_rng(3).integers(1, 1_000, 60)
    units, people = np.r_[np.zeros(400), large], np.r_[np.arange(400), np.full(60, 400)]
    assert step_of(units, people, 5, 0) is None


def test_one_person_with_most_records_does_not_unmake_a_step() -> None:
    random = np.random.default_rng(4)
    units = np.r_[100.0 * random.integers(1, 900, 600), 100.0 * random.integers(1, 900, 900) + 37]
    found = step_of(units, np.r_[np.arange(600), np.full(900, 600)], 5, 0)
    assert found is not None
    assert (found.step, found.offset) == (100, 0)


@pytest.mark.parametrize("few", [0, 1, 4])
def test_the_largest_values_of_fewer_than_five_people_do_not_make_the_step_larger(few: int) -> None:
    """All but these are 0 or 16 and more, by chance all of them multiples of 16."""
    units = np.r_[16.0 * np.random.default_rng(5).integers(0, 40, 300), np.full(few, 16.0 * 2**20)]
    found = step_of(units, np.arange(len(units)), 5, 0)
    assert found is not None
    assert found.step == 16


def _without(encoder: NumericEncoder) -> dict[str, Any]:
    return {name: getattr(encoder, name) for name in encoder.__slots__ if name != "stepped"}


def test_any_numbers_have_no_step() -> None:
    random = np.random.default_rng(2)
    assert fitted(random.integers(0, 5_000, 800)).stepped is None
    assert fitted(random.normal(size=800)).stepped is None


@pytest.mark.parametrize("odd", [1, 4, 5])
def test_fewer_than_five_people_neither_make_nor_unmake_a_step_nor_show(odd: int) -> None:
    values = 100 * np.random.default_rng(3).integers(1, 4_000, 600)
    values[:odd] += 37
    encoder = fitted(values)
    assert (encoder.stepped is None) == (odd >= 5)
    if odd < 5:
        assert (emitted(encoder) % 100 == 0).all()


def test_one_person_with_many_records_neither_makes_nor_unmakes_a_step() -> None:
    random = np.random.default_rng(6)
    people = np.r_[np.arange(600), np.full(900, 600)]
    hundreds = 100.0 * random.integers(0, 200, 600)
    found = step_of(np.r_[hundreds, 100.0 * random.integers(0, 200, 900) + 37], people, 5, 0)
    assert found == Stepped(step=100, offset=0, decimals=0)
    assert step_of(np.r_[np.zeros(600), random.integers(1, 40_000, 900)], people, 5, 0) is None


def test_a_range_is_met_by_values_on_the_step() -> None:
    encoder = fitted(1_000 * np.random.default_rng(4).integers(1, 500, 900))
    selected = encoder.select(Range(20_000, 22_400))
    codes = np.flatnonzero(selected.shares).astype(np.int32)
    for ends in (selected.low, selected.high):
        made = encoder.emitted(codes, ends[codes])
        assert ((made >= 20_000) & (made <= 22_400) & (made % 1_000 == 0)).all()


def test_it_survives_saving_and_is_checked() -> None:
    encoder = fitted(50 * np.random.default_rng(5).integers(1, 500, 900))
    state = json.loads(json.dumps(encoder.to_json()))
    assert NumericEncoder.from_json(state) == encoder
    for wrong in ({"step": 1, "offset": 0}, {"step": 50, "offset": 50}, {"step": 2.5, "offset": 0}, {"step": True}, 3):
        with pytest.raises(ArtifactError):
            NumericEncoder.from_json(state | {"stepped": wrong})
    assert Stepped.from_json(None, None) is None
