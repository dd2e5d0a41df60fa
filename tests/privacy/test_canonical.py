"""Equal values have equal keys, others do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.canonical import MISSING, canonical
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema


def keys(values, kind: ColumnKind):
    schema = TableSchema(columns=(ColumnSpec(name="x", kind=kind),))
    return canonical(pd.DataFrame({"x": values}), schema).values["x"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series([1, 2]), pd.Series([1.0, 2.0])),
        (pd.Series([0.0]), pd.Series([-0.0])),
        (pd.Series([0.1 + 0.2]), pd.Series([0.3])),
        (pd.Series([1, None], dtype="Int64"), pd.Series([1.0, np.nan])),
        (pd.Series([np.inf]), pd.Series([np.inf])),
    ],
)
def test_the_same_number_written_otherwise_is_the_same(one, other):
    assert list(keys(one, ColumnKind.NUMERICAL)) == list(keys(other, ColumnKind.NUMERICAL))


def test_other_numbers_are_others():
    values = pd.Series([0.0, 1.0, -1.0, 1e-9, 2e-9, 123456789.0, 123456788.0, 1e15, 1e15 + 1])
    assert len(set(keys(values, ColumnKind.NUMERICAL))) == len(values)


def test_a_moment_is_the_same_in_any_resolution():
    moments = pd.Series(pd.to_datetime(["2020-01-01 12:00:01", None]))
    fine, coarse = (keys(moments.astype(f"datetime64[{unit}]"), ColumnKind.DATETIME) for unit in ("ns", "us"))
    assert list(fine) == list(coarse)
    assert fine[1] == MISSING


def test_missing_is_no_category_and_text_stays_text():
    found = keys(pd.Series(["00042", "42", None, "None", ""], dtype=object), ColumnKind.CATEGORICAL)
    assert len(set(found)) == 5
    assert [key == MISSING for key in found] == [False, False, True, False, False]


def test_a_record_is_its_cells_in_their_columns():
    schema = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.NUMERICAL) for n in "ab"))
    table = pd.DataFrame({"a": [1, 2, 1], "b": [2, 1, 2]})
    records = canonical(table, schema).records
    assert records[0] == records[2]
    assert records[0] != records[1]
