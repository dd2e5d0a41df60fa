"""The assessment tells good synthetic tables from bad ones, and says why where it cannot tell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synth.errors import TableError
from synth.fidelity.assess import Fidelity, assess
from synth.fidelity.detection import Detection
from synth.fidelity.frames import Part
from synth.fidelity.pairs import PairTrends
from synth.fidelity.sdmetrics_scores import SdmetricsScores
from synth.fidelity.utility import Utility
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

ROOT = Path(__file__).parents[3]
TARGET = "income"


@pytest.fixture(scope="module")
def adult() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    whole = pd.read_csv(ROOT / "examples" / "adult.csv.gz").sample(frac=1, random_state=1).reset_index(drop=True)
    return whole[:3000], whole[3000:5000].reset_index(drop=True), whole[5000:8000].reset_index(drop=True)


@pytest.fixture(scope="module")
def schema(adult) -> TableSchema:
    return schema_of(adult[0], target=TARGET)


def schema_of(frame: pd.DataFrame, target: str | None = None) -> TableSchema:
    def kind(column: pd.Series) -> ColumnKind:
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            return ColumnKind.DATETIME
        return ColumnKind.NUMERICAL if pd.api.types.is_numeric_dtype(column.dtype) else ColumnKind.CATEGORICAL

    return TableSchema(
        columns=tuple(
            ColumnSpec(
                name=name,
                kind=kind(frame[name]),
                role=ColumnRole.TARGET if name == target else ColumnRole.FEATURE,
            )
            for name in frame.columns
        )
    )


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    """Every marginal as it was, every relation gone."""
    rng = np.random.default_rng(2)
    return pd.DataFrame({name: rng.permutation(frame[name].to_numpy()) for name in frame.columns})


@pytest.fixture(scope="module")
def good(adult, schema) -> Fidelity:
    return assess(*adult, schema, np.random.default_rng(3))


@pytest.fixture(scope="module")
def bad(adult, schema) -> Fidelity:
    return assess(adult[0], adult[1], shuffled(adult[2]), schema, np.random.default_rng(3))


def test_fresh_real_rows_score_at_the_floor_and_cannot_be_told_apart(good):
    assert isinstance(good.scores, SdmetricsScores)
    assert good.scores.shapes == pytest.approx(good.scores.shapes_floor, abs=0.01)
    assert good.scores.trends == pytest.approx(good.scores.trends_floor, abs=0.02)
    assert good.scores.quality > 0.95
    assert good.scores.diagnostic > 0.99
    assert good.scores.sdmetrics_version.startswith("0.32")
    assert set(good.scores.column_shapes) == set(good.marginals)
    assert isinstance(good.detection, Detection)
    assert good.detection.lower < 0.5 < good.detection.upper
    assert isinstance(good.utility, Utility)
    assert good.utility.synthetic["auc"] == pytest.approx(good.utility.real["auc"], abs=0.02)


def test_columns_permuted_independently_keep_shapes_and_fail_everything_else(good, bad):
    assert bad.scores.shapes > 0.97
    # Over all pairs the score hardly notices; over the pairs that are associated it does.
    assert bad.scores.trends < good.scores.trends - 0.03
    assert bad.scores.trends_strong_pairs < good.scores.trends_strong_pairs - 0.1
    assert bad.detection.lower > 0.9
    assert bad.utility.synthetic["auc"] < 0.65
    assert bad.utility.synthetic["macro_f1"] < bad.utility.real["macro_f1"] - 0.2
    assert bad.pairs.mean_difference > 5 * good.pairs.mean_difference


def test_heat_maps_are_symmetric_associations_and_their_difference(good, bad):
    assert isinstance(good.pairs, PairTrends)
    for matrix in (good.pairs.real, good.pairs.synthetic):
        assert np.allclose(matrix, matrix.T)
        assert ((matrix >= 0) & (matrix <= 1)).all()
        assert np.allclose(np.diag(matrix), 1)
    where = good.pairs.columns.index("education"), good.pairs.columns.index("education_num")
    assert good.pairs.real[where] > 0.95
    assert bad.pairs.synthetic[where] < 0.1
    assert bad.pairs.difference[where] < -0.85


def test_marginals_are_shares_and_hide_the_few(good, adult):
    countries = good.marginals["native_country"].to_json()
    assert len(countries["labels"]) <= 21
    counts = adult[0]["native_country"].value_counts()
    assert all(counts[label] >= 5 for label in countries["labels"] if label != "(other)")
    assert sum(countries["real"]) == pytest.approx(1)
    assert sum(countries["synthetic"]) == pytest.approx(1)
    age = good.marginals["age"].to_json()
    assert len(age["edges"]) - 1 == len(age["real"]) <= 30
    assert sum(age["real"]) + sum(age["real_tails"]) + age["real_missing"] == pytest.approx(1)
    assert all(share * 3000 > 4.5 for share in age["real"][:-1])
    gain = good.marginals["capital_gain"].to_json()
    assert gain["edges"][-1] < adult[0]["capital_gain"].max()
    assert max(gain["real"]) > 0.9


def test_the_assessment_is_json_and_repeatable(adult, schema):
    small = [frame[:400] for frame in adult]
    one, other = (assess(*small, schema, np.random.default_rng(3)).to_json() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)


def test_progress_goes_up_to_one(adult, schema):
    seen = []
    small = [frame[:200] for frame in adult]
    assess(*small, schema, np.random.default_rng(0), progress=lambda stage, done: seen.append((stage, done)))
    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert seen[-1] == ("done", 1.0)


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    moments = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s")
    x = rng.standard_normal(n)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "count": pd.array(rng.integers(-5, 5, n), dtype="Int64"),
            "when": pd.Series(moments).mask(rng.random(n) < 0.2),
            "word": pd.Series(rng.choice(["a", "b", "c"], n), dtype=object).mask(rng.random(n) < 0.3, None),
            "constant": np.ones(n),
            "empty": np.full(n, np.nan),
            "y": 2 * x + 0.1 * rng.standard_normal(n),
        }
    )


def test_missing_values_dates_and_constants_are_handled():
    train, holdout, synthetic = mixed(800, 1), mixed(500, 2), mixed(700, 3)
    found = assess(train, holdout, synthetic, schema_of(train, target="y"), np.random.default_rng(0))
    assert isinstance(found.utility, Utility)
    assert found.utility.task == "regression"
    assert found.utility.real["r2"] > 0.7
    assert found.utility.synthetic["r2"] == pytest.approx(found.utility.real["r2"], abs=0.1)
    when = found.marginals["when"].to_json()
    assert when["real_missing"] == pytest.approx(0.2, abs=0.05)
    assert found.marginals["word"].to_json()["real_missing"] == pytest.approx(0.3, abs=0.06)
    assert np.isnan(found.pairs.real[found.pairs.columns.index("constant")]).all()
    assert found.scores.column_shapes["when"] > 0.9
    json.dumps(found.to_json(), allow_nan=False)


def test_several_classes_and_a_class_the_synthetic_table_forgot():
    def draw(n, seed, kinds):
        rng = np.random.default_rng(seed)
        y = rng.choice(kinds, n)
        return pd.DataFrame({"x": rng.standard_normal(n) + 3 * y, "z": rng.random(n), "y": [f"k{k}" for k in y]})

    train, holdout, synthetic = draw(600, 1, 3), draw(400, 2, 3), draw(600, 3, 2)
    found = assess(train, holdout, synthetic, schema_of(train, target="y"), np.random.default_rng(0))
    assert found.utility.real["auc"] > 0.9
    assert found.utility.synthetic["auc"] < found.utility.real["auc"]
    one = synthetic.assign(y="k0")
    found = assess(train, holdout, one, schema_of(train, target="y"), np.random.default_rng(0))
    assert found.utility.synthetic["auc"] == pytest.approx(0.5)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_tiny_tables_give_reasons_and_never_a_crash(n):
    train, holdout, synthetic = mixed(n, 1), mixed(n, 2), mixed(n, 3)
    found = assess(train, holdout, synthetic, schema_of(train, target="y"), np.random.default_rng(0))
    for part in (found.pairs, found.detection, found.utility):
        assert isinstance(part, Part)
        assert "50" in part.reason
    json.dumps(found.to_json(), allow_nan=False)


def test_without_a_target_the_utility_says_so(adult):
    small = [frame[:300] for frame in adult]
    found = assess(*small, schema_of(small[0]), np.random.default_rng(0))
    assert found.utility == Part(reason="The schema names no target.")
    assert found.to_json()["utility"] == {"not_applicable": "The schema names no target."}


def test_identifiers_are_no_features():
    """An identifier that gives the target away must not help, and two tables that differ in it only are alike."""
    rng = np.random.default_rng(4)

    def draw(n, offset):
        y = rng.integers(0, 2, n)
        return pd.DataFrame({"id": y * 10**6 + np.arange(n) + offset, "x": rng.random(n), "y": [f"k{k}" for k in y]})

    train, holdout, synthetic = draw(500, 0), draw(500, 1000), draw(500, 10**9)
    schema = TableSchema(
        columns=(
            ColumnSpec(name="id", kind=ColumnKind.IDENTIFIER),
            ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
            ColumnSpec(name="y", kind=ColumnKind.CATEGORICAL, role=ColumnRole.TARGET),
        )
    )
    found = assess(train, holdout, synthetic, schema, np.random.default_rng(0))
    assert found.utility.real["auc"] < 0.65
    assert found.detection.upper < 0.65
    assert set(found.marginals) == {"x", "y"}
    ids = TableSchema(columns=(ColumnSpec(name="id", kind=ColumnKind.IDENTIFIER),))
    nothing = assess(train[["id"]], holdout[["id"]], synthetic[["id"]], ids, np.random.default_rng(0))
    assert nothing.scores == Part(reason="All columns are identifiers.")


def test_a_wide_table_is_scored_on_some_of_its_pairs_and_says_so(monkeypatch):
    monkeypatch.setattr("synth.fidelity.sdmetrics_scores.MOST_TREND_COLUMNS", 4)
    monkeypatch.setattr("synth.fidelity.pairs.MOST_COLUMNS", 6)
    rng = np.random.default_rng(5)
    frames = [pd.DataFrame(rng.standard_normal((120, 10)), columns=[f"c{i}" for i in range(10)]) for _ in range(3)]
    found = assess(*frames, schema_of(frames[0]), np.random.default_rng(0))
    assert found.scores.trend_columns == 4
    assert found.scores.columns == 10
    assert all(score is not None for score in found.scores.column_shapes.values())
    assert len(found.scores.column_shapes) == 10
    assert found.pairs.left_out == 4


def test_the_diagnostic_sees_every_record(monkeypatch):
    """A range that a subsample of train misses is no defect of the synthetic table."""
    monkeypatch.setattr("synth.fidelity.sdmetrics_scores.MOST_RECORDS", 60)
    frame = pd.DataFrame({"x": np.arange(1000.0)})
    found = assess(frame, frame, frame, schema_of(frame), np.random.default_rng(0))
    assert found.scores.records == 60
    assert found.scores.diagnostic == 1.0


def test_tables_that_lack_a_column_or_all_records_are_refused(adult, schema):
    train, holdout, synthetic = (frame[:100] for frame in adult)
    with pytest.raises(TableError, match="synthetic"):
        assess(train, holdout, synthetic.drop(columns="age"), schema, np.random.default_rng(0))
    with pytest.raises(TableError, match="holdout"):
        assess(train, holdout[:0], synthetic, schema, np.random.default_rng(0))


def test_numbers_declared_categorical_keep_their_meaning():
    train = pd.DataFrame({"code": [1, 2, 2, 3] * 30})
    schema = TableSchema(columns=(ColumnSpec(name="code", kind=ColumnKind.CATEGORICAL),))
    found = assess(train, train, train.astype(float), schema, np.random.default_rng(0))
    assert found.scores.shapes == 1.0
    assert found.marginals["code"].to_json()["labels"] == ["2", "1", "3"]
