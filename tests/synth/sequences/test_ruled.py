"""Rules between the columns of people with several records."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.errors import ConditionError, RuleError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.kept import BROKEN, KEPT, kept_by
from synth.rules.text import parse_rules
from synth.sampling.sample import sample, sample_batches
from synth.sequences.ruled import RuledPeople, rule_people
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.table.source import FrameTable
from synth.training.fit import fit
from tests.synth.sequences.visits import SCHEMA, visits
from tests.synth.tables_about_people import FAST

KINDS = {
    **dict.fromkeys(("left", "registered"), ColumnKind.DATETIME),
    **dict.fromkeys(("drugs", "care", "bill", "pieces", "price", "line", "day", "night"), ColumnKind.NUMERICAL),
    **dict.fromkeys(("town", "land", "smoker"), ColumnKind.CATEGORICAL),
    "packs": ColumnKind.NUMERICAL,
}
RULED = TableSchema(
    columns=(*SCHEMA.columns, *(ColumnSpec(name=name, kind=kind) for name, kind in KINDS.items()))
).with_roles(order="at")
RULES = (
    "at <= left",
    "registered <= at",
    "bill = drugs + care",
    "line = pieces * price",
    "one_hot(day, night)",
    "combination(town, land)",
    "missing(packs) if smoker = no",
    "40 <= weight <= 110",
)


def ruled_visits(people: int, seed: int = 0) -> pd.DataFrame:
    """`visits` with columns that keep rules; a person's town, registration and smoking do not change."""
    r = np.random.default_rng(seed)
    table = visits(people, seed)
    n, who = len(table), pd.factorize(table["patient"])[0]
    drugs, care = (np.round(r.gamma(2, scale, n) + 0.01, 2) for scale in (100, 50))
    pieces, price, day = r.integers(1, 9, n), r.choice([4.99, 9.99, 19.5], n), r.integers(0, 2, n)
    towns = r.choice(["Ulm", "Bonn", "Graz"], people)
    smoker = r.choice(["no", "yes"], people)[who]
    first = table.groupby("patient")["at"].transform("min").dt.normalize()
    return table.assign(
        left=table["at"] + pd.to_timedelta(r.geometric(0.3, n), unit="h"),
        registered=first - pd.to_timedelta(r.integers(0, 300, people)[who], unit="D"),
        drugs=drugs,
        care=care,
        bill=np.round(drugs + care, 2),
        pieces=pieces,
        price=price,
        line=np.round(pieces * price, 2),
        day=day,
        night=1 - day,
        town=towns[who],
        land=np.where(towns == "Graz", "Austria", "Germany")[who],
        smoker=smoker,
        packs=np.where(smoker == "yes", r.integers(1, 40, n), np.nan),
    )


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    return ruled_visits(400)


@pytest.fixture(scope="module")
def model(real: pd.DataFrame) -> TrainedModel:
    return fit(real, RULED.with_rules(*RULES, find=False), FAST.with_(steps=5), Rng(0))


@pytest.fixture(scope="module")
def made(model: TrainedModel) -> pd.DataFrame:
    return sample(model, 700, Rng(1))


def ruled(table: pd.DataFrame, *rules: str, find: bool = False) -> RuledPeople:
    found = rule_people(FrameTable(table), RULED.with_rules(*rules, find=find), TrainConfig(device="cpu"), Rng(0))
    assert found is not None
    return found


def test_every_record_of_every_person_keeps_each_rule(real: pd.DataFrame, made: pd.DataFrame) -> None:
    cells = {name: made[name] for name in made}
    found = {text: kept_by(rule, cells) for text, rule in zip(RULES, parse_rules(RULES), strict=True)}
    assert {text: bool((kept != BROKEN).all() and (kept == KEPT).any()) for text, kept in found.items()} == (
        dict.fromkeys(RULES, True)
    )
    assert set(zip(made["town"], made["land"], strict=True)) <= set(zip(real["town"], real["land"], strict=True))
    assert {name: made[name].dtype for name in made} == {name: real[name].dtype for name in real}


def test_what_is_constant_and_what_ascends_stay_so_beside_rules(model: TrainedModel, made: pd.DataFrame) -> None:
    constant = ["sex", "born", "registered", "town", "land", "smoker"]
    assert (made.groupby("patient")[constant].nunique() == 1).all(axis=None)
    same = (made["patient"] == made["patient"].shift()).to_numpy()
    assert (made["at"].diff()[same] >= pd.Timedelta(0)).all()
    assert (made["left"] - made["at"]).dt.total_seconds().lt(86400).mean() > 0.9
    assert model.of_records.schema.names == RULED.names


def test_batches_and_a_saved_model_give_the_same_records(
    model: TrainedModel, made: pd.DataFrame, tmp_path: Path
) -> None:
    batches = pa.Table.from_batches(list(sample_batches(model, 700, Rng(1)))).to_pandas()
    assert (batches.astype(str) == made.astype(str)).all(axis=None)
    save(model, tmp_path)
    assert sample(load(tmp_path), 700, Rng(1)).equals(made)
    kept = json.loads((tmp_path / "model.json").read_text())["rules"]["rules"]
    assert {each["rule"] for each in kept} == set(RULES)


def test_conditions_are_met_on_what_follows_from_no_other_column(model: TrainedModel) -> None:
    drawn = sample(model, 100, Rng(2), conditions={"land": "Austria", "sex": "f"})
    assert set(drawn["town"]) == {"Graz"}
    assert set(drawn["sex"]) == {"f"}
    with pytest.raises(ConditionError, match="column 'ward': expected a column that is constant for a person"):
        sample(model, 10, Rng(2), conditions={"ward": "north"})
    with pytest.raises(ConditionError, match=r"column 'registered'.* follows from 'at' by a rule"):
        sample(model, 10, Rng(2), conditions={"registered": Range("2020-01-01", "2020-02-01")})
    with pytest.raises(ConditionError, match="'town'"):
        sample(model, 10, Rng(2), conditions={"land": "Austria", "town": "Ulm"})


def test_rules_are_found_and_an_order_that_ascends_stays_ascending() -> None:
    table = ruled_visits(400, seed=3).sort_values(["patient", "at"])
    table["until"] = table.groupby("patient")["at"].shift(-1).fillna(table["at"] + pd.Timedelta(days=9))
    schema = TableSchema(columns=(*RULED.columns, ColumnSpec(name="until", kind=ColumnKind.DATETIME)))
    found = rule_people(FrameTable(table.reset_index(drop=True)), schema, TrainConfig(device="cpu"), Rng(0))
    assert found is not None
    texts = {each.rule for each in found.rules.rules}
    assert set(parse_rules(["left < until", "bill = drugs + care", "one_hot(day, night)"])) <= texts
    learnt = {name: found.learnt.column(name) for name in found.learnt_schema.names}
    shuffled = {**learnt, "until": learnt["until"].sample(frac=1, random_state=0).reset_index(drop=True)}
    order = found.outline.rows
    rows = {name: column.iloc[order].reset_index(drop=True) for name, column in shuffled.items()}
    back = found.rules.restore(rows, found.schema, people=found.outline.who)
    same = np.diff(found.outline.who, prepend=-1) == 0
    assert (back["until"].diff()[same] >= pd.Timedelta(0)).all()
    assert (back["at"] < back["until"]).all()


def test_the_order_column_takes_part_in_rules_but_is_made_from_nothing() -> None:
    table = ruled_visits(100)
    assert ruled(table, "at <= left").outline.order == "at"
    table["later"] = table["at"] + pd.Timedelta(days=1)
    schema = TableSchema(columns=(*RULED.columns, ColumnSpec(name="later", kind=ColumnKind.DATETIME)))
    found = rule_people(
        FrameTable(table), schema.with_rules("at = later - 1", find=False), TrainConfig(device="cpu"), Rng(0)
    )
    assert found is not None
    assert [step.columns for step in found.rules.steps] == [("later",)]
    with pytest.raises(RuleError, match="'at' orders the records of a person"):
        ruled(table, "missing(at) if smoker = maybe")
    with pytest.raises(RuleError, match="column 'land' is constant for a person, and the others"):
        ruled(table.assign(ward=table["ward"].astype(object)), "combination(ward, land)")


def test_a_rule_does_not_tell_of_one_person_whatever_number_of_records_breaks_it() -> None:
    table = ruled_visits(400)
    breaker = pd.concat([table.iloc[[0]]] * 500).assign(
        patient="lone", bill=1.234567, day=1, night=1, left=table["at"].min() - pd.Timedelta(days=900)
    )
    both = pd.concat([table, breaker], ignore_index=True)
    without, beside = (ruled(each, find=True) for each in (table, both))
    assert {each.rule for each in beside.rules.rules} == {each.rule for each in without.rules.rules}
    for one, other in zip(without.rules.steps, beside.rules.steps, strict=True):
        assert (one.columns, type(one)) == (other.columns, type(other))
        if hasattr(one, "shown"):
            assert one.shown.per == other.shown.per
    declared = ruled(both, "bill = drugs + care", "one_hot(day, night)", "at <= left")
    assert len(declared.rules.rules) == 3
