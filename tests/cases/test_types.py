"""The columns of a Parquet file come back as the types that they came with; pandas reads the same dtypes from both."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from app.intake.errors import IntakeError
from app.intake.model import IntakeLimits
from app.intake.read import ingest
from synth.artifact import load, save
from synth.config import TrainConfig
from synth.errors import TableError
from synth.randomness import Rng
from synth.sampling.sample import sample_batches
from synth.table.frame import read_parquet, write_batches
from synth.table.schema import ColumnKind
from synth.table.source import ParquetTable
from synth.training.fit import fit
from tests.support.cases import CASES, Files, case, files_of

FILES = [
    "01-nullable-int-bool/input.parquet",
    "24-parquet-spark-polars/flat.parquet",
    "24-parquet-spark-polars/nullcol.parquet",
    "24-parquet-spark-polars/pandas-index.parquet",
    "24-parquet-spark-polars/pandas-unnamed-index.parquet",
    "32-conditions-as-typed/input.parquet",
]
READINGS = ({}, {"dtype_backend": "numpy_nullable"}, {"dtype_backend": "pyarrow"})
RECORDS = 400


@pytest.mark.parametrize("name", FILES)
def test_parquet_comes_back_as_the_same_types(name: str, tmp_path: Path) -> None:
    real, made = CASES / name, files_of(CASES / name, tmp_path).parquet
    assert pq.read_schema(made).remove_metadata() == pq.read_schema(real).remove_metadata()
    for reading in READINGS:
        frames = [pd.read_parquet(each, **reading) for each in (real, made)]
        first, second = ({name: str(kind) for name, kind in frame.dtypes.items()} for frame in frames)
        assert first == second
        for column in first:
            assert abs(frames[0][column].isna().mean() - frames[1][column].isna().mean()) < 0.01


def test_csv_reads_as_the_same_dtypes(tmp_path: Path) -> None:
    path = CASES / "01-nullable-int-bool" / "input.csv"
    made = files_of(path, tmp_path).csv
    first, second = (pd.read_csv(each) for each in (path, made))
    assert first.dtypes.to_dict() == second.dtypes.to_dict()
    assert set(case("01-nullable-int-bool").made["smoker"]) == {"True", "False", ""}


@pytest.mark.parametrize(("file", "column"), [("list", "tags"), ("struct", "s"), ("binary", "b"), ("uint64", "u64")])
def test_a_type_that_is_not_read_is_refused_by_the_name_of_its_column(file: str, column: str, tmp_path: Path) -> None:
    path = CASES / "24-parquet-spark-polars" / f"{file}.parquet"
    with pytest.raises(IntakeError, match=f"^column '{column}': expected .*; (leave|write) "):
        ingest(path, tmp_path / "out.parquet", filename=path.name, limits=IntakeLimits())


def test_conditions_on_a_parquet_file_are_met_however_they_are_typed(tmp_path: Path) -> None:
    encoder = files_of(CASES / "32-conditions-as-typed" / "input.parquet", tmp_path).encoder
    for column, typed in (("flag", "True"), ("flag", "true"), ("fraud", "1"), ("fraud", "1.0"), ("zip", "02139")):
        assert encoder.select(column, typed)[1].shares.sum() == 1


def rare(values: list[object], kind: pa.DataType) -> pa.Array:
    """A column of these values, each for many records, and a missing one for some."""
    rng = np.random.default_rng(0)
    return pa.array([values[i] for i in rng.integers(0, len(values), RECORDS)], kind)


DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(300)]
MOMENTS = [datetime.datetime(2020, 1, 1, 7) + datetime.timedelta(hours=i) for i in range(300)]  # noqa: DTZ001
TYPES: dict[str, pa.Array] = {
    **{
        f"{s}int{b}": rare([None, *range(100)], getattr(pa, f"{s}int{b}")()) for s in ("", "u") for b in (8, 16, 32, 64)
    },
    "large": rare([2**62, 2**62 + 1, None], pa.int64()),
    "float16": rare([0.5, 1.5, None], pa.float16()),
    "float32": rare([None, *(i / 10 for i in range(300))], pa.float32()),
    "money": rare([None, *range(300)], pa.int64()).cast(pa.decimal128(38, 2)),
    "small money": rare([None, *range(300)], pa.int64()).cast(pa.decimal128(21, 2)).cast(pa.decimal32(5, 2)),
    "oracle": rare([None, *range(300)], pa.int64()).cast(pa.decimal128(38, 0)),
    "date32": rare([None, *DAYS], pa.date32()),
    "date64": rare([None, *DAYS], pa.date64()),
    **{f"in {unit}": rare([None, *MOMENTS], pa.timestamp(unit)) for unit in ("ms", "us", "ns")},
    "utc": rare([None, *MOMENTS], pa.timestamp("us", "UTC")),
    "fixed": rare([None, *MOMENTS], pa.timestamp("ms", "+05:30")),
    "time32": rare([None, *(m.time() for m in MOMENTS)], pa.time32("ms")),
    "time64": rare([None, *(m.time() for m in MOMENTS)], pa.time64("us")),
    "bool": rare([True, False, None], pa.bool_()),
    "dictionary": rare(["a", "b", "", None], pa.string()).dictionary_encode(),
    "ordered": rare(["a", "b", None], pa.string()).cast(pa.dictionary(pa.int8(), pa.string(), ordered=True)),
    "large_string": rare(["a", "b", None], pa.large_string()),
    "string_view": rare(["a", "b", None], pa.string_view()),
    "null": pa.nulls(RECORDS),
    "id": pa.array(range(10_000, 10_000 + RECORDS), pa.int32()),
}


@pytest.fixture(scope="module")
def every_type(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Files]:
    folder = tmp_path_factory.mktemp("types")
    pq.write_table(pa.table(TYPES), folder / "real.parquet")
    return folder / "real.parquet", files_of(folder / "real.parquet", folder)


def test_every_type_comes_back(every_type: tuple[Path, Files]) -> None:
    real, files = every_type
    wanted, got = pq.read_schema(real), pq.read_schema(files.parquet)
    assert {f.name: str(f.type) for f in got} == {f.name: str(f.type) for f in wanted}
    table = pq.read_table(files.parquet)
    for name, column in TYPES.items():
        assert abs(table.column(name).null_count - column.null_count) <= 4, name
    assert files.schema["id"].kind is ColumnKind.IDENTIFIER
    assert set(table.column("large").to_pylist()) <= {2**62, 2**62 + 1, None}


def test_csv_shows_the_same_values(every_type: tuple[Path, Files]) -> None:
    shown = pd.read_csv(every_type[1].csv, dtype=str, keep_default_na=False)
    shapes = {
        "bool": "true|false|",
        "date32": r"2020-\d\d-\d\d|",
        "money": r"\d+\.00|",
        "float32": r"\d+(\.\d)?|",
        "time64": r"\d\d:00:00|",
        "utc": r"2020-\d\d-\d\d \d\d:00:00.000000Z|",
        "uint64": r"\d+|",
    }
    for name, shape in shapes.items():
        assert shown[name].str.fullmatch(shape).all(), name


def test_empty_text_is_told_from_a_missing_one(every_type: tuple[Path, Files]) -> None:
    table = pq.read_table(every_type[1].parquet)
    assert set(table.column("dictionary").to_pylist()) == {"a", "b", "", None}


def test_what_is_written_is_read_as_the_real_table_is(every_type: tuple[Path, Files], tmp_path: Path) -> None:
    real, files = every_type
    ingest(real, tmp_path / "stored.parquet", filename=None, limits=IntakeLimits())
    stored = read_parquet(tmp_path / "stored.parquet", files.intake.schema)
    assert read_parquet(files.parquet, files.intake.schema).dtypes.to_dict() == stored.dtypes.to_dict()


def test_feather_comes_back_as_parquet_of_the_same_types(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(pa.table(TYPES), tmp_path / "real.feather")
    made = files_of(tmp_path / "real.feather", tmp_path)
    wanted = [field for field in pa.table(TYPES).schema if field.name != "date64"]  # Parquet keeps that as date32
    assert [field for field in pq.read_schema(made.parquet) if field.name != "date64"] == wanted


def test_types_survive_a_model_file(tmp_path: Path) -> None:
    path = CASES / "24-parquet-spark-polars" / "flat.parquet"
    intake = ingest(path, tmp_path / "table.parquet", filename=None, limits=IntakeLimits())
    table = ParquetTable(tmp_path / "table.parquet", intake.schema)
    save(
        fit(table, intake.schema, TrainConfig(steps=3, device="cpu", redraw=False, residual_trees=False), Rng(1)),
        tmp_path / "model",
    )
    model = load(tmp_path / "model")
    out = tmp_path / "out.parquet"
    write_batches(sample_batches(model, 50, Rng(2)), parquet=out, schema=model.schema)
    assert pq.read_schema(out).remove_metadata() == pq.read_schema(path).remove_metadata()
    assert json.loads((tmp_path / "model" / "model.json").read_text())


def test_small_identifiers_without_room_become_larger_integers(tmp_path: Path) -> None:
    columns = {"id": pa.array(range(100), pa.int8()), "age": rare(list(range(40)), pa.int8())[:100]}
    pq.write_table(pa.table(columns), tmp_path / "real.parquet")
    files = files_of(tmp_path / "real.parquet", tmp_path)
    assert files.schema["id"].kind is ColumnKind.IDENTIFIER
    assert pq.read_schema(files.parquet).field("id").type == pa.int64()
    assert pq.read_schema(files.parquet).field("age").type == pa.int8()


def test_a_value_that_does_not_fit_its_type_is_refused_by_the_columns_name(tmp_path: Path) -> None:
    schema = files_of(CASES / FILES[0], tmp_path).schema
    batch = pa.RecordBatch.from_pydict({name: [300] for name in schema.names})
    with pytest.raises(TableError, match=r"column '(sex|tiny|smoker)'"):
        write_batches([batch], parquet=tmp_path / "out.parquet", schema=schema)
