"""Learning how records of people follow one another, as a stage of a training."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.training.checkpoint import Checkpoint
from synth.training.fit import fit
from synth.training.progress import FOLLOWING_PART, Phase, TrainProgress
from synth.training.warnings import TOO_SHORT_TO_FOLLOW
from tests.synth.sequences.visits import SCHEMA, visits
from tests.synth.tables_about_people import FAST

COLUMNS = ["patient", "sex", "at", "ward"]
QUICK = FAST.with_(steps=3, predictions=False)
FEW = type(SCHEMA)(columns=tuple(SCHEMA[name] for name in COLUMNS))


class KilledError(Exception):
    """The worker dies."""


class Watcher:
    """Counts what a training tells, with a clock that gains a second at each call; kills it at a phase."""

    def __init__(self, dies: Phase | None = None) -> None:
        self.told: list[TrainProgress] = []
        self.dies, self.now = dies, 0.0

    def __call__(self, progress: TrainProgress) -> None:
        self.told.append(progress)
        if progress.phase is self.dies and (progress.phase is not Phase.STEPPING or progress.step > 1):
            raise KilledError

    def clock(self) -> float:
        self.now += 1
        return self.now

    def of(self, phase: Phase) -> list[TrainProgress]:
        return [each for each in self.told if each.phase is phase]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return visits(120)[COLUMNS]


def test_a_restart_does_not_learn_anew_what_was_learnt_and_counts_its_time(table: pd.DataFrame, tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path, interval=0.0)
    whole = fit(table, FEW, QUICK, Rng(0))
    for dies, learns in ((Phase.PREPARING, True), (Phase.STEPPING, False), (None, False)):
        watcher = Watcher(dies)
        try:
            model = fit(table, FEW, QUICK, Rng(0), checkpoint=checkpoint, progress=watcher, clock=watcher.clock)
        except KilledError:
            assert dies is not None
        assert bool(watcher.of(Phase.FOLLOWING)) == learns
        assert all(each.fraction >= FOLLOWING_PART for each in watcher.of(Phase.PREPARING))
        fractions = [each.fraction for each in watcher.told]
        assert fractions == sorted(fractions)
    assert model.sequences is not None
    assert 0 < model.sequences.seconds < model.seconds
    assert sample(model, 50, Rng(1)).equals(sample(whole, 50, Rng(1)))
    watcher = Watcher(Phase.PREPARING)
    with pytest.raises(KilledError):
        fit(table, FEW, QUICK, Rng(1), checkpoint=checkpoint, progress=watcher)
    assert watcher.of(Phase.FOLLOWING)


def test_without_time_columns_are_drawn_as_often_as_they_are_and_the_owner_is_told(table: pd.DataFrame) -> None:
    watcher = Watcher()
    model = fit(table, FEW, QUICK.with_(max_minutes=0.05), Rng(0), clock=watcher.clock)
    assert TOO_SHORT_TO_FOLLOW in model.warnings
    made = sample(model, 100, Rng(1))
    assert (made.groupby("patient")["sex"].nunique() == 1).all()
