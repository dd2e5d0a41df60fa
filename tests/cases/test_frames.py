"""pandas frames as people have them are learnt and come back with their dtypes, or are refused with what to do."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.fit_encoder import fit_encoder
from synth.encode.table_encoder import TableEncoder
from synth.errors import SynthError, TableError
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate, write_batches
from synth.table.pandas_types import frame_as_came
from synth.table.schema import ColumnKind, TableSchema
from synth.table.source import source_of
from synth.training.fit import fit

N = 500
RANDOM = np.random.default_rng(0)
SOME = RANDOM.random(N) < 0.3
SIZES = pd.CategoricalDtype(["lo", "mid", "hi"], ordered=True)
CODED = pa.array(RANDOM.choice(["a", "b"], N)).dictionary_encode()
HOURS = pd.date_range("2024-01-01", periods=N, freq="h")
COLUMNS: dict[str, object] = {
    "Int64": pd.array(np.where(SOME, pd.NA, RANDOM.integers(0, 9, N)), dtype="Int64"),
    "boolean": pd.array(np.where(SOME, pd.NA, RANDOM.random(N) < 0.5), dtype="boolean"),
    "bool": RANDOM.random(N) < 0.5,
    "bool objects": np.where(SOME, None, RANDOM.random(N) < 0.5),
    "string": pd.array(np.where(SOME, pd.NA, RANDOM.choice(["a", "b"], N)), dtype="string"),
    "ordered": pd.Categorical(RANDOM.choice(["lo", "mid", "hi"], N), dtype=SIZES),
    "category of int": pd.Categorical(RANDOM.choice([1, 2, 3], N)),
    "tz": HOURS.tz_localize("Europe/Berlin", ambiguous="NaT", nonexistent="NaT"),
    "datetime": HOURS,
    "seconds": HOURS.astype("datetime64[s]"),
    "dates": [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(x)) for x in RANDOM.integers(0, 900, N)],
    "Decimal": [decimal.Decimal(str(round(x, 2))) for x in RANDOM.lognormal(3, 1, N)],
    "float32": RANDOM.normal(0, 1, N).astype("float32"),
    "float16": RANDOM.normal(0, 1, N).astype("float16"),
    "int8": RANDOM.integers(0, 99, N).astype("int8"),
    "uint16": RANDOM.integers(0, 99, N).astype("uint16"),
    "large": RANDOM.integers(2**60, 2**62, N),
    "arrow integers": pd.array(RANDOM.integers(0, 200, N), dtype="int64[pyarrow]"),
    "arrow text": pd.Series(RANDOM.choice(["a", "b"], N), dtype=pd.ArrowDtype(pa.string())),
    "arrow booleans": pd.array(RANDOM.random(N) < 0.5, dtype="bool[pyarrow]"),
    "arrow moments": pd.array(HOURS, dtype="timestamp[us][pyarrow]"),
    "arrow categories": pd.array(CODED, dtype=pd.ArrowDtype(CODED.type)),
    "sparse": pd.arrays.SparseArray(np.where(RANDOM.random(N) < 0.9, 0, 5)),
    "all missing": np.full(N, np.nan),
    "all None": [None] * N,
}
REFUSED: dict[str, tuple[object, str]] = {
    "intervals": (pd.cut(RANDOM.normal(0, 1, N), 4), "astype(str)"),
    "periods": (pd.period_range("1980-01", periods=N, freq="M"), "to_timestamp()"),
    "durations": (pd.to_timedelta(RANDOM.integers(1, 9999, N), unit="s"), "total_seconds()"),
    "mixed": ([("n/a" if x < 0.2 else int(x * 10)) for x in RANDOM.random(N)], "astype(str)"),
    "infinite": (np.where(SOME, np.inf, 1.0), "write them as missing"),
    "infinite arrow": (pd.array(np.where(SOME, np.inf, 1.0), dtype="double[pyarrow]"), "write them as missing"),
    "large unsigned": (RANDOM.integers(2**63, 2**64 - 1, N, dtype="uint64"), "astype(str)"),
    "complex": (RANDOM.normal(0, 1, N) + 1j, "each of its parts"),
    "lists": ([[1, 2]] * N, "astype(str)"),
    "bytes": ([b"x"] * N, "astype(str)"),
}


def frame_of(values: object) -> pd.DataFrame:
    return pd.DataFrame({"age": np.random.default_rng(1).integers(18, 90, N), "x": values})


@pytest.mark.parametrize("name", COLUMNS)
def test_dtypes_come_back(name: str) -> None:
    real = frame_of(COLUMNS[name])
    before = real.copy()
    schema = TableSchema.from_json(propose_schema(real).to_json())
    table = source_of(real, schema)
    encoder = fit_encoder(table, schema, TrainConfig(device="cpu"), Rng(1))
    encoder = TableEncoder.from_json(encoder.to_json(), encoder.schema)
    made = frame_as_came(
        encoder.decode(encoder.encode(table, Rng(2)), np.random.default_rng(3)),
        TableSchema.from_json(encoder.schema.to_json()),
    )
    assert str(made["x"].dtype) == str(real["x"].dtype)
    assert made["x"].isna().equals(real["x"].isna())
    assert {type(value) for value in made["x"].dropna()} == {type(value) for value in real["x"].dropna()}
    pd.testing.assert_frame_equal(real, before)
    if name in {"boolean", "bool objects", "ordered", "category of int", "string", "arrow categories", "sparse"}:
        assert made["x"].tolist() == real["x"].tolist()
        assert schema["x"].kind is ColumnKind.CATEGORICAL
    if name == "ordered":
        assert made["x"].dtype == SIZES


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learnt_is_refused_with_what_to_do(name: str) -> None:
    values, advice = REFUSED[name]
    frame = frame_of(values)
    with pytest.raises(SynthError, match="column 'x': expected ") as caught:
        source_of(frame, propose_schema(frame))
    assert advice in str(caught.value)


@pytest.mark.parametrize("names", [[0, 1], [("a", "x"), ("a", "y")]])
def test_names_that_are_not_text_are_refused_with_what_to_do(names: list[object]) -> None:
    frame = frame_of(1)
    frame.columns = pd.Index(names)
    for refused in (lambda: propose_schema(frame), lambda: validate(frame, propose_schema(frame_of(1)))):
        with pytest.raises(TableError, match=r"rename with frame\.columns = "):
            refused()


def test_a_model_of_a_frame_gives_frames_and_files_of_the_same_types(tmp_path: Path) -> None:
    names = ["boolean", "ordered", "tz", "dates", "Decimal", "int8"]
    real = frame_of(1).assign(**{name: COLUMNS[name] for name in names})
    model = fit(
        real, propose_schema(real), TrainConfig(steps=2, device="cpu", redraw=False, residual_trees=False), Rng(1)
    )
    made = sample(model, 100, Rng(2))
    assert made.dtypes.astype(str).to_dict() == real.dtypes.astype(str).to_dict()
    write_batches(
        [pa.RecordBatch.from_pandas(model_batch(model), preserve_index=False)],
        parquet=tmp_path / "t",
        schema=model.schema,
    )
    assert str(pq.read_schema(tmp_path / "t").field("Decimal").type).startswith("decimal128")


def model_batch(model: object) -> pd.DataFrame:
    return validate(sample(model, 20, Rng(3)), model.schema)  # type: ignore[arg-type, attr-defined]
