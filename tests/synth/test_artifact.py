"""A model folder that was tampered with is refused with a typed error and never executed."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from synth.artifact import RETIRED, load, save
from synth.config import TrainConfig
from synth.curve import Ending
from synth.errors import ArtifactError, SynthError
from synth.randomness import Rng
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save(fit(people(200), schema(), FAST.with_(steps=3), Rng(0)), folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "model")
    return tmp_path / "model"


def state_with(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        path = folder / "model.json"
        state = json.loads(path.read_text())
        change(state)
        path.write_text(json.dumps(state))

    return apply


def tensors_with(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path)

    return apply


TAMPERINGS: dict[str, Callable[[Path], object]] = {
    "no state": lambda f: (f / "model.json").unlink(),
    "no weights": lambda f: (f / "model.safetensors").unlink(),
    "state cut off": lambda f: (f / "model.json").write_text((f / "model.json").read_text()[:100]),
    "state not text": lambda f: (f / "model.json").write_bytes(b"\xff\xfe\x00"),
    "state deep": lambda f: (f / "model.json").write_text("[" * 100_000),
    "state a list": lambda f: (f / "model.json").write_text("[]"),
    "weights cut off": lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
    "weights a pickle": lambda f: (f / "model.safetensors").write_bytes(pickle.dumps({"counts": 1})),
    "other format": state_with(lambda s: s.update(format="zip")),
    "other version": state_with(lambda s: s.update(version=99)),
    "no schema": state_with(lambda s: s.pop("schema")),
    "schema of other kind": state_with(lambda s: s["schema"][0].update(kind="secret")),
    "schema of another column": state_with(lambda s: s["schema"][1].update(name="other")),
    "no config": state_with(lambda s: s.update(config=None)),
    "huge network": state_with(lambda s: s["config"].update(width=10**9)),
    "many blocks": state_with(lambda s: s["config"].update(blocks=10**9)),
    "unknown setting": state_with(lambda s: s["config"].update(run="rm")),
    "encoder gone": state_with(lambda s: s["encoder"].pop()),
    "encoder twice": state_with(lambda s: s["encoder"].append(s["encoder"][0])),
    "encoder unknown": state_with(lambda s: s["encoder"][0].update(encoder="os.system")),
    "category more": state_with(
        lambda s: (s["encoder"][0]["categories"].append("x"), s["encoder"][0]["weights"].append(1.0))
    ),
    "records as text": state_with(lambda s: s.update(records="many")),
    "seconds below 0": state_with(lambda s: s.update(seconds=-1.0)),
    "seconds as text": state_with(lambda s: s.update(seconds="long")),
    "curve": state_with(lambda s: s["curve"][0].update(one_way="low")),
    "tensor gone": tensors_with(lambda t: t.pop("generator.entry.weight")),
    "tensor more": tensors_with(lambda t: t.update({"extra": torch.zeros(1)})),
    "tensor of other shape": tensors_with(lambda t: t.update({"generator.entry.weight": torch.zeros(1, 1)})),
    "tensor of other type": tensors_with(
        lambda t: t.update({"generator.entry.weight": t["generator.entry.weight"].double()})
    ),
    "not a number": tensors_with(lambda t: t["generator.entry.weight"].fill_(float("nan"))),
    "negative counts": tensors_with(lambda t: t["counts"].fill_(-1)),
    "no counts": tensors_with(lambda t: t.pop("counts")),
    "no order": tensors_with(lambda t: t.pop("order")),
    "order of other type": tensors_with(lambda t: t.update({"order": t["order"].float()})),
    "order of other length": tensors_with(lambda t: t.update({"order": t["order"][1:].clone()})),
    "order with a code twice": tensors_with(lambda t: t["order"].__setitem__(0, int(t["order"][1]))),
    "order with a code that is not there": tensors_with(lambda t: t["order"].__setitem__(0, 10**6)),
    "order across columns": tensors_with(lambda t: t.update({"order": t["order"].flip(0)})),
    "trees of residuals without leaves": tensors_with(lambda t: t.update({"residual.place": torch.tensor([0])})),
    "pairs of other shape": tensors_with(lambda t: t.update({"together": torch.ones(2, 2, dtype=torch.bool)})),
    "missing columns of other shape": tensors_with(lambda t: t.update({"absent": torch.ones(1, 2, dtype=torch.bool)})),
    "pairs of other type": tensors_with(lambda t: t.update({"together": t["together"].float()})),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_changed_model_is_refused(folder: Path, name: str) -> None:
    TAMPERINGS[name](folder)
    with pytest.raises(ArtifactError):
        load(folder)


def test_the_untouched_model_is_read(folder: Path) -> None:
    assert load(folder).records == 200


def test_settings_that_are_no_more_are_read_in_a_file_alone(folder: Path) -> None:
    held = load(folder).config
    gone = {name: 1 for name, now in RETIRED.items() if now is None}
    renamed = {name: now for name, now in RETIRED.items() if now is not None}

    def older(state: dict[str, Any]) -> None:
        config = state["config"]
        state["config"] = {**config, **gone, **{name: config.pop(now) for name, now in renamed.items()}}
        state.update(ending=Ending.CONVERGED.value)
        state["curve"][0].update(critic_auc=0.7)

    state_with(older)(folder)
    model = load(folder)
    assert model.config == held
    assert model.ending is Ending.CONVERGED
    for name in RETIRED:
        with pytest.raises(SynthError, match="only known settings"):
            TrainConfig.from_json({name: 1})
