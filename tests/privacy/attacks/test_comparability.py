"""Tables in another coding are refused by name of column and cause; poor but honest tables are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.comparability import comparability
from privacy.evidence import gather
from privacy.finding import Finding
from privacy.threat import AuditTables
from privacy.validity import voids
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy import adult, control


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(63, n=800, reference=600)


def found(tables: AuditTables) -> tuple[Finding, ...]:
    return comparability(gather(tables, np.random.default_rng(0)), np.random.default_rng(0))


def causes(tables: AuditTables) -> str:
    return " ".join(finding.note for finding in found(tables) if voids(finding))


SYNTHETIC_CHANGES = {
    "mirrored": (lambda t: control.miscoded(t, "mirrored"), ["'fnlwgt'", "they look mirrored"]),
    "units": (lambda t: t.assign(age=12 * t["age"]), ["'age'", "other units, with 1"]),
    "months since birth": (lambda t: t.assign(age=1_000 + t["age"]), ["'age'", "shifted"]),
    "logarithms": (lambda t: control.miscoded(t, "logarithms"), ["'fnlwgt'", "'age'"]),
    "language": (lambda t: t.assign(sex=t["sex"].map({"Male": "Mann", "Female": "Frau"})), ["'sex'", "language"]),
    "one spelling": (lambda t: t.assign(sex=t["sex"].replace("Female", "F")), ["'sex'", "spellings"]),
    "exchanged": (lambda t: control.miscoded(t, "labels exchanged"), ["column '", "labels that were exchanged"]),
    "blank": (lambda t: t.assign(age=np.nan), ["'age'", "blank in 100 %"]),
    "blank text": (lambda t: t.assign(sex=None), ["'sex'", "blank in 100 %"]),
    "one record": (lambda t: t.iloc[[0] * len(t)], ["repeats itself", "1 different among 800"]),
    "ten records": (lambda t: t.iloc[[*range(10)] * (len(t) // 10)], ["repeats itself", "10 different"]),
}


@pytest.mark.parametrize("change", SYNTHETIC_CHANGES)
@pytest.mark.parametrize("of", ["fresh", "train"])
def test_a_synthetic_table_in_another_coding_is_refused_with_column_and_cause(tables, change, of):
    recode, words = SYNTHETIC_CHANGES[change]
    said = causes(adult.with_synthetic(tables, recode(tables.synthetic if of == "fresh" else tables.train)))
    assert all(word in said for word in words), said
    assert "audit again" in said


@pytest.mark.parametrize("side", ["train", "holdout", "reference"])
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.assign(age=12 * t["age"]),
        lambda t: t.assign(age=np.nan),
        lambda t: t.assign(sex=t["sex"].map({"Male": "Mann", "Female": "Frau"})),
        lambda t: t.assign(age=t["age"] + 0.5),
    ],
    ids=["units", "blank", "language", "half a year"],
)
def test_so_is_any_other_table(tables, side, change):
    assert "column '" in causes(replace(tables, **{side: change(getattr(tables, side))}))


def with_dates(tables: AuditTables, **seconds: int) -> AuditTables:
    """Each record has a moment, in full minutes; some tables' moments are so many seconds later."""
    rng = np.random.default_rng(1)
    schema = TableSchema(columns=(*tables.schema.columns, ColumnSpec(name="seen", kind=ColumnKind.DATETIME)))
    frames = {}
    for name, frame in tables.named():
        minutes = pd.to_timedelta(rng.integers(0, 10**6, len(frame)), unit="min")
        late = pd.Timedelta(seconds=seconds.get(name, 0))
        frames[name] = frame.assign(seen=pd.Timestamp("2020-01-01") + minutes + late)
    return AuditTables(schema=schema, **frames)


@pytest.mark.parametrize("side", ["train", "holdout", "reference", "synthetic"])
def test_dates_that_are_one_second_off_in_one_table_are_named(tables, side):
    assert causes(with_dates(tables)) == ""
    said = causes(with_dates(tables, **{side: 1}))
    assert "column 'seen' is off the round values" in said
    assert side in said


def collapsed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(occupation="Sales", age=30)


def normal(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    numbers = frame.select_dtypes("number")
    drawn = rng.normal(numbers.mean(), numbers.std(), numbers.shape)
    return frame.assign(**dict(zip(numbers.columns, drawn.T, strict=True)))


def flattened(frame: pd.DataFrame) -> pd.DataFrame:
    """A fifth of each column's categories drawn evenly, a fifth of the cells blank."""
    rng = np.random.default_rng(3)
    out = frame.copy()
    for name in frame.select_dtypes("object").columns:
        out.loc[rng.random(len(frame)) < 0.2, name] = rng.choice(frame[name].unique())
        out.loc[rng.random(len(frame)) < 0.2, name] = None
    return out


POOR = {
    "no dependence": lambda t: control.independent(t, len(t), 4),
    "jittered by half": lambda t: adult.jittered(t, 0.5, 5),
    "normal numbers": normal,
    "collapsed columns": collapsed,
    "flattened": flattened,
    "not rounded": lambda t: t.assign(age=t["age"] + np.random.default_rng(6).normal(0, 0.1, len(t))),
    "few": lambda t: t.iloc[:15],
    "one": lambda t: t.iloc[:1],
}


@pytest.mark.parametrize("how", POOR)
def test_a_poor_table_is_attacked_and_not_refused(tables, how):
    assert causes(adult.with_synthetic(tables, POOR[how](tables.synthetic))) == ""


def odd(n: int, seed: int) -> pd.DataFrame:
    """Zero-inflated, long-tailed, nearly unique text, rare categories, dates."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "gain": np.where(rng.random(n) < 0.93, 0.0, rng.lognormal(8, 2, n)),
            "income": rng.lognormal(10, 2, n),
            "code": rng.integers(0, 10**6, n).astype(str),
            "town": (rng.pareto(0.7, n) * 3).astype(int).astype(str),
            "born": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 20_000, n), unit="D"),
            "score": np.where(rng.random(n) < 0.6, np.nan, rng.normal(size=n)),
        }
    )


def test_fresh_tables_of_awkward_columns_are_comparable_at_any_size():
    kinds = dict.fromkeys(["gain", "income", "score"], ColumnKind.NUMERICAL) | {"born": ColumnKind.DATETIME}
    names = ["gain", "income", "code", "town", "born", "score"]
    columns = tuple(ColumnSpec(name=name, kind=kinds.get(name, ColumnKind.CATEGORICAL)) for name in names)
    for seed, n in enumerate([60, 60, 60, 150, 150, 150, 600, 600]):
        train, holdout, reference, synthetic = (odd(n, 10 * seed + i) for i in range(4))
        schema = TableSchema(columns=columns)
        tables = AuditTables(train=train, holdout=holdout, reference=reference, synthetic=synthetic, schema=schema)
        assert causes(tables) == ""
