"""What the schema alone shows to be impossible is refused before a job is made."""

from __future__ import annotations

import pytest

from app.errors import InvalidRequestError
from app.services.checks import check_rules
from app.wire_jobs import JobOptions
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="patient", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="visit_id", kind=ColumnKind.IDENTIFIER),
        ColumnSpec(name="ward", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="shift", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="day", kind=ColumnKind.DATETIME),
        ColumnSpec(name="until", kind=ColumnKind.DATETIME),
        ColumnSpec(name="cost", kind=ColumnKind.NUMERICAL, role=ColumnRole.TARGET),
        ColumnSpec(name="dose", kind=ColumnKind.NUMERICAL, markers=("-999",)),
    )
)


def ruled(*rules: str) -> TableSchema:
    return check_rules(SCHEMA, JobOptions(rules=rules))


@pytest.mark.parametrize(
    "rules",
    [
        ["unique(ward, shift)"],
        ["unique(ward)"],
        ["unique(patient, ward)"],
        ["unique(ward, cost)"],
        ["unique(ward, dose)"],
        ["day <= until", "unique(ward, day)"],
    ],
)
def test_a_unique_rule_of_which_no_column_may_be_moved_is_refused(rules: list[str]) -> None:
    with pytest.raises(InvalidRequestError, match=f"^rules: rule {len(rules)}: expected a column of plain numbers"):
        ruled(*rules)


@pytest.mark.parametrize(
    "rules",
    [
        ["unique(ward, day)"],
        ["unique(visit_id, ward)"],
        ["unique(patient, until)"],
        ["day <= until", "unique(ward, day, visit_id)"],
    ],
)
def test_a_unique_rule_with_a_column_that_may_be_moved_is_taken(rules: list[str]) -> None:
    assert len(ruled(*rules).rules.declared) == len(rules)
