"""Whether the generator has seen holdout or reference is found out by attacking the other way round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.seen import seen, surest_sighting
from privacy.evidence import gather
from privacy.exchangeable import Excess
from privacy.finding import Finding, FindingStatus
from privacy.strangers import Sighting
from privacy.threat import AuditTables
from privacy.validity import voids
from tests.privacy import adult, control, people


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


def with_cells_of(tables: AuditTables, sides: tuple[str, ...], columns: list[str], share: float = 1.0) -> AuditTables:
    """Synthetic rows that hold these cells of people of these sides, equally many of each."""
    frames = dict(tables.named())
    n = round(share * len(tables.synthetic))
    people_of = [frames[side].sample(n // len(sides), random_state=4) for side in sides]
    shown = pd.concat(people_of, ignore_index=True)
    synthetic = tables.synthetic.copy()
    for name in columns:
        synthetic.loc[: len(shown) - 1, name] = shown[name].to_numpy()
    return replace(tables, synthetic=synthetic)


@pytest.fixture(scope="module")
def customers() -> AuditTables:
    return people.with_reference(0, n=700, reference=600)


SHARED = {
    "e-mails": (["email"], 0.2, "email"),
    "telephones": (["phone"], 0.2, "phone"),
    "identifiers": (["customer_id"], 0.2, "customer_id"),
    "notes": (["note"], 0.2, ""),
    "all of it": (["first", "last", "email", "phone", "note", "customer_id"], 1.0, ""),
}


@pytest.mark.parametrize("what", SHARED)
def test_personal_data_of_train_and_holdout_alike_is_found_and_named(customers, what):
    columns, share, named = SHARED[what]
    said = found(with_cells_of(customers, ("train", "holdout"), columns, share))
    assert {name for name, finding in said.items() if voids(finding)} == {"holdout_share"}
    assert named in said["holdout_share"].note
    assert "the generator has seen the holdout" in said["holdout_share"].note


def test_personal_data_of_everybody_is_found_with_and_without_a_reference(customers):
    planted = with_cells_of(customers, ("train", "holdout", "reference"), ["email"])
    assert void(planted) == {"holdout_share", "reference_share"}
    assert void(replace(planted, reference=None)) == {"holdout_share"}


def test_nearly_unique_numbers_of_train_and_holdout_are_found(tables):
    planted = with_cells_of(tables, ("train", "holdout"), ["fnlwgt"])
    assert void(planted) == {"holdout_share"}
    assert "fnlwgt" in found(planted)["holdout_share"].note
    everybody = with_cells_of(tables, ("train", "holdout", "reference"), ["fnlwgt"])
    assert void(everybody) == {"holdout_share", "reference_share"}
    assert void(replace(everybody, reference=None)) == {"holdout_share"}


def test_personal_data_of_train_alone_says_nothing_of_holdout(customers):
    assert void(with_cells_of(customers, ("train",), ["email", "phone", "note", "first", "last"])) == set()


def test_parts_of_records_of_train_and_holdout_are_found():
    """A twentieth of each, three cells of every record fresh."""
    tables = adult.fresh(7, n=2000, reference=1500)
    rows = pd.concat([tables.train.iloc[:100], tables.holdout.iloc[:100]], ignore_index=True)
    rng = np.random.default_rng(3)
    fresh = np.argsort(rng.random(rows.shape), axis=1) < 3
    for place, name in enumerate(rows.columns):
        rows[name] = rows[name].where(~fresh[:, place], tables.synthetic[name].iloc[:200].reset_index(drop=True))
    synthetic = pd.concat([rows, tables.synthetic.iloc[200:]], ignore_index=True)
    assert "holdout_share" in void(adult.with_synthetic(tables, synthetic))


def numbered(tables: AuditTables, numbers: np.ndarray) -> AuditTables:
    """The tables with these numbers of customers, dealt one after the other."""
    frames, start = {}, 0
    for name, frame in tables.named():
        frames[name] = frame.assign(customer_id=[f"{i:06d}" for i in numbers[start : start + len(frame)]])
        start += len(frame)
    return replace(tables, **frames)


def test_what_anybody_may_have_by_chance_was_not_seen(customers):
    """First names, few numbers that are all in use, and numbers made anew that are none of train's."""
    assert void(customers) == set()
    rng = np.random.default_rng(5)
    assert void(numbered(customers, 1000 + rng.permutation(3000))) == set()
    made = numbered(customers, 1000 + rng.permutation(3000))
    free = np.setdiff1d(np.arange(1000, 4000), made.train.customer_id.astype(int))
    anew = [f"{i:06d}" for i in rng.permutation(free)[: len(made.synthetic)]]
    invented = replace(made, synthetic=made.synthetic.assign(customer_id=anew))
    assert void(invented) == void(replace(invented, reference=None)) == set()


def test_on_fresh_people_nothing_was_seen():
    for seed in range(1, 6):
        assert void(people.with_reference(seed, n=350, reference=310)) == set()


def test_a_surer_test_of_next_to_nobody_does_not_hide_one_of_many():
    few = Sighting(excess=Excess(p_value=1e-56, records=190.0), n=100_000, name="ids")
    many = Sighting(excess=Excess(p_value=6e-19, records=60.0), n=300, name="e-mails")
    assert surest_sighting([few, many], among=2).name == "e-mails"
