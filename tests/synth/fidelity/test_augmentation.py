"""What more of a rare class brings: measured on real records that nothing was trained on, and never hidden."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from synth.fidelity import augmentation as measured
from synth.fidelity.augmentation import Augmentation, Class, augmentation
from synth.fidelity.frames import Part
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="kind", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="ill", kind=ColumnKind.CATEGORICAL),
    )
)


def people(n: int, share: float, seed: int, *, shift: float = 1.0) -> pd.DataFrame:
    r = np.random.default_rng(seed)
    ill = r.random(n) < share
    x = r.normal(0, 1, n) + shift * ill
    x[r.random(n) < 0.05] = np.nan
    kind = np.where(r.random(n) < 0.3 + 0.3 * ill, "a", "b")
    return pd.DataFrame({"x": x, "kind": kind, "ill": np.where(ill, "yes", "no")})


def looked_at(made: pd.DataFrame, share: float = 0.3) -> Augmentation | Part:
    train, holdout = people(800, 0.05, 1), people(800, 0.05, 2)
    masks = {
        n: (f["ill"] == "yes").to_numpy() for n, f in (("train", train), ("holdout", holdout), ("synthetic", made))
    }
    wanted = Class(column="ill", value="yes", **masks)
    return augmentation(train, holdout, made, SCHEMA, wanted, share, np.random.default_rng(0))


def test_scores_are_those_of_scikit_learn() -> None:
    r = np.random.default_rng(0)
    truth, told = r.random(300) < 0.1, np.round(r.random(300), 1)
    draws = measured._draws(truth, r)
    for place in (0, 7):
        again = np.repeat(np.arange(300), draws[place].astype(int))
        y, p = truth[again], told[again]
        assert measured._values(truth, told, draws)[place] == pytest.approx(
            [roc_auc_score(y, p), average_precision_score(y, p), f1_score(y, p > 0.5)]
        )


def test_a_class_that_looks_otherwise_is_a_loss_and_every_arm_has_an_interval() -> None:
    found = looked_at(people(1000, 0.3, 3, shift=-4.0))
    assert isinstance(found, Augmentation)
    assert (found.real * 800 + found.added) / (800 + found.added) == pytest.approx(0.3, abs=0.002)
    assert {(row.model, row.metric) for row in found.rows} == {
        (model, metric) for model in measured.CLASSIFIERS for metric in measured.METRICS
    }
    assert found.reached == pytest.approx(0.3, abs=0.002)
    for row in found.to_json()["rows"]:
        for arm in ("real", "synthetic", "both", "oversampled", "smote", "gain"):
            assert row[arm]["lower"] <= row[arm]["value"] <= row[arm]["upper"]
    aucs = [row for row in found.rows if row.metric == "auc"]
    assert all(row.outcome == "loss" for row in aucs), "what does not help is said to do harm"


def test_records_of_the_same_kind_do_no_harm_that_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "find_spec", lambda _name: None)
    found = looked_at(people(1000, 0.3, 4))
    assert isinstance(found, Augmentation)
    assert all(row.outcome != "loss" for row in found.rows if row.metric == "auc")
    assert {row.arms["smote"] for row in found.rows} == {measured.NO_SMOTE}


def test_every_arm_has_as_many_more_of_the_class_and_the_share_that_is_reached_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = dict[str, int]()

    def scored(arms: Mapping[str, measured.Side], *_others: object) -> list[measured.Row]:
        seen.update({name: len(mask) for name, (_, mask) in arms.items()})
        return []

    monkeypatch.setattr(measured, "_scored", scored)
    made = people(120, 0.25, 3)
    found = looked_at(made)
    assert isinstance(found, Augmentation)
    held = int((made["ill"] == "yes").sum())
    assert {seen[name] for name in ("both", "oversampled", "smote")} == {800 + held}
    assert (found.added, found.asked) == (held, 0.3)
    assert found.real * 800 + held == pytest.approx(found.reached * (800 + held))
    assert found.reached < 0.1


def test_the_share_of_the_class_is_that_of_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "_scored", lambda *_: [])
    train, holdout, made = people(800, 0.1, 1), people(800, 0.1, 2), people(800, 0.3, 3)
    train.loc[train.index >= 400, "ill"] = None
    masks = [(each["ill"] == "yes").to_numpy() for each in (train, holdout, made)]
    wanted = Class(column="ill", value="yes", train=masks[0], holdout=masks[1], synthetic=masks[2])
    found = augmentation(train, holdout, made, SCHEMA, wanted, 0.3, np.random.default_rng(0))
    assert isinstance(found, Augmentation)
    assert found.real == masks[0].mean()
    assert found.reached == pytest.approx(0.3, abs=0.002)


def test_too_few_of_the_class_is_said() -> None:
    found = looked_at(people(1000, 0.001, 3))
    assert isinstance(found, Part)
    assert "Fewer than 20" in found.reason
