"""Cells of several mixes that too few people have stay empty, whatever the shares of the single columns are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.errors import ConditionError, SynthError
from synth.sampling.mix import people_behind
from synth.table.margins import nearest_joint
from synth.table.mix import Augment, Mix, more_of
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="a", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="b", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="pay", kind=ColumnKind.NUMERICAL),
    )
)
MIXES = [Mix.parse("a=x:0.5,o:0.5"), Mix.parse("b=x:0.5,o:0.5")]


def table() -> FrameTable:
    """Four people with x and x, two of them twice, and two records that name nobody: one person at least."""
    return FrameTable(
        pd.DataFrame(
            {
                "who": ["p0", "p0", "p1", "p1", "p2", "p3", None, None, "p4", "p5"],
                "a": ["x"] * 8 + ["o", "z"],
                "b": ["x"] * 8 + ["o", "o"],
                "pay": [1.0] * 7 + [9.0] * 3,
            }
        )
    )


def test_people_are_counted_cell_by_cell_beside_conditions() -> None:
    assert people_behind(table(), SCHEMA, MIXES, {}).tolist() == [5, 0, 0, 1]
    assert people_behind(table(), SCHEMA, MIXES, {"pay": Range(0, 5)}).tolist() == [5, 0, 0, 0]
    assert people_behind(table(), SCHEMA, [Mix.parse("b & a=o & z:1")], {}).tolist() == [1]


def test_records_that_are_left_out_of_the_training_back_nothing() -> None:
    schema = SCHEMA.with_rules("pay <= 5", find=False, leave_out=True)
    assert people_behind(table(), schema, MIXES, {}).tolist() == [5, 0, 0, 0]


def test_errors_name_the_option_and_the_columns() -> None:
    with pytest.raises(ConditionError, match="mix: columns 'a', 'b'"):
        nearest_joint(np.array([[1.0, 0.0], [0.0, 1.0]]), [np.array([0.9, 0.1]), np.array([0.1, 0.9])], ["a", "b"])
    with pytest.raises(SynthError, match=r"^augment: expected"):
        Augment.parse("a=x\ry:0.5")


def test_so_many_more_records_give_the_share() -> None:
    assert more_of(10, 100, 0.5) == 80
    assert more_of(60, 100, 0.5) == 0
