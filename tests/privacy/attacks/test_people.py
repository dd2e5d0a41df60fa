"""Membership inference of people by all of their records: whole histories that are copied are found, fresh ones not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.people import people
from privacy.audit import AuditResult, audit
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.limits import load_policy
from privacy.plants import Plant
from privacy.policy import decide
from privacy.sensitivity import sees
from privacy.threat import AuditTables
from privacy.union import attack_together
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="sex", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="day", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="pulse", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="weight", kind=ColumnKind.NUMERICAL),
    )
)
ONLY = {"people": people}


def visits(count: int, seed: int) -> pd.DataFrame:
    """People with two to ten visits, whose pulse and weight are theirs."""
    rng = np.random.default_rng(seed)
    each = rng.integers(2, 11, count)
    who = np.repeat(np.arange(count), each)
    pulse, weight, begin = rng.normal(70, 10, count), rng.normal(75, 12, count), rng.integers(0, 300, count)
    turn = np.arange(len(who)) - np.repeat(np.cumsum(each) - each, each)
    return pd.DataFrame(
        {
            "who": [f"p{seed}-{n}" for n in who],
            "sex": np.where(rng.random(count) < 0.5, "F", "M")[who],
            "day": begin[who] + 7 * turn + rng.integers(0, 5, len(who)),
            "pulse": np.round(pulse[who] + rng.normal(0, 4, len(who))),
            "weight": np.round(weight[who] + rng.normal(0, 0.5, len(who)), 1),
        }
    )


def tables(synthetic: pd.DataFrame) -> AuditTables:
    return AuditTables(train=TRAIN, holdout=HOLDOUT, reference=None, synthetic=synthetic, schema=SCHEMA)


TRAIN, HOLDOUT = visits(1_500, 1), visits(1_500, 2)


def found(synthetic: pd.DataFrame) -> dict[str, Finding]:
    result = audit(tables(synthetic), np.random.default_rng(3), attacks=ONLY, planting=False)
    return {finding.key: finding for finding in result.findings}


def moved(histories: pd.DataFrame) -> pd.DataFrame:
    """The same people, all their numbers a little elsewhere, so that no record is one of theirs."""
    rng = np.random.default_rng(4)
    noise = {name: histories[name] + rng.normal(0, size, len(histories)) for name, size in NOISE.items()}
    return histories.assign(**noise)


NOISE = {"day": 1.0, "pulse": 2.0, "weight": 0.3}


def test_fresh_people_raise_no_alarm():
    for seed in (11, 12):
        for finding in found(visits(1_500, seed)).values():
            assert finding.value is None or finding.lower <= finding.baseline or finding.value < 0.52


def test_copied_histories_are_found_and_so_are_those_of_which_every_record_was_moved():
    for synthetic in (TRAIN, moved(TRAIN)):
        assert found(synthetic)["membership.history_auc"].lower > 0.55


def test_copied_histories_are_found_whatever_the_order_of_a_file():
    whose = TRAIN["who"].unique()[:150]
    synthetic = pd.concat([visits(1_350, 21), moved(TRAIN[TRAIN["who"].isin(whose)])])
    train, holdout = (frame.sample(frac=1, random_state=1) for frame in (TRAIN, HOLDOUT))
    found_in = []
    for given in (tables(synthetic), replace(tables(synthetic), train=train, holdout=holdout)):
        result = audit(given, np.random.default_rng(3), attacks=ONLY, planting=False)
        found_in.append(next(each for each in result.findings if each.key == "membership.history_auc"))
    assert all(finding.lower > 0.51 for finding in found_in)


def test_the_order_of_the_records_in_the_real_tables_hides_no_copied_history():
    train, holdout = (frame.sample(frac=1, random_state=5) for frame in (TRAIN, HOLDOUT))
    disordered = AuditTables(train=train, holdout=holdout, reference=None, synthetic=moved(TRAIN), schema=SCHEMA)
    seen = audit(disordered, np.random.default_rng(3), attacks=ONLY, planting=False)
    assert next(each for each in seen.findings if each.key == "membership.history_auc").lower > 0.9


def test_what_is_planted_is_missed_where_the_attack_cannot_tell_a_history_again(monkeypatch: pytest.MonkeyPatch):
    planted = found(visits(1_500, 11))["membership.history_auc"].details["planted_auc"]
    monkeypatch.setattr("privacy.attacks.people.ordering", lambda _schema: [])
    blind = found(visits(1_500, 11))["membership.history_auc"].details["planted_auc"]
    assert planted > 0.54
    assert blind < planted - 0.01, "histories are taken as they stand in a file, and the plant stands in another order"


def test_a_tenth_of_the_people_copied_whole_is_blocked():
    names = TRAIN["who"].unique()[:150]
    some = TRAIN[TRAIN["who"].isin(names)]
    result = audit(tables(pd.concat([visits(1_350, 21), some])), np.random.default_rng(3), planting=False)
    assert decide(result, load_policy("internal")).verdict is Verdict.BLOCK


def test_the_limit_would_have_stopped_the_histories_that_are_planted():
    result = audit(tables(visits(1_500, 11)), np.random.default_rng(3), attacks=ONLY)
    auc = next(finding for finding in result.findings if finding.key == "membership.history_auc")
    limit = next(limit for limit in load_policy("internal").limits if limit.covers(auc))
    assert sees(result.calibration, auc, limit)
    assert {trial.plant for trial in result.calibration if trial.key == auc.key} == {Plant.COPIED_10}


@pytest.mark.parametrize("role", [ColumnRole.FEATURE, ColumnRole.PERSON])
def test_a_table_without_histories_has_none_of_these_figures(role: ColumnRole):
    once = {name: frame.drop_duplicates("who") for name, frame in tables(TRAIN).named()}
    columns = (replace(SCHEMA["who"], role=role), *SCHEMA.columns[1:])
    result = audit(
        AuditTables(**once, schema=TableSchema(columns=columns)), np.random.default_rng(3), attacks=ONLY, planting=False
    )
    assert all(each.status is FindingStatus.NOT_APPLICABLE for each in result.findings)
    assert len(result.findings) == (4 if role is ColumnRole.PERSON else 0)


@pytest.mark.parametrize("name", ["s{}".format, int])
def test_made_up_people_of_two_tables_are_not_taken_for_one(name: Callable[[int], object]):
    """Both tables number the people that they make up from one on."""

    def numbered(frame: pd.DataFrame, begin: int = 0) -> pd.DataFrame:
        return frame.assign(who=[name(begin + n) for n in pd.factorize(frame["who"])[0]])

    real = {side: numbered(frame, 10_000) for side, frame in (("train", TRAIN), ("holdout", HOLDOUT))}

    result = AuditResult(findings=(), calibration=(), sizes={})
    result = attack_together(
        result,
        replace(tables(numbered(visits(1_500, 11))), **real),
        [numbered(moved(TRAIN))],
        np.random.default_rng(3),
        attacks=ONLY,
        planting=False,
    )
    assert result.together is not None
    found_in = {finding.key: finding for finding in result.together.findings}
    assert found_in["membership.history_auc"].lower > 0.55
