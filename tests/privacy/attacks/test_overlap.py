"""Holdout and reference hold nobody of train: what is planted must be found, and fresh tables with duplicates pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.overlap import overlap
from privacy.evidence import gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables
from privacy.validity import voids
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.written.surrogate import Replaced, SurrogateForm
from tests.privacy import adult, control


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(61, n=1200, reference=900)


def found(tables: AuditTables, seed: int = 0) -> dict[str, Finding]:
    return {f.statistic: f for f in overlap(gather(tables, np.random.default_rng(seed)), np.random.default_rng(seed))}


def void(tables: AuditTables) -> set[str]:
    return {name for name, finding in found(tables).items() if voids(finding)}


def test_records_of_train_that_stand_in_holdout_are_counted(tables):
    planted = found(control.in_both(tables, 0.1))["train_holdout_share"]
    assert voids(planted)
    assert 0.08 < planted.value < 0.13
    assert "records of holdout stand in train" in planted.note


@pytest.mark.parametrize("has_reference", [True, False])
def test_one_per_cent_is_enough_and_takes_no_reference(tables, has_reference):
    planted = control.in_both(tables, 0.02)
    planted = planted if has_reference else replace(planted, reference=None)
    assert void(planted) == {"train_holdout_share"}


@pytest.mark.parametrize(
    "change", [control.one_cell_changed, lambda rows: adult.jittered(rows, 0.02, seed=3)], ids=["one cell", "jitter"]
)
def test_near_copies_of_train_in_holdout_are_an_overlap(tables, change):
    near = change(tables.train.iloc[:120])
    holdout = pd.concat([near, tables.holdout.iloc[120:]]).reset_index(drop=True)
    assert void(replace(tables, holdout=holdout)) == {"train_holdout_share"}


@pytest.mark.parametrize(
    ("name", "other"),
    [("holdout", "train"), ("reference", "train"), ("reference", "holdout"), ("holdout", "reference")],
)
def test_a_table_handed_in_twice_is_an_overlap(tables, name, other):
    expected = "_".join(sorted({name, other}, key=["train", "holdout", "reference"].index))
    assert void(replace(tables, **{name: getattr(tables, other)})) == {f"{expected}_share"}


def test_a_reference_drawn_from_train_and_holdout_overlaps_with_both(tables):
    both = pd.concat([tables.train, tables.holdout]).sample(900, random_state=1).reset_index(drop=True)
    assert void(replace(tables, reference=both)) == {"train_reference_share", "holdout_reference_share"}


def coarse(seed: int, n: int) -> AuditTables:
    """Few columns of few values: nearly every record is somebody else's, too."""
    rng = np.random.default_rng(seed)
    columns = tuple(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in "abcdefg")
    parts = [
        pd.DataFrame({column.name: rng.integers(0, 3 + i, n).astype(str) for i, column in enumerate(columns)})
        for _ in range(4)
    ]
    train, holdout, reference, synthetic = parts
    schema = TableSchema(columns=columns)
    return AuditTables(train=train, holdout=holdout, reference=reference, synthetic=synthetic, schema=schema)


def test_on_fresh_draws_nothing_overlaps_however_many_duplicates_there_are():
    fresh = [adult.fresh(seed, n=300, reference=200) for seed in range(6)]
    fresh += [adult.without(tables, "fnlwgt") for tables in fresh]
    fresh += [coarse(seed, n=300) for seed in range(6)]
    assert [void(tables) for tables in fresh if void(tables)] == []


def test_a_tenth_of_train_in_holdout_is_found_among_natural_duplicates():
    tables = coarse(1, n=1000)
    holdout = pd.concat([tables.train.iloc[:200], tables.holdout.iloc[200:]]).reset_index(drop=True)
    assert void(replace(tables, holdout=holdout)) == {"train_holdout_share"}


def with_people(tables: AuditTables, people: dict[str, np.ndarray], *, of: Replaced | None = None) -> AuditTables:
    form = None if of is None else SurrogateForm(of=of)
    columns = (
        ColumnSpec(name="person", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON, form=form),
        *tables.schema.columns,
    )
    frames = {
        name: getattr(tables, name).assign(person=people[name])[["person", *tables.schema.names]] for name in people
    }
    return AuditTables(schema=TableSchema(columns=columns), **frames)


def test_a_person_with_other_records_in_holdout_is_an_overlap(tables):
    people = {name: np.arange(len(frame)) + 10_000 * i for i, (name, frame) in enumerate(tables.named())}
    assert void(with_people(tables, people)) == set()
    people["holdout"][:40] = people["train"][:40]
    assert void(with_people(tables, people)) == {"train_holdout_share"}


def named(tables: AuditTables, *, records: int, shared: float = 0.0) -> AuditTables:
    """People told by a name, with so many records each, of whom that share of holdout's are train's."""
    rng = np.random.default_rng(0)
    people = {
        name: np.array([f"N{i}" for i in np.repeat(rng.integers(0, 8_000, len(frame)), records)[: len(frame)]])
        for name, frame in tables.named()
    }
    assert set(people["train"]) & set(people["holdout"])
    size = round(shared * len(people["holdout"]))
    people["holdout"][:size] = people["train"][:size]
    return with_people(tables, people, of=Replaced.NAME)


@pytest.mark.parametrize("records", [1, 2, 3])
def test_namesakes_are_no_overlap_and_the_same_people_in_two_tables_are(tables, records):
    assert void(named(tables, records=records)) == set()
    assert void(named(tables, records=records, shared=0.3)) == {"train_holdout_share"}


def test_two_people_have_no_e_mail_address_in_common(tables):
    people = {name: np.array([f"N{i % 500}" for i in range(len(frame))]) for name, frame in tables.named()}
    assert "train_holdout_share" in void(with_people(tables, people, of=Replaced.EMAIL))


def test_names_that_nearly_all_stand_in_every_table_are_the_same_people(tables):
    people = {name: np.array([f"N{i}" for i in range(len(frame))]) for name, frame in tables.named()}
    assert "train_holdout_share" in void(with_people(tables, people, of=Replaced.NAME))


def test_too_few_records_say_so():
    few = found(adult.fresh(1, n=30, reference=30))
    assert {f.status for f in few.values()} == {FindingStatus.NOT_APPLICABLE}
