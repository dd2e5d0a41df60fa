"""Tables that do not fit one another are refused, without a word of their content."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.errors import AuditInputError
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="n", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="d", kind=ColumnKind.DATETIME),
        ColumnSpec(name="c", kind=ColumnKind.CATEGORICAL),
    )
)
GOOD = pd.DataFrame({"n": [1, 2], "d": pd.to_datetime(["2020-01-01", None]), "c": ["secret", "b"]})


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (GOOD[["n", "c", "d"]], "another order"),
        (GOOD[["n", "d"]], "1 missing"),
        (GOOD.assign(extra=1), "1 unknown"),
        (GOOD.iloc[:0], "at least one record"),
        (GOOD.assign(n=["secret", "x"]), "expected numbers"),
        (GOOD.assign(d=["secret", "x"]), "expected datetimes"),
        (GOOD.assign(c=GOOD["d"]), "expected categories"),
    ],
)
@pytest.mark.parametrize("side", ["train", "holdout", "synthetic"])
def test_tables_that_do_not_fit_are_refused(side, bad, says):
    tables = {"train": GOOD, "holdout": GOOD, "synthetic": GOOD, "reference": GOOD} | {side: bad}
    with pytest.raises(AuditInputError, match=says) as caught:
        AuditTables(schema=SCHEMA, **tables)
    assert "secret" not in str(caught.value)


def test_an_empty_reference_is_no_reference_but_a_wrong_one_is_refused():
    AuditTables(schema=SCHEMA, train=GOOD, holdout=GOOD, synthetic=GOOD, reference=GOOD.iloc[:0])
    with pytest.raises(AuditInputError, match="reference"):
        AuditTables(schema=SCHEMA, train=GOOD, holdout=GOOD, synthetic=GOOD, reference=GOOD[["n", "d"]])


def test_a_column_without_values_fits_any_kind():
    empty = GOOD.assign(n=pd.Series([None, None], dtype=object), d=np.nan)
    AuditTables(schema=SCHEMA, train=GOOD, holdout=GOOD, synthetic=empty)


def test_a_table_of_identifiers_only_cannot_be_audited():
    schema = TableSchema(columns=(ColumnSpec(name="n", kind=ColumnKind.IDENTIFIER),))
    with pytest.raises(AuditInputError, match="not an identifier"):
        AuditTables(schema=schema, train=GOOD[["n"]], holdout=GOOD[["n"]], synthetic=GOOD[["n"]])
