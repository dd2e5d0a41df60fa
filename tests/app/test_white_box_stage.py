"""The trained model is asked about people by the stage that attacks; what goes wrong there is a finding."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np

from app.stages.white_box import ask_model
from privacy.finding import FindingStatus
from privacy.threat import AuditTables
from synth.artifact import save
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema


def context(tmp_path, stored):
    def fetch(name: str):
        names = {"weights": "model.safetensors", "model": "model.json"}
        shutil.copy(stored / names[name], tmp_path / name)
        return tmp_path / name

    return SimpleNamespace(fetch=fetch, folder=tmp_path, options=SimpleNamespace(seed=3))


def test_the_model_of_the_job_is_asked_about_both_sides(tmp_path):
    train, holdout = people(400, seed=1), people(400, seed=2)
    model = fit(train, schema(), FAST, Rng(0))
    (stored := tmp_path / "stored").mkdir()
    save(model, stored)
    tables = AuditTables(train=train, holdout=holdout, synthetic=sample(model, 400, Rng(1)), schema=schema())
    found = {finding.key: finding for finding in ask_model(context(tmp_path, stored), tables)}
    auc = found["white_box.generator_auc"]
    assert auc.status is FindingStatus.MEASURED
    assert auc.lower < 0.55
    assert auc.n == 400
    assert not any(finding.gating for finding in found.values())
    assert np.isfinite([finding.value for finding in found.values() if finding.value is not None]).all()


def test_a_model_that_cannot_be_read_is_a_failure_and_no_pass(tmp_path):
    (stored := tmp_path / "stored").mkdir()
    for name in ("model.safetensors", "model.json"):
        (stored / name).write_bytes(b"none")
    tables = AuditTables(train=people(100), holdout=people(100), synthetic=people(100), schema=schema())
    (finding,) = ask_model(context(tmp_path, stored), tables)
    assert finding.status is FindingStatus.FAILED
