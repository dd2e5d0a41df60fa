"""What pandas reads from the real and the synthetic CSV file by the same arguments has the same columns and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from app.cli.main import app
from synth.artifact import load
from synth.table.schema import TableSchema
from synth.written.surrogate import Replaced
from tests.support.cases import CASES, Files, files_of
from tests.synth.detect.people_of import FIRST, LAST, STREETS

EXAMPLE = Path(__file__).parents[2] / "examples" / "adult.csv.gz"
ASKED = {
    "no-header.csv",
    "short-rows.csv",
    "clean.csv",
    "with-footer.csv",
    "with-preamble.csv",
    "with-short-footer.csv",
}
"""Files about which intake asks, see the tests of its structure."""
HEADED = {"comment.csv", "newline.csv", "duplicates.csv", "pandas-index.csv", "trailing.csv"}
"""Files whose column names pandas reads otherwise."""
DESCRIBED = {"17-qualtrics-three-headers/input.csv"}
"""Files that pandas takes lines with descriptions of the columns from as records."""
TOO_FEW = {"one_filled", "three"}
"""Columns in which fewer than five people have a value, none of whom may come back."""
ROWS = 600


def flights(rng: np.random.Generator) -> pd.DataFrame:
    """Moments, codes and blocks of missing cells."""
    start = pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 365 * 24, ROWS), unit="h")
    late = pd.Series(rng.normal(10, 30, ROWS).round())
    frame = pd.DataFrame({"time_hour": start, "dep_delay": late, "arr_delay": late + 3, "month": start.month})
    frame["air_time"] = rng.integers(40, 400, ROWS).astype(float)
    cancelled = rng.random(ROWS) < 0.1
    frame.loc[cancelled, ["dep_delay", "arr_delay", "air_time"]] = np.nan
    frame["carrier"] = rng.choice(["UA", "B6", "EV"], ROWS)
    return frame


def churn(rng: np.random.Generator) -> pd.DataFrame:
    """Blank cells among amounts, a key of letters and digits, and yes or no."""
    keys = [f"{i:04}-{''.join(rng.choice(list('ABCDEFGH'), 5))}" for i in rng.permutation(ROWS)]
    charges = [" " if rng.random() < 0.05 else f"{x:.2f}".rstrip("0") for x in rng.gamma(2, 900, ROWS) + 0.01]
    contract = rng.choice(["Month-to-month", "One year"], ROWS)
    return pd.DataFrame(
        {"customerID": keys, "SeniorCitizen": rng.integers(0, 2, ROWS), "Total": charges, "C": contract}
    )


def prices(rng: np.random.Generator) -> pd.DataFrame:
    """Decimals of two places, whole ones of pandas, others as long as it takes, and exponents of R."""
    amounts = [f"{x:.2f}" for x in rng.gamma(2, 20, ROWS)]
    free = rng.normal(size=ROWS)
    debts = [f"{x:.0e}" if x == 100_000 else str(x) for x in rng.choice([20_000, 100_000, 50_000, 130_000], ROWS)]
    children = rng.integers(0, 4, ROWS).astype(float)
    return pd.DataFrame({"price": amounts, "children": children, "score": free, "debt": debts})


def bank(rng: np.random.Generator) -> pd.DataFrame:
    """Words and numbers, to be divided by semicolons."""
    rates = rng.choice([1.1, -0.1, 1.4], ROWS)
    return pd.DataFrame(
        {"age": rng.integers(18, 90, ROWS), "job": rng.choice(["a; b", "c"], ROWS), "emp.var.rate": rates}
    )


def contacts(rng: np.random.Generator) -> pd.DataFrame:
    """Names, addresses, phones, e-mails."""
    first, last = (rng.choice(names["us"].split(), ROWS) for names in (FIRST, LAST))
    numbers = np.arange(ROWS)
    return pd.DataFrame(
        {
            "first_name": first,
            "last_name": last,
            "address": [
                f"{i + 11} {street}" for i, street in zip(numbers, rng.choice(STREETS["us"], ROWS), strict=True)
            ],
            "state": rng.choice(["TX", "MA", "CO"], ROWS),
            "zip": [f"{i:05}" for i in rng.integers(601, 99_000, ROWS)],
            "phone": [f"504-{i // 100 + 200:03}-{1000 + 7 * i:04}" for i in numbers],
            "email": [f"{a}.{b}{i}@mit.edu".lower() for i, (a, b) in enumerate(zip(first, last, strict=True))],
            "web": [f"http://www.firm{i}.com" for i in numbers],
            "visits": rng.integers(0, 9, ROWS),
        }
    )


MADE: Mapping[str, tuple[Callable[[np.random.Generator], pd.DataFrame], str]] = {
    "flights": (flights, ","),
    "churn": (churn, ","),
    "prices": (prices, ","),
    "bank": (bank, ";"),
    "tabs": (bank, "\t"),
    "contacts": (contacts, ","),
}


def compared(path: Path, files: Files) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both files, read by the same arguments, after a look at their columns and dtypes."""
    known = {"sep": files.intake.delimiter, "low_memory": False}
    real, made = (pd.read_csv(each, **known) for each in (path, files.csv))
    assert list(real) == list(made)
    few = [name for name in TOO_FEW if name in real]
    assert made.dtypes.drop(few).to_dict() == real.dtypes.drop(few).to_dict()
    return real, made


def expect_no_real_cells(schema: TableSchema, real: pd.DataFrame, made: pd.DataFrame) -> None:
    for spec in schema:
        if spec.surrogate is not None and spec.surrogate.of is not Replaced.TEXT:
            assert not set(made[spec.name].dropna().astype(str)) & set(real[spec.name].dropna().astype(str)), spec.name


CASE_FILES = sorted(
    str(path.relative_to(CASES))
    for path in CASES.glob("*/*.csv")
    if path.name not in ASKED | HEADED and str(path.relative_to(CASES)) not in DESCRIBED
)


@pytest.mark.parametrize("name", CASE_FILES)
def test_each_case_reads_as_the_same_dtypes(name: str, tmp_path: Path) -> None:
    files = files_of(CASES / name, tmp_path)
    expect_no_real_cells(files.schema, *compared(CASES / name, files))


@pytest.mark.parametrize("name", sorted(MADE))
def test_tables_of_every_kind_read_as_the_same_dtypes(name: str, tmp_path: Path) -> None:
    make, delimiter = MADE[name]
    path = tmp_path / f"{name}.csv"
    make(np.random.default_rng(0)).to_csv(path, index=False, sep=delimiter)
    files = files_of(path, tmp_path)
    real, made = compared(path, files)
    expect_no_real_cells(files.schema, real, made)
    pd.testing.assert_series_equal(real.isna().mean(), made.isna().mean(), atol=1e-12)
    assert real.isna().value_counts().to_dict() == made.isna().value_counts().to_dict()


def test_the_example_reads_as_the_same_dtypes(tmp_path: Path) -> None:
    compared(EXAMPLE, files_of(EXAMPLE, tmp_path))


def test_decimals_keep_their_places_in_csv_and_are_doubles_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    prices(np.random.default_rng(0)).to_csv(path, index=False)
    files = files_of(path, tmp_path)
    assert {spec.name: spec.places for spec in files.schema} == {"price": 2, "children": 1, "score": None, "debt": None}
    written = pd.read_csv(files.csv, dtype=str)
    assert written["price"].str.fullmatch(r"\d+\.\d\d").all()
    assert set(written["children"]) == {"0.0", "1.0", "2.0", "3.0"}
    assert '"' not in files.csv.read_text().partition("\n")[2]
    assert set(written["debt"]) == {"20000.0", "100000.0", "50000.0", "130000.0"}
    assert {str(kind) for kind in pd.read_parquet(files.parquet).dtypes} == {"float64"}


@pytest.mark.parametrize("suffix", ["parquet", "feather", "jsonl"])
def test_whole_doubles_are_doubles_in_csv(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{suffix}"
    frame = pd.DataFrame({"score": [1.0, 2.0, 4.0] * 40, "n": range(120)})
    if suffix == "jsonl":
        path.write_text("".join(f'{{"score": {row.score!r}, "n": {row.n}}}\n' for row in frame.itertuples()))
    else:
        getattr(frame, f"to_{suffix}")(path)
    assert set(pd.read_csv(files_of(path, tmp_path).csv, dtype=str)["score"]) == {"1.0", "2.0", "4.0"}


@pytest.mark.parametrize(
    ("cells", "places"),
    [
        (["1.50", "2.25"], 2),
        ([*["1.50", "2.25"] * 99, "3"], 2),
        (["1.5", "2.25"], None),
        (["1.50", "2.5e3"], None),
        (["20000", "1e+05"], None),
        (["0.1234567", "0.7654321"], None),
        (["12345678901234.50", "12345678901234.25"], None),
        (["13", "13.25"], None),
        (["13", "14"], None),
        ([" 1.50", "2.25\t", ""], 2),
    ],
)
def test_places_are_fixed_where_nearly_all_numbers_have_them(
    cells: list[str], places: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells * 40)))
    assert files_of(path, tmp_path).schema["a"].places == places


def test_a_table_of_semicolons_comes_back_as_one_by_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # the command sets it for its process
    path, model, out = tmp_path / "bank.csv", tmp_path / "model", tmp_path / "out.csv"
    bank(np.random.default_rng(0)).head(120).to_csv(path, index=False, sep=";")
    assert CliRunner().invoke(app, ["fit", str(path), "-o", str(model), "--max-minutes", "0.01"]).exit_code == 0
    assert load(model).delimiter == ";"
    assert CliRunner().invoke(app, ["sample", str(model), "-n", "120", "-o", str(out)]).exit_code == 0
    real, made = (pd.read_csv(each, sep=";") for each in (path, out))
    assert list(made) == list(real)
    assert made.dtypes.to_dict() == real.dtypes.to_dict()
