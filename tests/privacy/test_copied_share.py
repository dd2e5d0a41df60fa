"""A synthetic table made of training records is seen at any size, and chance matches are not taken for copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy.attacks.agreement import agreement
from privacy.attacks.replay import replay
from privacy.audit import AuditResult, audit
from privacy.canonical import canonical
from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.policy import decide, load_policy, policies
from privacy.rules import NEAR_COPIES, little
from privacy.scores import FEWEST_SYNTHETIC
from privacy.threat import AuditTables
from tests.privacy import adult
from tests.privacy.control import one_cell_changed

KEY = "replay.copied_share"


def unique_in_train(tables: AuditTables) -> pd.DataFrame:
    both = pd.concat([tables.train, tables.holdout])
    return tables.train[~both.duplicated(keep=False).to_numpy()[: len(tables.train)]]


def copied_share(tables: AuditTables) -> Finding:
    found = replay(gather(tables, np.random.default_rng(0)))
    return next(f for f in found if f.key == KEY)


def looked_up(tables: AuditTables, evidence: Evidence) -> Finding:
    """The same finding without the distances, which a look-up does not need."""
    keys = {f"{name}_keys": canonical(frame, tables.schema) for name, frame in tables.named() if name != "reference"}
    return next(f for f in replay(replace(evidence, **keys)) if f.key == KEY)


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(31, n=2500, reference=600)


@pytest.mark.parametrize("name", policies())
def test_twelve_copies_as_the_whole_table_are_blocked(tables, name):
    copies = adult.with_synthetic(tables, unique_in_train(tables).iloc[:12])
    decision = decide(audit(copies, np.random.default_rng(0), planting=False), load_policy(name))
    assert decision.verdict is Verdict.BLOCK
    assert any("copies" in reason and "Leak proven" in reason for reason in decision.reasons)


def test_twelve_near_copies_as_the_whole_table_keep_every_limit_on_shares_of_train_and_a_person_has_to_look(tables):
    """They are less than .5 % of 2,500 people. As many as the policy asks for exceed the limit, half of them even."""
    policy = load_policy("internal")
    (limit,) = (each for each in policy.limits if NEAR_COPIES in each.findings)

    def near_copies(records: int, copies: int) -> tuple[float, bool]:
        shown = pd.concat([one_cell_changed(unique_in_train(tables).iloc[:copies]), tables.synthetic])
        evidence = gather(adult.with_synthetic(tables, shown.iloc[:records]), np.random.default_rng(0))
        found = agreement(evidence, np.random.default_rng(0))
        highest = max(f.upper for f in found if limit.covers(f) and f.upper is not None)
        audited = AuditResult(findings=found, calibration=(), sizes={"train": 2500, "synthetic": records})
        return highest, bool(little(audited, policy))

    highest, asks = near_copies(12, 12)
    assert highest <= limit.pass_below
    assert asks
    highest, asks = near_copies(FEWEST_SYNTHETIC, FEWEST_SYNTHETIC // 2)
    assert highest > limit.pass_below
    assert not asks
    assert near_copies(FEWEST_SYNTHETIC, 0) == (pytest.approx(0, abs=limit.pass_below), False)


def test_twelve_copies_are_blocked_at_the_sizes_that_the_service_divides_a_table_into():
    uneven = adult.fresh(32, n=3000, holdout=1250, reference=750)
    copies = adult.with_synthetic(uneven, unique_in_train(uneven).iloc[:12])
    assert (
        decide(audit(copies, np.random.default_rng(0), planting=False), load_policy("internal")).verdict
        is Verdict.BLOCK
    )


def test_twelve_fresh_records_prove_nothing_and_are_too_few(tables):
    few = adult.with_synthetic(tables, tables.synthetic.iloc[:12])
    decision = decide(audit(few, np.random.default_rng(0), planting=False), load_policy("internal"))
    assert decision.verdict is Verdict.INSUFFICIENT


def test_from_eight_hundred_fresh_records_on_the_limit_can_be_kept(tables):
    assert copied_share(adult.with_synthetic(tables, tables.synthetic.iloc[:700])).upper > 0.005
    assert copied_share(adult.with_synthetic(tables, tables.synthetic.iloc[:800])).upper <= 0.005


@pytest.mark.parametrize("n", [12, 100, 1000])
def test_copies_of_one_record_count_as_one_and_never_pass(tables, n):
    one = unique_in_train(tables).iloc[np.zeros(n, dtype=int)]
    found = copied_share(adult.with_synthetic(tables, one))
    assert found.value == 1.0
    assert found.details["design_effect"] == n
    assert found.upper > 0.005
    spread = unique_in_train(tables).iloc[np.repeat(np.arange(12), n)]
    assert copied_share(adult.with_synthetic(tables, spread)).lower == pytest.approx(0.657, abs=0.001)


def test_a_few_copies_among_fresh_records_are_counted(tables):
    mixed = pd.concat([tables.synthetic.iloc[:1900], unique_in_train(tables).iloc[:100]])
    found = copied_share(adult.with_synthetic(tables, mixed))
    assert found.lower <= 0.05 <= found.upper
    assert found.lower > 0.03


def test_copies_of_holdout_are_no_copies_of_train(tables):
    found = copied_share(adult.with_synthetic(tables, tables.holdout.iloc[:500]))
    assert found.value < -0.9
    assert found.upper < 0


def test_without_records_that_occur_once_there_is_nothing_to_look_up():
    tables = adult.fresh(33, n=600, reference=600)
    only = ["sex", "income"]
    frames = {name: frame[only] for name, frame in tables.named()}
    found = copied_share(AuditTables(**frames, schema=adult.schema_of(frames["train"])))
    assert found.status is FindingStatus.NOT_APPLICABLE
    assert found.note


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return gather(adult.fresh(34, n=120, reference=60), np.random.default_rng(0))


@pytest.mark.parametrize("holdout", [2000, 800])
def test_chance_matches_are_not_taken_for_copies(holdout, evidence):
    """Without fnlwgt about a tenth of fresh rows equal a unique record, many of them several times."""
    alarms = matched = 0
    draws = 40
    for seed in range(draws):
        found = looked_up(adult.without(adult.fresh(seed, n=2000, holdout=holdout), "fnlwgt"), evidence)
        alarms += found.lower > 0
        matched += found.details["equal_to_train"] > 20
    assert matched == draws
    assert alarms <= binom.ppf(0.99, draws, 0.025)


def test_rows_repeated_by_a_collapsed_generator_are_not_taken_for_copies(evidence):
    """Half of the table is fifty fresh rows over and over: matches by chance come in clumps."""
    alarms = 0
    draws = 40
    for seed in range(draws):
        tables = adult.without(adult.fresh(seed, n=2000), "fnlwgt")
        rows = tables.synthetic.iloc[np.concatenate([np.arange(1000), np.repeat(np.arange(50), 20)])]
        alarms += looked_up(adult.with_synthetic(tables, rows), evidence).lower > 0
    assert alarms <= binom.ppf(0.99, draws, 0.025)
