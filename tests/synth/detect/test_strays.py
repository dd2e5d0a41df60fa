"""A column that a few texts keep from being numbers or dates is told by its name, and by no value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from synth.detect.propose import propose_schema
from synth.detect.strays import Strays, find_strays
from synth.table.schema import ColumnKind, ColumnSpec

R = np.random.default_rng(0)
AMOUNTS = [f"{each:.2f}" for each in R.normal(100, 20, 2_000)]
COUNTS = [str(each) for each in R.integers(0, 5_000, 100)]
DAYS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2020-01-01", periods=100, freq="9D")]
TIMES = [f"{each // 60:02d}:{each % 60:02d}" for each in R.integers(0, 1_440, 100)]
PRICES = [f"€ {each}" for each in AMOUNTS[:100]]
POSTCODES = [str(each) for each in R.integers(10_000, 99_999, 100)]
PHONES = [f"+41 79 {each} {each % 90 + 10} {each % 80 + 10}" for each in R.integers(100, 999, 100)]


def found(values: Sequence[str], name: str = "measured") -> tuple[ColumnSpec, Strays | None]:
    spec = propose_schema(pd.DataFrame({name: values}))[name]
    counts = pd.Series(values).value_counts()
    return spec, find_strays(spec, {str(text): int(count) for text, count in counts.items()})


def with_others(values: Sequence[str], others: int, of: int | None = None) -> list[str]:
    """So many values, the last of which are texts."""
    values = values[: of or len(values)]
    return [*values[: len(values) - others], *(f"see note {chr(97 + each)}" for each in range(others))]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (with_others(AMOUNTS, 1, of=34), "numbers"),
        (with_others(COUNTS, 1, of=40), "numbers"),
        (with_others(DAYS, 1, of=34), "dates"),
        (with_others(TIMES, 1, of=34), "times"),
        (with_others(PRICES, 1, of=34), "numbers"),
    ],
    ids=["amounts", "counts", "days", "times", "prices"],
)
def test_one_text_among_few_values_is_told(values: list[str], what: str) -> None:
    spec, strays = found(values)
    assert spec.kind is ColumnKind.IDENTIFIER, "or else there is nothing to tell"
    assert strays == Strays(others=1, present=len(values), what=what)
    said = strays.said(spec)
    assert said.startswith(f"column 'measured': 1 of {len(values)} values")
    assert "note" not in said


@pytest.mark.parametrize(("of", "others"), [(100, 3), (1_000, 60), (2_000, 199)])
def test_as_many_as_a_tenth_are_told(of: int, others: int) -> None:
    letters = (f"see {chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26))
    spec, strays = found([*AMOUNTS[: of - others], *(next(letters) for _ in range(others))])
    assert not spec.kind.is_quantity
    assert strays == Strays(others=others, present=of, what="numbers")


def test_categories_with_a_stray_are_told() -> None:
    spec, strays = found([*(["1", "2", "3", "4", "5", "6"] * 6), "x y", "z"])
    assert spec.kind is ColumnKind.CATEGORICAL
    assert strays is not None
    assert "it was read as categories" in strays.said(spec)


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "measured": with_others(AMOUNTS, 10, of=80),
        "patient_id": with_others(COUNTS, 1, of=40),
        "postcode": with_others(POSTCODES, 1, of=40),
        "phone": with_others(PHONES, 1, of=40),
        "note": [f"came on day {each} of {each % 7}" for each in range(100)],
        "row": with_others([str(each) for each in range(1, 41)], 1),
    }.items(),
)
def test_columns_that_are_no_numbers_anyhow_are_not_told(name: str, values: list[str]) -> None:
    spec, strays = found(values, name)
    assert not spec.kind.is_quantity
    assert strays is None


def test_columns_that_are_read_as_numbers_are_not_told() -> None:
    for values in (AMOUNTS[:100], with_others(AMOUNTS, 1, of=100), [*AMOUNTS[:60], *["n/a"] * 40]):
        spec, strays = found(values)
        assert spec.kind is ColumnKind.NUMERICAL
        assert strays is None
