"""A schema cannot be one that no table can have, and a column loses a role that another one gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import SchemaError
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema


def schema() -> TableSchema:
    return TableSchema(
        columns=(
            ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
            ColumnSpec(name="ward", kind=ColumnKind.CATEGORICAL, role=ColumnRole.TARGET),
            ColumnSpec(name="stay", kind=ColumnKind.NUMERICAL),
            ColumnSpec(name="case", kind=ColumnKind.NUMERICAL),
        )
    )


def test_a_new_person_column_is_never_learnt_and_takes_the_role_from_the_old_one():
    changed = schema().with_roles(person="case")
    assert changed.with_role(ColumnRole.PERSON) == "case"
    assert changed["case"].kind is ColumnKind.IDENTIFIER
    assert changed["who"].kind is ColumnKind.IDENTIFIER, "the old one still names people and is not learnt either"
    assert changed.with_role(ColumnRole.TARGET) == "ward"


def test_a_new_target_takes_the_role_from_the_old_one():
    changed = schema().with_roles(target="stay")
    assert changed.with_role(ColumnRole.TARGET) == "stay"
    assert changed["ward"].role is ColumnRole.FEATURE
    assert changed.with_role(ColumnRole.PERSON) == "who"


@pytest.mark.parametrize("roles", [{"target": "none"}, {"person": "none"}, {"target": "stay", "person": "stay"}])
def test_roles_that_no_column_can_have_are_refused(roles):
    with pytest.raises(SchemaError):
        schema().with_roles(**roles)


def test_a_person_column_that_is_learnt_is_refused():
    with pytest.raises(SchemaError):
        ColumnSpec(name="who", kind=ColumnKind.CATEGORICAL, role=ColumnRole.PERSON)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.sampled_from(ColumnKind)), min_size=1, max_size=6))
def test_a_schema_survives_json_or_repeats_a_name(columns):
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        with pytest.raises(SchemaError):
            TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in columns))
        return
    made = TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in columns))
    assert TableSchema.from_json(made.to_json()) == made


def test_a_rule_on_a_column_that_is_not_there_is_refused() -> None:
    """Of a rule to leave out as well: misspelt, it would be kept without a word."""
    with pytest.raises(SchemaError, match="'stai'"):
        schema().with_rules("stai <= case")
    with pytest.raises(SchemaError, match="'stai'"):
        schema().with_rules(without=["stai <= case"])
