"""Columns that one or two others determine are looked up inside of histories."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synth.artifact import load, save
from synth.errors import ArtifactError
from synth.model import TrainedModel
from synth.protection import HOLDERS
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.sequences.lookup import Candidate, find_lookups
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="miles", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="start", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="end", kind=ColumnKind.CATEGORICAL),
    )
)
ENDS = 20


def trips(people: int = 400) -> pd.DataFrame:
    """Ten trips of each person; where one starts and ends says how many miles it is, and neither does alone."""
    rng = np.random.default_rng(0)
    size = 10 * people
    start, end = rng.integers(0, 3, size), rng.integers(0, ENDS, size)
    miles = 7 * rng.permutation(np.arange(100, 100 + 3 * ENDS))
    return pd.DataFrame(
        {
            "who": [f"P{n:04d}" for n in np.repeat(np.arange(people), 10)],
            "miles": miles[start * ENDS + end],
            "start": np.array(["x", "y", "z"])[start],
            "end": np.array([f"e{n:02d}" for n in range(ENDS)])[end],
        }
    )


def candidate(name: str, values: pd.Series, *, category: bool = True) -> Candidate:
    codes = pd.factorize(values)[0].astype(np.int64)
    plain = np.ones(int(codes.max()) + 1, dtype=np.bool_) if category else None
    return Candidate(name=name, stored=codes, codes=codes, plain=plain)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fit(trips(), SCHEMA, FAST, Rng(0))


def test_what_two_columns_determine_is_as_they_say_in_every_record(model: TrainedModel) -> None:
    real, made = trips(), sample(model, 2000, Rng(1))
    wanted = real.groupby(["start", "end"])["miles"].first()
    assert list(wanted.reindex(pd.MultiIndex.from_frame(made[["start", "end"]]))) == list(made["miles"])


def test_a_saved_model_looks_up_the_same(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    assert sample(load(tmp_path), 300, Rng(1)).equals(sample(model, 300, Rng(1)))


@pytest.mark.parametrize(
    "broken",
    [
        {"column": "start"},
        {"sources": ["start"]},
        {"sources": ["start", "start"]},
        {"sources": "start"},
        {"keys": [0, 0]},
        {"codes": [-1]},
    ],
)
def test_a_damaged_lookup_is_refused(model: TrainedModel, tmp_path: Path, broken: dict[str, object]) -> None:
    save(model, tmp_path)
    state = json.loads((tmp_path / "model.json").read_text())
    state["sequences"]["lookups"][0].update(broken)
    (tmp_path / "model.json").write_text(json.dumps(state))
    with pytest.raises(ArtifactError):
        load(tmp_path)


def test_fewer_people_than_may_decide_do_not_undo_it_and_as_many_do() -> None:
    table = trips(60)
    who = np.repeat(np.arange(60), 10)
    for people, expected in ((HOLDERS - 1, ["miles"]), (HOLDERS, [])):
        odd = table.copy()
        odd.loc[(who < people) & (np.arange(len(odd)) % 10 == 0), "miles"] = 7
        columns = [candidate("start", odd["start"]), candidate("end", odd["end"])]
        found = find_lookups([*columns, candidate("miles", odd["miles"], category=False)], who, HOLDERS)
        assert [each.column for each in found] == expected


def test_what_one_person_has_very_often_is_not_looked_up() -> None:
    table = trips(60)
    who = np.repeat(np.arange(60), 10)
    alone = pd.DataFrame({"who": "P0000", "miles": 7, "start": ["x"] * 50, "end": "lone"})
    table, who = pd.concat([table, alone], ignore_index=True), np.r_[who, np.zeros(50, dtype=np.int64)]
    columns = [candidate("start", table["start"]), candidate("end", table["end"])]
    (found,) = find_lookups([*columns, candidate("miles", table["miles"], category=False)], who, HOLDERS)
    assert "lone" not in set(table["end"][found.rows])


def test_one_person_with_many_records_does_not_undo_it() -> None:
    table = trips(60)
    who = np.repeat(np.arange(60), 10)
    other = pd.DataFrame({"who": "P0000", "miles": 7, "start": table["start"][0], "end": [table["end"][0]] * 300})
    table, who = pd.concat([table, other], ignore_index=True), np.r_[who, np.zeros(300, dtype=np.int64)]
    columns = [candidate("start", table["start"]), candidate("end", table["end"])]
    found = find_lookups([*columns, candidate("miles", table["miles"], category=False)], who, HOLDERS)
    assert [each.column for each in found] == ["miles"]


def test_of_two_columns_that_determine_each_other_the_second_is_looked_up() -> None:
    table = trips(60)
    columns = [candidate("end", table["end"]), candidate("name", "at " + table["end"])]
    (found,) = find_lookups(columns, np.repeat(np.arange(60), 10), HOLDERS)
    assert (found.column, found.sources) == ("name", ("end",))
