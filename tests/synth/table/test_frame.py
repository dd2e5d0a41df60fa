"""Tables keep their types through Parquet; CSV says what a person would write."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.detect.propose import propose_schema
from synth.errors import TableError
from synth.table.frame import read_parquet, validate, write_csv, write_parquet
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from tests.synth.tables_about_people import KINDS, people, schema


def test_parquet_keeps_values_and_types(tmp_path: Path) -> None:
    table = people().assign(age=people()["age"].astype("Int64"))
    table.loc[3, "age"] = pd.NA
    write_parquet(table, tmp_path / "t.parquet")
    back = read_parquet(tmp_path / "t.parquet", schema())
    pd.testing.assert_frame_equal(back, table)


def test_arrow_types_become_the_tables(tmp_path: Path) -> None:
    columns = {
        "flag": pa.array([True, None, False]),
        "code": pa.array(["00042", None, "7"]).dictionary_encode(),
        "small": pa.array([1, None, 3], pa.int8()),
        "day": pa.array([0, None, 2], pa.date32()),
        "zoned": pa.array([0, None, 2], pa.timestamp("us", "UTC")),
        "nothing": pa.nulls(3),
    }
    kinds = [ColumnKind.CATEGORICAL] * 2 + [ColumnKind.NUMERICAL] + [ColumnKind.DATETIME] * 2 + [ColumnKind.NUMERICAL]
    spec = TableSchema(columns=tuple(ColumnSpec(name=n, kind=k) for n, k in zip(columns, kinds, strict=True)))
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read_parquet(tmp_path / "t.parquet", spec)
    assert table["flag"].tolist() == ["true", None, "false"]
    assert table["code"].tolist() == ["00042", None, "7"]
    assert [str(t) for t in table.dtypes] == ["object", "object", "Int64", "datetime64[us]", "datetime64[us]", "object"]


def test_csv_writes_integers_dates_and_missing_values_plainly(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "n": pd.array([1, None], "Int64"),
            "x": [1.5, None],
            "day": pd.to_datetime(["2020-01-02", None]),
            "t": pd.to_datetime(["2020-01-02 03:04:05", None]),
            "s": ['a,"b"', None],
        }
    )
    write_csv(table, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1].startswith("1,1.5,2020-01-02,2020-01-02 03:04:05")
    assert lines[1].endswith('"a,""b"""')
    assert lines[2] == ",,,,"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1" + b"\x00" * 50 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError):
        read_parquet(tmp_path / "t.parquet", schema())


def test_a_message_carries_no_cell(tmp_path: Path) -> None:
    table = people().assign(age=["geheim"] * 600)
    with pytest.raises(TableError) as error:
        validate(table, schema())
    assert "geheim" not in str(error.value)
    assert "age" in str(error.value)


def test_the_proposed_schema_is_what_a_person_would_say() -> None:
    proposed = propose_schema(people().drop(columns="gain"), target="flag")
    assert {c.name: c.kind for c in proposed} == {k: v for k, v in KINDS.items() if k != "gain"}
    assert proposed.with_role(ColumnRole.TARGET) == "flag"


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", [17, 4, 99, 23, 56, 71], ColumnKind.IDENTIFIER),
        ("row", [1, 2, 3, 4, 5, 6], ColumnKind.IDENTIFIER),
        ("salary", [17, 4, 99, 23, 56, 71], ColumnKind.NUMERICAL),
        ("sex", [1, 2, 1, 2, 1, 1], ColumnKind.CATEGORICAL),
        ("mail", ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"], ColumnKind.IDENTIFIER),
        ("empty", [None] * 6, ColumnKind.CATEGORICAL),
        ("town", ["a", "a", "a", "a", "a", "b"], ColumnKind.CATEGORICAL),
    ],
)
def test_kinds_are_told_by_name_type_and_values(name: str, values: list[object], kind: ColumnKind) -> None:
    assert propose_schema(pd.DataFrame({name: values}))[name].kind is kind


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(TableError):
        propose_schema(people(), target="nobody")
