"""A table that was made to a mix is attacked on people in its own shares too, and the worse verdict stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
import pytest

from app.report.attacks import notes_part
from app.stages.in_shares import Shaped, attack_in_shares
from app.wire_jobs import JobOptions
from privacy.audit import ATTACKS, AuditResult, audit
from privacy.finding import Verdict
from privacy.limits import load_policy
from privacy.policy import decide
from privacy.record import read_audit
from privacy.running import Attack
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

NUMBERS = ("age", "hours", "pay", "score")
SCHEMA = TableSchema(
    columns=(
        *(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in NUMBERS),
        ColumnSpec(name="ill", kind=ColumnKind.CATEGORICAL),
    )
)
MIX = JobOptions.model_validate({"mix": ["ill=no:0.5,yes:0.5"]})
FEW = {name: ATTACKS[name] for name in ("drift", "overlap", "seen", "comparability", "membership")}
NONE: dict[str, Attack] = {}
POLICY = load_policy("internal")


def people(well: int, ill: int, seed: int) -> pd.DataFrame:
    r, n = np.random.default_rng(seed), well + ill
    return pd.DataFrame({**{name: r.normal(0, 1, n) for name in NUMBERS}, "ill": np.repeat(["no", "yes"], [well, ill])})


def moved(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    r = np.random.default_rng(9)
    found = frame.iloc[r.integers(0, len(frame), n)].reset_index(drop=True)
    return found.assign(**{name: found[name] + r.normal(0, 0.02, n) for name in NUMBERS})


def tables(ill: int, *, leak: bool) -> AuditTables:
    """Rare illnesses, and a table that is half ill: of copies of those who are, or of others."""
    train, holdout, reference = (people(1000, ill, seed) for seed in (1, 2, 3))
    those = moved(train[train["ill"] == "yes"], 600) if leak else people(0, 600, 77)
    synthetic = pd.concat([people(600, 0, 4), those]).sample(frac=1, random_state=0).reset_index(drop=True)
    return AuditTables(train=train, holdout=holdout, reference=reference, synthetic=synthetic, schema=SCHEMA)


def attacked(
    given: AuditTables, options: JobOptions = MIX, attacks: Mapping[str, Attack] = NONE
) -> tuple[AuditResult, list[int]]:
    seen: list[int] = []

    def attack(shaped: Shaped, _: Callable[[str, float], None]) -> AuditResult:
        under_attack = shaped(given)
        assert under_attack is not None
        seen.append(len(under_attack.train))
        return audit(under_attack, np.random.default_rng(0), attacks=attacks, planting=False)

    return attack_in_shares(given, options, POLICY, attack, lambda *_: None), seen


def auc(found: AuditResult) -> float:
    return next(each.value for each in found.findings if each.key == "membership.plain_k1_auc") or 0.0


def test_a_rare_class_that_is_given_away_is_blocked_though_all_others_thin_it_out() -> None:
    given = tables(100, leak=True)
    found, seen = attacked(given, attacks=FEW)
    assert seen == [1100, 200]
    assert decide(found, POLICY).verdict is Verdict.BLOCK
    alone = audit(given, np.random.default_rng(0), attacks=FEW, planting=False)
    assert auc(alone) < 0.58
    assert auc(found) > 0.7
    (note,) = found.notes
    assert "attacked twice" in note
    assert "none of them twice (BLOCK)" in note
    assert "people in its own shares." in note
    assert note in notes_part(found, {})
    assert read_audit(found.to_json()) == found


def test_fresh_people_of_a_rare_class_are_not_blocked() -> None:
    found, seen = attacked(tables(100, leak=False), attacks=FEW)
    assert seen == [1100, 200]
    verdict = decide(found, POLICY).verdict
    assert verdict not in {Verdict.BLOCK, Verdict.PASS}


@pytest.mark.parametrize(("ill", "runs"), [(12, 1), (0, 1), (60, 2)])
def test_too_few_people_of_a_class_never_pass(ill: int, runs: int) -> None:
    given = tables(ill, leak=False)
    found, seen = attacked(given)
    assert len(seen) == runs
    decision = decide(found, POLICY)
    assert decision.verdict is not Verdict.PASS
    reasons = [ruling.reason for ruling in decision.rulings if ruling.verdict is Verdict.INSUFFICIENT]
    assert any("in train" in reason for reason in reasons)
    assert found.in_shares == {"train": 2 * ill, "holdout": 2 * ill}
    assert len(found.notes) == 1


def test_with_shares_of_which_many_are_small_nobody_is_thinned_out_unseen() -> None:
    """A hundred rare cells of half a per cent each are half of the table together."""
    names = [f"rare{n}" for n in range(100)]
    given = tables(0, leak=False)
    real = given.train.assign(ill=["no"] * 600 + names * 4)
    made = given.synthetic.assign(ill=["no"] * 600 + names * 6)
    asked = JobOptions.model_validate({"mix": ["ill=no:0.5," + ",".join(f"{name}:0.005" for name in names)]})
    given = AuditTables(train=real, holdout=real, synthetic=made, schema=SCHEMA)
    assert attacked(given, asked)[1] == [1000, 800]


def test_nobody_is_attacked_twice_where_nobody_is_too_many() -> None:
    real = people(500, 500, 1)
    given = AuditTables(train=real, holdout=people(500, 500, 2), synthetic=people(500, 500, 3), schema=SCHEMA)
    found, seen = attacked(given)
    assert (seen, found.notes, dict(found.in_shares)) == ([1000], (), {})
    assert attacked(given, JobOptions())[1] == [1000]


def test_people_are_chosen_with_all_of_their_records() -> None:
    schema = TableSchema(columns=(ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON), *SCHEMA))

    def visits(well: int, ill: int, seed: int) -> pd.DataFrame:
        frame = people(well, ill, seed)
        frame.insert(0, "who", [f"{seed}-{n}" for n in range(len(frame))])
        return pd.concat([frame, frame]).reset_index(drop=True)

    given = AuditTables(
        train=visits(900, 100, 1), holdout=visits(900, 100, 2), synthetic=visits(50, 50, 3), schema=schema
    )
    whose: list[pd.Series] = []

    def attack(shaped: Shaped, _: Callable[[str, float], None]) -> AuditResult:
        under_attack = shaped(given)
        assert under_attack is not None
        whose.append(under_attack.train["who"].value_counts())
        return AuditResult(findings=(), calibration=(), sizes={"train": len(whose[-1]), "holdout": len(whose[-1])})

    attack_in_shares(given, MIX, POLICY, partial(attack), lambda *_: None)
    assert (len(whose[1]), set(whose[1])) == (200, {2})
