"""Naming a column a person, an identifier or a category never draws an attack away from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.audit import ATTACKS, audit
from privacy.naming import as_without_naming
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnRole, TableSchema
from tests.privacy import adult


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(31, n=1500, reference=600)


def called(tables: AuditTables, name: str, kind: ColumnKind, role: ColumnRole = ColumnRole.FEATURE) -> AuditTables:
    columns = (replace(c, kind=kind, role=role) if c.name == name else c for c in tables.schema)
    return replace(tables, schema=TableSchema(columns=tuple(columns)))


def kind_of(tables: AuditTables, name: str) -> ColumnKind:
    thin = tables.one_record_per_person(np.random.default_rng(0))
    return as_without_naming(thin, tables).schema[name].kind


@pytest.mark.parametrize("role", [ColumnRole.PERSON, ColumnRole.FEATURE])
def test_a_leak_in_a_column_that_was_named_an_identifier_is_found_as_before(tables, role):
    leak = called(adult.column_copied(tables), "fnlwgt", ColumnKind.IDENTIFIER, role)
    found = audit(
        leak, np.random.default_rng(1), attacks={name: ATTACKS[name] for name in ("replay", "personal")}, planting=False
    )
    lower = {finding.key: finding.lower for finding in found.findings}
    assert lower["replay.excess_values"] > 0.1
    assert lower["personal.shared_values"] > 0.1
    assert found.coverage["fnlwgt"] == ("personal.shared_values", "replay")


def test_a_number_with_many_values_that_was_named_a_category_keeps_its_distances(tables):
    assert kind_of(called(tables, "fnlwgt", ColumnKind.CATEGORICAL), "fnlwgt") is ColumnKind.NUMERICAL
    few = called(tables, "education_num", ColumnKind.CATEGORICAL)
    assert kind_of(few, "education_num") is ColumnKind.CATEGORICAL


def test_a_person_column_with_several_records_each_names_people_and_is_no_number(tables):
    several = replace(tables, train=pd.concat([tables.train.head(500)] * 3, ignore_index=True))
    named = called(several, "fnlwgt", ColumnKind.IDENTIFIER, ColumnRole.PERSON)
    assert kind_of(named, "fnlwgt") is ColumnKind.IDENTIFIER


def test_surrogates_have_no_distance(tables):
    surrogates = [f"fnlwgt-{i:06d}" for i in range(len(tables.synthetic))]
    named = called(tables, "fnlwgt", ColumnKind.IDENTIFIER, ColumnRole.PERSON)
    assert (
        kind_of(replace(named, synthetic=named.synthetic.assign(fnlwgt=surrogates)), "fnlwgt") is ColumnKind.IDENTIFIER
    )


def test_text_that_was_named_an_identifier_is_a_category_where_the_synthetic_table_has_its_categories(tables):
    named = called(tables, "occupation", ColumnKind.IDENTIFIER)
    assert kind_of(named, "occupation") is ColumnKind.CATEGORICAL
    invented = named.synthetic.assign(occupation=[f"occupation-{i}" for i in range(len(named.synthetic))])
    assert kind_of(replace(named, synthetic=invented), "occupation") is ColumnKind.IDENTIFIER


def test_a_schema_that_says_what_the_values_say_is_kept(tables):
    assert as_without_naming(tables, tables) is tables
