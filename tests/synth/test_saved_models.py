"""Models that earlier versions saved are loaded and sampled."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from synth.artifact import VERSION, load, save
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.ranges import Range

FOLDER = Path(__file__).parents[1] / "data" / "models"
SAVED = sorted(FOLDER.glob("format-*"))
COUNTRIES = {"Bern": "CH", "Genf": "CH", "Wien": "AT", "Graz": "AT", "Rom": "IT"}


def test_there_is_a_model_of_the_present_format() -> None:
    assert f"format-{VERSION}" in {folder.name for folder in SAVED}


@pytest.mark.parametrize("folder", SAVED, ids=lambda folder: folder.name)
def test_a_saved_model_is_sampled_and_saved_again(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    free = sample(model, 500, Rng(1))
    assert (free["city"].map(COUNTRIES) == free["country"]).all()
    assert free["opens"].str.fullmatch(r"(0[7-9]|10):[0-5][05]").all()
    assert (free["since"].isna() == free["until"].isna()).mean() > 0.9
    assert (free["score"] == -999).any()
    wanted = {"country": "IT", "rent": Range(20, 22), "let": "yes"}
    few = sample(model, 50, Rng(1), conditions=wanted)
    assert (few["city"] == "Rom").all()
    assert few["rent"].between(20, 22).all()
    assert (few["let"] == "yes").all()
    save(model, tmp_path)
    assert sample(load(tmp_path), 500, Rng(1)).equals(free)


def test_a_saved_model_of_people_is_sampled_and_saved_again(tmp_path: Path) -> None:
    model = load(FOLDER / "people-6")
    made = sample(model, 500, Rng(1))
    assert (made.groupby("patient")[["sex", "born"]].nunique() == 1).all(axis=None)
    assert (made.groupby("patient")["at"].diff().dropna() >= pd.Timedelta(0)).all()
    save(model, tmp_path)
    assert sample(load(tmp_path), 500, Rng(1)).equals(made)
