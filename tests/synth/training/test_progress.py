"""A time budget holds for the whole of a training, and what comes after its steps is told as well."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from torch import Tensor

import synth.training.fit_forest
from synth.chain.raking import Targets, fit_weights
from synth.curve import Ending
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.training.progress import FIRST_PART, STEPS_PART, Phase, TrainProgress, Watch
from synth.training.warnings import TOO_SHORT
from tests.synth.tables_about_people import FAST

NAMES = ("first", "second", "third")


def table(n: int = 600) -> tuple[pd.DataFrame, TableSchema]:
    level = np.random.default_rng(0).normal(size=n)
    frame = pd.DataFrame({name: level + 0.1 * np.random.default_rng(i).normal(size=n) for i, name in enumerate(NAMES)})
    return frame, TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in NAMES))


class Clock:
    """Time goes by with each look, by a second, and by more where it is told so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_what_follows_the_steps_is_in_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights take 20 seconds for each of three columns by this clock; else they are found as always."""
    clock, begun = Clock(), []

    def slow(wanted: Targets, records: int) -> Tensor:
        begun.append(clock.now)
        clock.now += 20
        return fit_weights(wanted, records)

    monkeypatch.setattr(synth.training.fit_forest, "fit_weights", slow)
    frame, schema = table()
    model = fit(frame, schema, FAST.with_(steps=5000, max_minutes=200 / 60), Rng(0), clock=clock)
    assert model.ending is Ending.TIME
    assert 0 < model.steps < 5000
    assert len(model.chain.forest) == len(NAMES)
    assert len(begun) == 1 + len(NAMES), "one column is tried before the steps"
    assert 190 <= model.seconds <= 205, "little of the budget is left, and little more is taken"
    assert begun[1] <= 140


def test_a_budget_that_is_over_before_the_first_step_gives_a_model_all_the_same() -> None:
    frame, schema = table()
    model = fit(frame, schema, FAST.with_(max_minutes=1 / 60), Rng(0), clock=Clock())
    assert (model.ending, model.steps) == (Ending.TIME, 0)
    assert not len(model.chain.forest)
    assert model.warnings == (TOO_SHORT,)
    assert len(sample(model, 100, Rng(0))) == 100


def test_the_time_before_the_first_step_and_after_the_last_one_is_told() -> None:
    frame, schema = table()
    told: list[TrainProgress] = []
    fit(frame, schema, FAST.with_(steps=10), Rng(0), progress=told.append)
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    phases = [one.phase for one in told]
    assert phases == sorted(phases, key=[*Phase].index)
    following, before, stepping, after = ([one for one in told if one.phase is phase] for phase in Phase)
    assert not following
    assert {(one.step, one.steps) for one in before} == {(0, 0)}
    assert len({one.fraction for one in before}) > 3 * len(NAMES), "each column is told as it is read, coded and grown"
    assert before[-1].fraction == pytest.approx(FIRST_PART)
    assert len(after) >= len(NAMES)
    assert {one.step for one in after} == {10}
    assert all(FIRST_PART <= one.fraction <= STEPS_PART for one in stepping)
    assert fractions[-1] == 1.0
    assert stepping[0].text == "training, step 1 of 10"


def test_no_warning_of_too_little_time_where_nothing_is_to_be_drawn_anew() -> None:
    frame, schema = table()
    model = fit(frame, schema, FAST.with_(max_minutes=1 / 60, redraw=False), Rng(0), clock=Clock())
    assert (model.ending, model.warnings) == (Ending.TIME, ())


def test_the_learning_rate_comes_down_before_what_is_kept_for_the_end() -> None:
    """Steps begin after 20 of 100 seconds and 30 are kept: 25 later half of their time is over."""
    clock = Clock()
    watch = Watch(checkpoint=None, progress=None, clock=clock, start=0.0, deadline=100.0)
    clock.now = 19.0
    stepping = watch.stepping(0.0, 30.0)
    assert stepping.fraction(step=1, steps=1000) < 0.03
    clock.now = 44.0
    assert stepping.fraction(step=1, steps=1000) == pytest.approx(0.5)
    assert watch.stepping(0.0, 200.0).fraction(step=1, steps=1000) == 1.0


def test_a_resumed_training_does_not_go_back_to_the_learning_rate_of_its_beginning() -> None:
    """It stopped after 20 seconds and 30 of steps; the 20 seconds are gone through once more."""
    clock = Clock()
    clock.now = 44.0
    whole = Watch(checkpoint=None, progress=None, clock=clock, start=0.0, deadline=100.0, first=20.0)
    stopped = whole.fraction(step=1, steps=1000)
    clock.now = 1019.0
    resumed = Watch(checkpoint=None, progress=None, clock=clock, start=1000.0, deadline=1100.0).resumed(45.0)
    going_on = resumed.stepping(45.0 - 20.0, 0.0).fraction(step=1, steps=1000)
    assert stopped <= going_on < 0.5
