"""Small tables as people have them (tests/data/cases), read by intake and written again without any training."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from app.cli.correct import corrected
from app.intake.model import Intake, IntakeLimits, ReadOptions
from app.intake.read import ingest
from synth.config import TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.randomness import Rng
from synth.table.frame import TextForm, read_parquet, write_batches
from synth.table.schema import TableSchema
from synth.table.source import ParquetTable

CASES = Path(__file__).parents[1] / "data" / "cases"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A table, how it was read, and one like it that its encoder writes."""

    real: pd.DataFrame
    """All cells as text, empty where they are."""
    made: pd.DataFrame
    values: pd.DataFrame
    """What is made, as numbers and dates."""
    intake: Intake
    schema: TableSchema
    encoder: TableEncoder


def case(
    name: str, file: str = "input.csv", reading: ReadOptions | None = None, **said: Mapping[str, str | Sequence[str]]
) -> Case:
    """The case of this number and name, with what is said of its columns."""
    return _case(CASES / name / file, reading, tuple((key, tuple(value.items())) for key, value in said.items()))


@lru_cache(maxsize=32)
def _case(path: Path, reading: ReadOptions | None, said: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        return case_of(path, Path(folder), {key: dict(value) for key, value in said}, reading)


@dataclass(frozen=True, kw_only=True)
class Files:
    """A table like the real one, written as Parquet and as CSV, and how the real one was read."""

    parquet: Path
    csv: Path
    intake: Intake
    schema: TableSchema
    encoder: TableEncoder


def case_of(
    path: Path,
    folder: Path,
    said: Mapping[str, Mapping[str, str]] | None = None,
    reading: ReadOptions | None = None,
) -> Case:
    """The file, read and written again."""
    files = files_of(path, folder, said, reading)
    known = {"sep": files.intake.delimiter, "dtype": str, "keep_default_na": False}
    real = pd.read_csv(path, encoding=files.intake.encoding, on_bad_lines="skip", **known)
    made = pd.read_csv(files.csv, **known)
    values = read_parquet(files.parquet, files.schema)
    return Case(real=real, made=made, values=values, intake=files.intake, schema=files.schema, encoder=files.encoder)


def _saved(rules: RulePlan, schema: TableSchema) -> RulePlan:
    """The rules as a model file has them."""
    return plan_from_json(plan_to_json(rules), schema)


def files_of(
    path: Path,
    folder: Path,
    said: Mapping[str, Mapping[str, str]] | None = None,
    reading: ReadOptions | None = None,
) -> Files:
    """The file, read and written again: the records' own codes in another order, their residuals drawn anew."""
    table = folder / "table.parquet"
    intake = ingest(path, table, filename=path.name, limits=IntakeLimits(), options=reading)
    schema = corrected(intake.schema, said or {}, table)
    source = ParquetTable(table, schema)
    encoder = fit_encoder(source, schema, TrainConfig(device="cpu"), Rng(1))
    encoded = encoder.encode(source, Rng(2))
    order = np.random.default_rng(3).permutation(len(source))
    residuals = np.random.default_rng(4).uniform(-1, 1, encoded.residuals.shape).astype(np.float32)
    drawn = EncodedTable(codes=encoded.codes[order], residuals=residuals)
    encoder = TableEncoder.from_json(encoder.to_json(), encoder.schema, _saved(encoder.rules, encoder.schema))
    batch = encoder.to_arrow(drawn, np.random.default_rng(5))
    csv, parquet = folder / "made.csv", folder / "made.parquet"
    text = TextForm(days=encoder.whole_days, places=encoder.places, delimiter=intake.delimiter or ",")
    write_batches([batch], csv=csv, parquet=parquet, schema=encoder.schema, text=text)
    return Files(parquet=parquet, csv=csv, intake=intake, schema=schema, encoder=encoder)
