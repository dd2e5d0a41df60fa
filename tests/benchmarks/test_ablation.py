"""Which runs an ablation makes, and what it keeps of them; nothing is trained here."""

import argparse
import json
from pathlib import Path
from typing import Any

import ablation
import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from tests.benchmarks.runs import made


def asked(folder: Path, **others: Any) -> argparse.Namespace:
    given = {"table": "adult", "target": "income", "seeds": 1, "again": False, "fit_steps": None, "commit": "abc"}
    given |= {"equal_cpu": False, "draws": 1}
    return argparse.Namespace(json=folder / "ablation.adult.json", steps=ablation.STEPS[:3], **{**given, **others})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The runs that were made, in order."""
    seen: list[tuple[str, int]] = []

    def one(args: argparse.Namespace, step: ablation.Step, seed: int, default: Any) -> dict[str, Any]:
        seen.append((step.name, seed))
        return made(step.name, seed, commit=args.commit, fit_steps=args.fit_steps)

    monkeypatch.setattr(ablation, "one", one)
    return seen


def go(args: argparse.Namespace) -> dict[str, Any]:
    ablation.measure(args, ablation.begun(args))
    document: dict[str, Any] = json.loads(args.json.read_text())
    return document


@pytest.mark.parametrize("step", ablation.STEPS, ids=lambda step: step.name)
def test_a_step_differs_from_the_default_by_one_setting(step: ablation.Step) -> None:
    default = TrainConfig().to_json()
    changed = TrainConfig.from_json(step.changes).to_json()
    assert {name for name in default if default[name] != changed[name]} == set(step.changes)
    assert len(step.changes) == (step.name != "default")


def test_steps_are_told_apart_by_name() -> None:
    assert len({step.name for step in ablation.STEPS}) == len(ablation.STEPS)


def test_chosen_steps_keep_their_order_and_unknown_ones_are_refused() -> None:
    assert [step.name for step in ablation.chosen("no-redraw,default")] == ["default", "no-redraw"]
    assert ablation.chosen(None) == ablation.STEPS
    with pytest.raises(SystemExit, match="got sorcery"):
        ablation.chosen("default,sorcery")


def test_all_steps_with_one_seed_come_first(runs: list[tuple[str, int]], tmp_path: Path) -> None:
    document = go(asked(tmp_path, seeds=2))
    names = [step.name for step in ablation.STEPS[:3]]
    assert runs == [(name, seed) for seed in range(2) for name in names]
    assert len(document["runs"]) == 6
    assert [step["name"] for step in document["steps"]] == [step.name for step in ablation.STEPS]


def test_an_interrupted_ablation_goes_on_where_it_was(
    runs: list[tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ablation.one

    def broken(args: argparse.Namespace, step: ablation.Step, seed: int, default: Any) -> dict[str, Any]:
        if len(runs) == 2:
            raise KeyboardInterrupt
        return whole(args, step, seed, default)

    monkeypatch.setattr(ablation, "one", broken)
    with pytest.raises(KeyboardInterrupt):
        go(asked(tmp_path))
    monkeypatch.setattr(ablation, "one", whole)
    assert len(go(asked(tmp_path))["runs"]) == 3
    assert runs == [(step.name, 0) for step in ablation.STEPS[:3]]


@pytest.mark.parametrize(
    ("others", "count"),
    [
        ({}, 3),
        ({"again": True}, 6),
        ({"commit": "def"}, 6),
        ({"seeds": 2}, 6),
        ({"fit_steps": 60}, 6),
    ],
)
def test_a_run_is_made_again_only_if_it_would_be_another(
    others: dict[str, Any], count: int, runs: list[tuple[str, int]], tmp_path: Path
) -> None:
    go(asked(tmp_path))
    document = go(asked(tmp_path, **others))
    assert len(runs) == count
    keys = [ablation.key(run) for run in document["runs"]]
    assert len(keys) == len(set(keys)) == (6 if "seeds" in others or "fit_steps" in others else 3)


def test_a_commit_with_changes_does_not_say_what_was_run(runs: list[tuple[str, int]], tmp_path: Path) -> None:
    for _ in range(2):
        go(asked(tmp_path, commit="abc-dirty"))
    assert len(runs) == 6


def test_results_of_another_table_are_not_added_to(runs: list[tuple[str, int]], tmp_path: Path) -> None:
    go(asked(tmp_path))
    with pytest.raises(SystemExit, match="expected results of magic"):
        ablation.begun(asked(tmp_path, table="magic"))


def test_with_equal_time_a_step_has_what_the_default_of_its_seed_took(tmp_path: Path) -> None:
    args = asked(tmp_path, equal_cpu=True)
    default, other = ablation.chosen("default,no-redraw")
    fits = [made("default", seed) | {"fit": {"steps": 250, "fit_cpu_s": 30.0 + seed}} for seed in range(2)]
    document = {"runs": fits}
    assert ablation.spent_by_default(args, document, default, 1) is None
    assert ablation.spent_by_default(args, document, other, 1) == {"steps": 250, "fit_cpu_s": 31.0}
    with pytest.raises(SystemExit, match="expected the default with seed 2 before no-redraw"):
        ablation.spent_by_default(args, document, other, 2)


@pytest.mark.parametrize(("took", "steps"), [(30.0, 200), (30.9, 200), (20.0, 300), (40.0, 100), (90.0, 1)])
def test_a_training_has_the_steps_that_fill_the_time_of_the_default(took: float, steps: int) -> None:
    tried = {"steps": 200, "fit_cpu_s": took, "phases_cpu_s": {"preparing": 5.0, "stepping": 20.0, "ending": 2.0}}
    assert ablation.steps_for(30.0, tried) == steps


def test_settings_of_a_step_go_with_the_number_of_steps(tmp_path: Path) -> None:
    options = ablation.options(asked(tmp_path), ablation.chosen("no-redraw")[0], 1, 240)
    assert {"redraw=false", "steps=240"} <= set(options)


def test_attacks_see_every_record_kept_aside_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def people(count: int) -> pd.DataFrame:
        kinds = rng.choice(["a", "b", "c"], count)
        return pd.DataFrame({"age": rng.normal(40, 10, count), "size": rng.normal(0, 1, count), "kind": kinds})

    train, held, synthetic = people(700), people(901), people(700)
    synthetic.iloc[:] = train
    for name, frame in (("train", train), ("holdout", held), ("S", synthetic)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    found = ablation.attacked(tmp_path, tmp_path / "S.csv", "kind", 0)
    assert found["sizes"] == {"train": 700, "holdout": 450, "reference": 451, "synthetic": 700, "attacked": 450}
    assert found["findings"]["membership.calibrated_k1_auc"]["lower"] > 0.7
    assert found["findings"]["vulnerable.intersection_auc"]["value"] is None
    assert found == ablation.attacked(tmp_path, tmp_path / "S.csv", "kind", 0)
