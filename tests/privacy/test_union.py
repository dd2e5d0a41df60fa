"""All that was released from the same data is attacked together, and the worse of both verdicts holds."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from privacy.audit import ATTACKS, AuditResult, audit
from privacy.errors import AuditInputError
from privacy.finding import Finding, FindingStatus, ReleaseMode, Verdict
from privacy.policy import decide, load_policy, read_policy
from privacy.record import read_audit
from privacy.threat import AuditTables
from privacy.union import attack_together
from privacy.validity import CHECKS
from tests.privacy import adult

FEW = {name: ATTACKS[name] for name in ("drift", *CHECKS, "replay", "membership")}
POLICY = read_policy(
    json.dumps(
        {
            **{k: v for k, v in load_policy("internal").to_json().items() if k != "limits"},
            "limits": [
                limit
                for limit in load_policy("internal").to_json()["limits"]
                if limit["findings"][0].startswith("replay.") or limit["gate"] == "G5 shadow models"
            ],
        }
    )
)


@cache
def drawn() -> AuditTables:
    return adult.fresh(41, n=1500, reference=2000)


def spare() -> pd.DataFrame:
    """People who are in no table: a table of them is another clean release."""
    return drawn().reference.iloc[1000:]


@pytest.fixture(scope="module")
def tables():
    return replace(drawn(), reference=drawn().reference.iloc[:1000])


@pytest.fixture(scope="module")
def alone(tables) -> AuditResult:
    return audit(tables, np.random.default_rng(1), attacks=FEW)


def together(alone, tables, *earlier: pd.DataFrame) -> AuditResult:
    return attack_together(alone, tables, earlier, np.random.default_rng(2), attacks=FEW)


def of_holdout_and(tables, copied: int) -> pd.DataFrame:
    """A table of people nobody learnt, with some records of train among them."""
    return pd.concat([tables.train.iloc[:copied], spare()])


def test_a_first_release_is_judged_alone(tables, alone):
    assert together(alone, tables) is alone


def test_a_clean_table_is_blocked_where_an_earlier_one_leaked(tables, alone):
    assert decide(alone, POLICY).verdict is Verdict.PASS
    decision = decide(together(alone, tables, of_holdout_and(tables, 300)), POLICY)
    assert decision.verdict is Verdict.BLOCK
    assert all("All 2 tables" in reason for reason in decision.reasons)
    assert {mode.verdict for mode in decision.modes} == {Verdict.BLOCK}


def test_parts_of_a_leak_that_each_are_too_few_to_prove_add_up(tables, alone):
    """0.4 % of train in each of five tables: no single one is blocked, all together are."""
    parts = [pd.concat([tables.train.iloc[6 * i : 6 * i + 6], spare().iloc[200 * i :]]) for i in range(5)]
    for part in parts[:2]:
        single = audit(adult.with_synthetic(tables, part), np.random.default_rng(1), attacks=FEW, planting=False)
        excess = next(f for f in single.findings if f.key == "replay.excess_records")
        assert excess.lower < 0.01
    result = together(alone, tables, *parts)
    excess = next(f for f in result.together.findings if f.key == "replay.excess_records")
    assert excess.lower > 0.01
    assert decide(result, POLICY).verdict is Verdict.BLOCK


def test_clean_releases_stay_clean_together_and_the_sentences_say_so(tables, alone):
    result = together(alone, tables, spare())
    assert result.together.sizes["tables"] == 2
    assert result.together.sizes["synthetic"] == 2500
    decision = decide(result, POLICY)
    assert decision.verdict is Verdict.PASS
    assert any(reason.startswith("All 2 tables") for reason in decision.reasons)


def test_a_leak_in_this_table_is_not_thinned_out_by_earlier_ones(tables):
    leaking = adult.copied(tables, 0.3)
    single = audit(leaking, np.random.default_rng(1), attacks=FEW)
    result = attack_together(single, leaking, [tables.reference], np.random.default_rng(2), attacks=FEW)
    assert decide(result, POLICY).verdict is Verdict.BLOCK


def test_a_crash_on_the_union_is_never_a_pass(tables, alone):
    failed = Finding(attack="replay", statistic="crashed", status=FindingStatus.FAILED, note="The attack crashed.")
    whole = together(alone, tables, tables.reference)
    broken = replace(whole, together=replace(whole.together, findings=(*whole.together.findings, failed)))
    assert decide(broken, POLICY).verdict is Verdict.VOID


def test_the_union_is_kept_with_the_audit(tables, alone):
    result = together(alone, tables, tables.reference)
    again = read_audit(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert again.to_json() == result.to_json()
    assert decide(again, POLICY) == decide(result, POLICY)
    assert [m.mode for m in decide(again, POLICY).modes] == list(ReleaseMode)


def test_what_was_run_on_the_model_counts_for_all_tables(tables, alone):
    left = Finding(attack="shadow", statistic="max_auc", status=FindingStatus.NOT_APPLICABLE, note="not run")
    whole = together(alone.joined((left,)), tables, tables.reference).of_all_tables()
    assert [f.attack for f in whole.findings].count("shadow") == 1
    assert [f.attack for f in whole.findings].count("drift") == 1


def test_an_earlier_table_that_does_not_fit_is_named(tables, alone):
    with pytest.raises(AuditInputError, match=r"earlier table 2: synthetic: expected the schema's 15 columns"):
        together(alone, tables, tables.reference, tables.reference.drop(columns="age"))
