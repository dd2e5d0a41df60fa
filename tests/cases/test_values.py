"""Numbers, dates and markers of tables as people have them come out as they are written."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from synth.table.schema import ColumnKind
from tests.support.cases import case

DATES = {
    "checkin": r"\d\d [A-Z][a-z]{2} \d{4}",
    "hired": r"\d\d/\d\d/\d{4}",
    "geboren": r"\d\d\.\d\d\.\d{4}",
    "short": r"\d\d/\d\d/\d\d",
    "yyyymmdd": r"\d{8}",
    "ampm": r"\d\d/\d\d/\d{4} \d{1,2}:\d\d [AP]M",
    "month": r"\d{4}-\d\d",
    "dash": r"\d\d-\d\d-\d{4}",
}
AMOUNTS = {
    "salary": r"\$\d{1,3}(,\d{3})*\.\d\d",
    "rate": r"\d+\.\d%",
    "price_eur": r"\d{1,3}( \d{3})*,\d\d",
    "thousands": r"\d{1,3}(,\d{3})*",
    "balance": r"\d+\.\d\d|\(\d+\.\d\d\)",
    "plus": r"[+-]\d+\.\d|0\.0",
}
MARKERS = {
    "crp": "<0.5",
    "count": "*",
    "dash": "-",
    "dots": "..",
    "nr": "not recorded",
    "na": "N/A",
    "dot": ".",
    "missing_word": "missing",
    "hash": "#DIV/0!",
    "code999": "999",
    "inf": "inf",
}


@pytest.mark.parametrize(("name", "shape"), DATES.items())
def test_dates_are_learnt_as_dates_and_written_in_their_format(name: str, shape: str) -> None:
    dates = case("06-date-formats")
    assert dates.schema[name].kind is ColumnKind.DATETIME
    assert dates.made[name].str.fullmatch(shape).all()
    real = pd.to_datetime(dates.real["geboren"], format="%d.%m.%Y")
    made = dates.values[name]
    assert made.notna().all()
    assert made.min() >= real.min() - pd.Timedelta("31D")
    assert made.max() <= real.max() + pd.Timedelta("1D")


def test_moments_keep_their_zone_and_its_summer_time() -> None:
    zones = case("05-time-zones")
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
    for name, end in (("start", r"\+0[12]:00"), ("end", r"\+0[12]:00"), ("seen_utc", "Z")):
        assert zones.schema[name].kind is ColumnKind.DATETIME
        assert zones.made[name].str.fullmatch(shape + end).all()
    assert zones.made["created"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC").all()
    assert pd.to_datetime(zones.made["start"], utc=True).notna().all()
    summer = zones.made["start"].str[5:7].isin(["05", "06", "07", "08", "09"])
    assert (zones.made["start"].str.endswith("+02:00"))[summer].all()


def test_sentinel_dates_keep_their_share_and_nothing_is_made_up_between() -> None:
    old = case("04-old-and-sentinel-dates")
    assert {old.schema[n].kind for n in ("date_of_birth", "valid_from", "valid_to")} == {ColumnKind.DATETIME}
    share = (old.real["valid_to"] == "9999-12-31").mean()
    assert abs((old.made["valid_to"] == "9999-12-31").mean() - share) < 0.02
    years = old.made["valid_to"].str[:4].astype(int)
    assert not ((years > 2030) & (years < 9999)).any()


@pytest.mark.parametrize(("name", "shape"), AMOUNTS.items())
def test_amounts_are_quantities_and_written_as_before(name: str, shape: str) -> None:
    amounts = case("08-currency-percent")
    assert amounts.schema[name].kind is ColumnKind.NUMERICAL
    assert amounts.made[name].str.fullmatch(shape).all()
    form = amounts.schema[name].value_form
    assert form is not None
    real = amounts.real[name].map(form.parse).astype(float)
    assert amounts.values[name].astype(float).mean() == pytest.approx(real.mean(), rel=0.1)


def test_padded_digits_are_said_to_be_codes_and_can_be_said_to_be_amounts() -> None:
    as_read = case("08-currency-percent").schema["padded"]
    assert "--kind padded=numerical" in as_read.doubt
    amounts = case("08-currency-percent", kinds={"padded": "numerical"})
    assert amounts.schema["padded"].kind is ColumnKind.NUMERICAL
    assert amounts.made["padded"].str.fullmatch(r"\d{6}").all()


@pytest.mark.parametrize(("name", "marker"), MARKERS.items())
def test_markers_among_numbers_stay_at_their_rate(name: str, marker: str) -> None:
    marked = case("26-markers-in-numbers")
    spec = marked.schema[name]
    assert spec.kind is ColumnKind.NUMERICAL
    assert marker in spec.markers
    assert "missing" in spec.reason
    for text in (marker, ""):
        real, made = ((each[name] == text).mean() for each in (marked.real, marked.made))
        assert abs(real - made) < 0.01
    rest = marked.made[name][~marked.made[name].isin([marker, ""])]
    assert rest.map(lambda text: re.fullmatch(r"-?\d+(\.\d+)?", text) is not None).all()
    assert marked.values[name].isna().mean() == pytest.approx(marked.made[name].isin([marker, ""]).mean())


def test_words_for_nothing_among_words_are_told_apart() -> None:
    marked = case("26-markers-in-numbers")
    assert set(marked.made["txt_null"]) <= set(marked.real["txt_null"])
    for text in ("None", "NA", "NULL"):
        assert abs((marked.made["txt_null"] == text).mean() - (marked.real["txt_null"] == text).mean()) < 0.02


@pytest.mark.parametrize("number", ["04-old-and-sentinel-dates", "06-date-formats", "28-numeric-codes"])
def test_pandas_reads_the_same_types_from_both_files(number: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    both = case(number)
    folder = tmp_path_factory.mktemp("csv")
    both.real.to_csv(folder / "real.csv", index=False)
    both.made.to_csv(folder / "made.csv", index=False)
    real, made = (pd.read_csv(folder / f"{name}.csv") for name in ("real", "made"))
    assert real.dtypes.to_dict() == made.dtypes.to_dict()


def test_codes_written_as_numbers_are_codes() -> None:
    codes = case("28-numeric-codes")
    for name in ("zip", "occupation_code", "region_code"):
        assert codes.schema[name].kind is ColumnKind.CATEGORICAL
        assert set(codes.made[name]) <= set(codes.real[name])
    assert case("28-numeric-codes", kinds={"zip": "numerical"}).schema["zip"].kind is ColumnKind.NUMERICAL


def test_true_and_false_stay_as_written_and_whole_numbers_whole() -> None:
    typed = case("01-nullable-int-bool")
    assert set(typed.made["active"]) == set(typed.real["active"])
    assert typed.made["children"].str.fullmatch(r"\d*").all()
    for name in ("children", "smoker"):
        assert abs((typed.made[name] == "").mean() - (typed.real[name] == "").mean()) < 0.01


def test_a_condition_on_a_category_is_met_however_its_type_writes_it() -> None:
    typed = case("32-conditions-as-typed")
    assert typed.schema["zip"].kind is ColumnKind.CATEGORICAL
    assert typed.encoder.select("fraud", "1")[1].shares.sum() == 1
    assert typed.encoder.select("flag", "True")[1].shares.sum() == 1
    assert typed.encoder.select("zip", "02139")[1].shares.sum() == 1
