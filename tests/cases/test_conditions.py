"""Conditions as people type them (tests/data/cases/32), from the command line to records, for CSV and for Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from app.blobs import Stored, open_blobs
from app.cli.arguments import parse_conditions
from app.cli.offline import Sampling, sample_model
from app.cli.screen import Screen
from app.config import Settings
from app.errors import InvalidRequestError
from app.intake.model import IntakeLimits
from app.intake.read import ingest
from app.services.conditions import check_condition_columns, conditions_held
from app.wire_jobs import JobOptions
from synth.artifact import save
from synth.randomness import Rng
from synth.table.ranges import Range
from synth.table.schema import TableSchema
from synth.table.source import ParquetTable
from synth.training.fit import fit
from tests.support.cases import CASES
from tests.synth.tables_about_people import FAST

CSV = CASES / "32-conditions-as-typed" / "input.csv"
TYPED = ["flag=True", "flag=true", "flag=TRUE", "flag=1", "fraud=1", "fraud=1.0", "zip=02139", "grade=3", "age=30"]


class Table:
    """The case's table as the service stores it, each record twice: more people than a minimum ever asks for."""

    def __init__(self, file: str, folder: Path) -> None:
        sent, self.path = folder / file, folder / "table.parquet"
        header, records = CSV.read_text(encoding="utf-8").split("\n", 1)
        sent.write_text(f"{header}\n{records}{records}", encoding="utf-8")
        if file.endswith(".parquet"):
            pd.read_csv(sent, dtype={"zip": str}).to_parquet(sent)  # with columns of bool and float
        self.blobs = open_blobs(Settings(home=folder / "home", blob_url=str(folder)))
        self.schema: TableSchema = ingest(sent, self.path, filename=file, limits=IntakeLimits()).schema

    def held(self, conditions: Mapping[str, str | Range]) -> dict[str, str | Range]:
        check_condition_columns(self.schema, conditions)
        stored = Stored(key="table.parquet", sha256=hashlib.sha256(self.path.read_bytes()).hexdigest())
        return conditions_held(self.blobs, stored, self.schema, conditions)


@pytest.fixture(scope="module", params=["input.csv", "input.parquet"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Table:
    return Table(request.param, tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_is_found(table: Table, typed: str) -> None:
    assert len(table.held(parse_conditions([typed]))) == 1


def test_a_number_that_too_few_have_is_refused_as_a_range(table: Table) -> None:
    with pytest.raises(InvalidRequestError, match="10 records or more of column 'income' lie"):
        table.held(parse_conditions(["income=22826.33"]))


def test_one_boolean_value_is_found_by_all_its_names(table: Table) -> None:
    found = {table.held(parse_conditions([f"flag={text}"]))["flag"] for text in ("True", "true", "TRUE", "1")}
    assert len(found) == 1
    others = {table.held(parse_conditions([f"flag={text}"]))["flag"] for text in ("False", "0")}
    assert len(others) == 1
    assert not found & others


def test_a_zip_code_without_its_zero_is_another_one(table: Table) -> None:
    with pytest.raises(InvalidRequestError, match="write it as the table does, with zeros in front") as error:
        table.held(parse_conditions(["zip=2139"]))
    assert "02139" not in str(error.value)


def test_a_word_for_a_number_is_told_how_to_write_it(table: Table) -> None:
    with pytest.raises(InvalidRequestError, match=r"say --where age=30, --within age=30..40") as error:
        table.held(parse_conditions(["age=thirty"]))
    assert "thirty" not in str(error.value)


def test_a_job_keeps_what_was_meant(table: Table) -> None:
    options = JobOptions(conditions={"fraud": "1", "zip": "02139"})
    kept = options.with_conditions(table.held(options.given()))
    assert JobOptions.model_validate(kept.model_dump()).given() == table.held(options.given())
    exact = options.with_conditions({"fraud": Range(30, 30), "zip": "02139"})
    assert exact.conditions["fraud"] == {"from": 30, "to": 30}


def test_all_records_that_are_sampled_meet_what_was_typed(table: Table, tmp_path: Path) -> None:
    model = fit(ParquetTable(table.path, table.schema), table.schema, FAST.with_(steps=10), Rng(0))
    save(model, tmp_path / "model")
    out = tmp_path / "out.csv"
    asked = parse_conditions(["flag=True", "fraud=1", "zip=02139"], ["age=30..60"])
    sample_model(Screen.of_process(), tmp_path / "model", out, Sampling(rows=200, seed=1, conditions=asked))
    made = pd.read_csv(out, dtype=str)
    assert len(made) == 200
    assert set(made["flag"].str.lower()) == {"true"}
    assert set(made["fraud"].astype(float)) == {1.0}
    assert set(made["zip"]) == {"02139"}
    assert made["age"].astype(float).between(30, 60).all()
    wanted = Sampling(rows=50, seed=1, conditions=parse_conditions(["age=30"]))
    sample_model(Screen.of_process(), tmp_path / "model", out, wanted)
    assert set(pd.read_csv(out)["age"]) == {30}
