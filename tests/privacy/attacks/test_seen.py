"""Whether the generator has seen holdout or reference is found out by attacking the other way round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.seen import seen
from privacy.evidence import gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables
from privacy.validity import voids
from tests.privacy import adult, control


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(62, n=1000, reference=800)


def found(tables: AuditTables) -> dict[str, Finding]:
    return {f.statistic: f for f in seen(gather(tables, np.random.default_rng(0)), np.random.default_rng(0))}


def void(tables: AuditTables) -> set[str]:
    return {name for name, finding in found(tables).items() if voids(finding)}


BOTH = {
    "rows of both": control.trained_on_both,
    "a fifth": lambda tables: control.trained_on_both(tables, share=0.2),
    "5 % jitter": lambda tables: control.trained_on_both(tables, jitter=0.05),
    "20 % jitter": lambda tables: control.trained_on_both(tables, jitter=0.2),
    "a tenth, in train and holdout": lambda tables: control.in_both(tables, 0.1),
    "a tenth with a cell changed": lambda tables: control.in_both(tables, 0.1, changed=True),
    "holdout itself": lambda tables: adult.with_synthetic(tables, tables.holdout),
}


@pytest.mark.parametrize("plant", BOTH)
def test_a_generator_that_saw_holdout_is_found(tables, plant):
    planted = BOTH[plant](tables)
    assert void(planted) == {"holdout_share"}
    assert "the generator has seen the holdout" in found(planted)["holdout_share"].note


def test_a_generator_that_saw_the_reference_is_found(tables):
    assert void(adult.with_synthetic(tables, tables.reference)) == {"reference_share"}


def test_a_generator_that_saw_all_of_them_alike_is_found(tables):
    synthetic = pd.concat([control.trained_on_both(tables).synthetic.iloc[:500], tables.reference.iloc[:500]])
    assert void(adult.with_synthetic(tables, synthetic)) == {"holdout_share", "reference_share"}


@pytest.mark.parametrize("jitter", [0.01, 0.03])
def test_a_generator_that_saw_all_of_them_and_moved_each_a_little_is_found(tables, jitter):
    everybody = pd.concat([tables.train, tables.holdout, tables.reference], ignore_index=True)
    whole = replace(tables, train=everybody)
    synthetic = adult.jittered_copy(whole, jitter).synthetic.sample(1000, random_state=0).reset_index(drop=True)
    assert void(adult.with_synthetic(tables, synthetic)) == {"holdout_share", "reference_share"}
    assert void(replace(adult.with_synthetic(tables, synthetic), reference=None)) == {"holdout_share"}


@pytest.mark.parametrize("jitter", [0.0, 0.01, 0.03])
def test_a_generator_that_copied_train_alone_has_seen_nobody_else(tables, jitter):
    assert not void(adult.jittered_copy(tables, jitter))
    assert not void(replace(adult.jittered_copy(tables, jitter), reference=None))


@pytest.mark.parametrize("plant", ["rows of both", "a fifth", "holdout itself"])
def test_without_a_reference_equal_records_are_still_found(tables, plant):
    assert void(replace(BOTH[plant](tables), reference=None)) == {"holdout_share"}


@pytest.mark.parametrize("reference", [None, 200])
def test_without_a_reference_it_is_said_that_more_cannot_be_known(tables, reference):
    few = None if reference is None else tables.reference.iloc[:reference]
    said = found(replace(tables, reference=few))
    assert {name: f.status for name, f in said.items()} == {"holdout_share": FindingStatus.NOT_APPLICABLE}
    assert "cannot be known" in said["holdout_share"].note


def test_a_reference_of_other_people_proves_nothing(tables):
    """Nearer to train than holdout is, and so nearer to what was made of train: no sign that it was seen."""
    common = tables.reference[tables.reference["capital_gain"] == 0]
    usual = common[common["native_country"] == "United-States"]
    usual = usual[(usual["workclass"] == "Private") & (usual["race"] == "White")].reset_index(drop=True)
    said = found(replace(adult.jittered_copy(tables, 0.05), reference=usual))
    assert not any(voids(finding) for finding in said.values())
    assert "not like the holdout" in " ".join(finding.note for finding in said.values())


def test_an_honest_control_is_not_blamed_for_a_leak(tables):
    for leak in (adult.copied(tables, 1.0), adult.jittered_copy(tables, 0.05), adult.smote(tables)):
        assert void(leak) == set()


def test_on_fresh_draws_nothing_was_seen():
    for seed in range(5):
        tables = adult.fresh(seed, n=350, reference=310)
        unlinked = adult.with_synthetic(tables, control.independent(tables.train, 350, seed))
        assert void(tables) == void(unlinked) == void(replace(tables, reference=None)) == set()
