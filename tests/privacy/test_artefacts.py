"""Files beside the table: what was planted is found, whatever it is written in, and files without it stay silent."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from privacy.artefacts import artefacts
from privacy.audit import AuditResult
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.policy import decide, read_policy
from privacy.threat import AuditTables
from synth.encode.fit_numeric import fit_numeric
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.written.surrogate import Replaced, SurrogateForm
from tests.privacy import adult, checks

POLICY = read_policy(
    json.dumps(
        {
            "name": "files",
            "version": "1",
            "title": "t",
            "auto_release": False,
            "four_eyes": False,
            "minimum_holdout": 100,
            "limits": [
                {
                    "gate": "G1 artefacts",
                    "title": "files",
                    "findings": ["artefacts.*"],
                    "pass_below": 0.0,
                    "block_above": 0.0,
                    "required": False,
                    "may_be_left_out": True,
                }
            ],
        }
    )
)
DRIFT = Finding(attack="drift", statistic="auc", value=0.5, lower=0.49, upper=0.51, details={"lower_99": 0.48})


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(51, n=1500, reference=200)


def search(tables: AuditTables, *documents: object) -> dict[str, Finding]:
    return {f.statistic: f for f in artefacts(tables, documents, np.random.default_rng(0))}


def verdict(found: dict[str, Finding]) -> Verdict:
    sizes = {"train": 1500, "holdout": 1500, "synthetic": 1500}
    return decide(
        AuditResult(findings=(DRIFT, *checks.passed()), calibration=(), sizes=sizes, coverage=checks.COVERAGE).joined(
            tuple(found.values())
        ),
        POLICY,
    ).verdict


def record(tables: AuditTables, i: int) -> list[object]:
    return [value.item() if isinstance(value, np.generic) else value for value in tables.train.iloc[i]]


def columns(tables: AuditTables) -> list[dict[str, object]]:
    """What a careful encoder keeps: frequent categories and rounded inner bounds."""
    kept: list[dict[str, object]] = []
    for spec in tables.schema:
        values = tables.train[spec.name]
        if spec.kind is ColumnKind.CATEGORICAL:
            counts = values.value_counts()
            kept.append({"name": spec.name, "categories": list(counts[counts >= 20].index)})
        else:
            low, high = np.quantile(values, [0.05, 0.95])
            kept.append({"name": spec.name, "mean": float(values.mean()), "range": [round(low, -1), round(high, -1)]})
    return kept


def test_files_that_hold_nothing_of_one_person_are_silent(tables):
    page = "<table><tr><td>Records</td><td>1,500</td></tr></table> The AUC is 0.512 (95 % interval 0.49 to 0.53)."
    weights = {"layer": np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)}
    found = search(tables, columns(tables), page, weights, {"created_at": "2026-01-02T03:04:05"})
    assert [f.value for f in found.values()] == [0.0, 0.0, 0.0]
    assert verdict(found) is Verdict.PASS


@pytest.mark.parametrize("written", ["list", "object", "line", "page", "texts"])
def test_one_training_record_is_found_however_it_is_written(tables, written: str):
    row = record(tables, 7)
    forms: dict[str, object] = {
        "list": {"state": {"example": row}},
        "object": [{"x": 1}, dict(reversed(list(zip(tables.schema.names, row, strict=True))))],
        "line": "header\n" + ",".join(map(str, row)) + "\nend",
        "page": "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>",
        "texts": {"preview": [[str(cell) for cell in row]]},
    }
    found = search(tables, columns(tables), forms[written])
    assert found["records"].value == 1.0
    assert verdict(found) is Verdict.REVIEW


def test_many_records_are_proven(tables):
    found = search(tables, [record(tables, i) for i in range(40)])
    assert found["records"].value == 40.0
    assert found["records"].lower > 0
    assert verdict(found) is Verdict.BLOCK


def test_records_of_the_holdout_prove_nothing_of_train(tables):
    rows = tables.holdout.head(40).to_numpy().tolist()
    found = search(tables, rows)
    assert (found["records"].value, found["records"].details["found_of_holdout"]) == (0.0, 40.0)


def test_a_rare_category_is_found(tables):
    counts = tables.train["native_country"].value_counts()
    rare = next(c for c in counts[counts < 5].index if c not in set(tables.holdout["native_country"]))
    found = search(tables, [*columns(tables), {"name": "native_country", "categories": [rare, "Mexico"]}])
    assert found["rare_values"].value == 1.0
    assert found["rare_values"].note == "Found for native_country."
    assert rare not in json.dumps(found["rare_values"].to_json())
    assert verdict(found) is Verdict.REVIEW


def test_a_number_of_one_person_is_found_in_a_page(tables):
    counts = tables.train["fnlwgt"].value_counts()
    alone = next(v for v in counts[counts == 1].index if v not in set(tables.holdout["fnlwgt"]))
    assert search(tables, f"<p>The weight is {alone:,}.</p>")["rare_values"].value == 1.0


def test_the_exact_maximum_of_one_person_is_found_in_a_report(tables):
    train = tables.train.copy()
    train.loc[3, "age"] = 97
    kept = AuditTables(train=train, holdout=tables.holdout, synthetic=tables.synthetic, schema=tables.schema)
    report = {"marginals": [{"column": "age", "edges": [17, 30, 50, 97]}]}
    found = search(kept, report)
    assert found["extremes"].value == 1.0
    assert found["extremes"].note == "Found for age."
    assert verdict(found) is Verdict.REVIEW
    assert search(kept, {"marginals": [{"column": "age", "edges": [20, 30, 50, 90]}]})["extremes"].value == 0.0


def test_a_number_that_all_columns_have_in_one_field_is_no_end_of_any(tables):
    """One child is 0 years old. That the ranks of each column begin at 0 does not say so, its range does."""
    train = tables.train.copy()
    train.loc[3, "age"] = 0
    kept = AuditTables(train=train, holdout=tables.holdout, synthetic=tables.synthetic, schema=tables.schema)
    numbers = [spec.name for spec in tables.schema if spec.kind is ColumnKind.NUMERICAL]
    harmless = [{"name": name, "pieces": [{"ranks": [0.0, 0.5, 1.0]}]} for name in numbers]
    assert search(kept, columns(tables), harmless)["extremes"].value == 0.0
    for leak in ({"name": "age", "range": [0, 80]}, {"age": {"min": 0}}, {"name": "age", "edges": [0, 20, 40]}):
        found = search(kept, columns(tables), harmless, leak)
        assert (found["extremes"].value, found["extremes"].note) == (1.0, "Found for age.")
    alone = [each for each in harmless if each["name"] == "age"]
    assert search(kept, columns(tables), alone)["extremes"].value == 1.0


@pytest.mark.parametrize("end", [0, 12])
def test_an_end_that_other_columns_have_by_chance_is_found_all_the_same(end):
    """Of three counts one has the very end that stands in the file, for all three of them or on another side."""
    random = np.random.default_rng(3)
    frames = []
    for _ in range(2):
        low, high = (1, 11) if end else (1, 30)
        visits = {"emergency": random.integers(low, high, 1500)}
        visits |= {name: random.integers(-5, 40, 1500) for name in ("inpatient", "procedures")}
        frames.append(pd.DataFrame(visits))
    train, holdout = frames
    train.loc[3, "emergency"] = end
    kept = AuditTables(train=train, holdout=holdout, synthetic=holdout, schema=adult.schema_of(train))
    own, ends = {"name": "emergency", "ends": [end, 15] if end == 0 else [3, end]}, ([-7, end], [-7, end])
    others = [{"name": name, "ends": list(each)} for name, each in zip(("inpatient", "procedures"), ends, strict=True)]
    assert search(kept, [own])["extremes"].value == 1.0
    assert search(kept, [own, *others])["extremes"].value == 1.0


def with_a_largest_loss(tables: AuditTables) -> tuple[AuditTables, int]:
    """The tables where one person of train has the largest loss of all."""
    train = tables.train.copy()
    train.loc[3, "capital_loss"] = 4356
    holdout = tables.holdout[tables.holdout["capital_loss"] < 4000].reset_index(drop=True)
    return AuditTables(train=train, holdout=holdout, synthetic=tables.synthetic, schema=tables.schema), 4356


def test_places_of_nodes_in_a_model_are_no_extremes(tables):
    kept, _ = with_a_largest_loss(tables)
    for nodes in (np.arange(9000), np.random.default_rng(0).permutation(9000), np.arange(9000) + 1 / 3):
        model = {"left": nodes, "upto": np.sort(np.r_[np.arange(9000), nodes + 0.5])}
        assert search(kept, columns(kept), model)["extremes"].value == 0.0


@pytest.mark.parametrize("kept_as", ["alone", "a number", "sorted", "missing ones as -1", "weights", "whole records"])
def test_an_extreme_in_an_array_is_found_beside_places_of_nodes(tables, kept_as: str):
    kept, largest = with_a_largest_loss(tables)
    arrays = {
        "alone": np.array([0, largest]),
        "a number": np.int64(largest),
        "sorted": np.arange(largest + 1),
        "missing ones as -1": np.r_[np.arange(largest + 1), np.full(9, -1), 10**6],
        "weights": np.r_[np.random.default_rng(0).standard_normal(500), largest],
        "whole records": kept.train.select_dtypes("number").to_numpy(),
    }
    found = search(kept, {"left": np.arange(9000), "tensor": arrays[kept_as]})
    assert found["extremes"].value >= 1.0
    assert "capital_loss" in found["extremes"].note
    assert verdict(found) is Verdict.REVIEW


def test_numbers_that_any_file_holds_are_no_find(tables):
    """Small whole numbers are in every report; the holdout's are found as often."""
    found = search(tables, {"counts": list(range(100)), "hours": list(range(0, 5000, 10))})
    assert found["rare_values"].value == 0.0
    assert found["records"].value == 0.0


def test_the_search_proves_that_it_would_have_found_something(tables):
    for finding in search(tables, {}).values():
        assert finding.details["planted_lower"] > 0, finding.key


@pytest.mark.parametrize("form", [None, SurrogateForm(of=Replaced.CODE), SurrogateForm(of=Replaced.NAME)])
def test_identifiers_and_dates_of_people_are_found(form: SurrogateForm | None):
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame(
        {
            "patient_id": [f"P-{v:06d}" for v in rng.permutation(900_000)[: 2 * n]],
            "born": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 20_000, 2 * n), unit="D"),
            "sex": rng.choice(["F", "M"], 2 * n),
        }
    )
    schema = TableSchema(
        columns=(
            ColumnSpec(name="patient_id", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON, form=form),
            ColumnSpec(name="born", kind=ColumnKind.DATETIME),
            ColumnSpec(name="sex", kind=ColumnKind.CATEGORICAL),
        )
    )
    train, holdout = frame.iloc[:n].reset_index(drop=True), frame.iloc[n:].reset_index(drop=True)
    tables = AuditTables(train=train, holdout=holdout, synthetic=holdout, schema=schema)
    found = search(tables, {"log": f"read {train['patient_id'][5]}"}, {"ids": [train["patient_id"][6]]})
    assert found["rare_values"].value >= 1.0
    oldest = train["born"].min().date().isoformat()
    assert search(tables, {"column": "born", "edges": [oldest, "2000-01-01"]})["extremes"].value == 1.0


def test_a_table_without_anything_rare_has_nothing_to_find():
    frame = pd.DataFrame({"a": ["x", "y"] * 100, "b": ["u", "u", "v", "v"] * 50})
    tables = AuditTables(train=frame, holdout=frame, synthetic=frame, schema=adult.schema_of(frame))
    assert {f.status for f in search(tables, {"a": "x"}).values()} == {FindingStatus.NOT_APPLICABLE}


def test_what_an_encoder_keeps_of_shares_that_begin_at_0_is_silent():
    """Few people have the share 0; a quantile function goes from the rank 0 to the rank 1."""
    random = np.random.default_rng(2)
    shares = [pd.DataFrame({"rate": np.r_[0.0, 0.0, random.beta(2, 5, 1500).round(2).clip(0.01)]}) for _ in range(2)]
    schema = adult.schema_of(shares[0])
    encoder = fit_numeric(shares[0]["rate"], random, min_count=5, max_modes=10, max_pieces=64)
    kept = AuditTables(train=shares[0], holdout=shares[1] + 0.01, synthetic=shares[1], schema=schema)
    assert search(kept, [encoder.to_json()])["extremes"].value == 0.0
    leaking = {**encoder.to_json(), "range": [0.0, 0.9]}
    assert search(kept, [leaking])["extremes"].value == 1.0


@pytest.mark.slow
def test_a_trained_model_is_silent_and_one_that_kept_a_record_is_not(tmp_path, tables):
    from synth.artifact import save
    from synth.config import TrainConfig
    from synth.randomness import Rng
    from synth.training.fit import fit

    config = TrainConfig(steps=20, device="cpu")
    model = fit(tables.train, tables.schema, config, Rng(0).spawn("train"), checkpoint=None, progress=lambda _: None)
    save(model, tmp_path)
    state, weights = json.loads((tmp_path / "model.json").read_text()), load_file(tmp_path / "model.safetensors")
    found = search(tables, state, weights)
    assert [f.value for f in found.values()] == [0.0, 0.0, 0.0]
    assert verdict(found) is Verdict.PASS
    assert search(tables, {**state, "example": record(tables, 3)}, weights)["records"].value == 1.0
