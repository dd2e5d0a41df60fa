"""Completing, imputing, changing, scoring and mixing: what was given stays, and the rest follows from it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synth.chain.dependency import no_dependencies
from synth.chain.forest import no_forest
from synth.errors import ColumnsWarning, ConditionError, SynthError, TableError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.augment import augmented
from synth.sampling.mix import mixed_source, sample_mix
from synth.sampling.sample import sample
from synth.table.mix import Augment, Mix
from synth.table.ranges import AnyOf, Presence, Range
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.impute import impute, impute_with, pooled_means
from synth.uses.odd import odd
from tests.synth.tables_about_people import FAST

CITIES = {"Bern": "CH", "Genf": "CH", "Wien": "AT", "Graz": "AT"}
KINDS = {"id": ColumnKind.IDENTIFIER, "age": ColumnKind.NUMERICAL, "pay": ColumnKind.NUMERICAL}


def law(n: int, seed: int) -> pd.DataFrame:
    """`job` follows `level`, `pay` follows `job`, `country` is that of `city`; `age` follows nothing."""
    r = np.random.default_rng(seed)
    level, city = r.choice(["low", "high"], n), r.choice(list(CITIES), n)
    job = np.where(
        r.random(n) < 0.9, np.where(level == "high", "desk", "hall"), np.where(level == "high", "hall", "desk")
    )
    pay = np.round(np.where(job == "desk", 50.0, 20.0) + r.normal(0, 4, n), 1)
    pay[r.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "id": [f"P{i:05d}" for i in range(n)],
            "level": level,
            "job": job,
            "city": city,
            "country": [CITIES[each] for each in city],
            "age": r.integers(18, 80, n),
            "pay": pay,
        }
    )


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    columns = tuple(ColumnSpec(name=n, kind=KINDS.get(n, ColumnKind.CATEGORICAL)) for n in law(1, 0))
    return fit(law(2500, 0), TableSchema(columns=columns), FAST.with_(steps=60), Rng(0))


@pytest.fixture(scope="module")
def longer(model: TrainedModel) -> TrainedModel:
    """The same, trained for long enough to know how the job follows from the level."""
    return fit(law(2500, 0), model.schema, FAST.with_(steps=200), Rng(0))


@pytest.fixture(scope="module")
def holed() -> tuple[pd.DataFrame, np.ndarray]:
    table = law(600, 1)
    table["pay"] = table["pay"].clip(14, 56)  # ends that few have are not emitted
    gaps = np.random.default_rng(2).random(table.shape) < 0.3
    gaps[:, 0] = False
    return table, gaps


def test_given_cells_stay_and_the_others_follow_from_them(model: TrainedModel, holed) -> None:
    table, gaps = holed
    one, other = complete(model, table.mask(gaps), Rng(1), times=2)
    for done in (one, other):
        for place, name in enumerate(table):
            there = ~gaps[:, place] & table[name].notna()
            assert (done[name][there] == table[name][there]).all(), "a given cell is another one"
        assert (done["country"] == done["city"].map(CITIES)).all()
    drawn = gaps[:, table.columns.get_loc("job")] & ~gaps[:, table.columns.get_loc("level")]
    follows = one["job"] == one["level"].map({"high": "desk", "low": "hall"})
    assert follows[drawn].mean() == pytest.approx(0.9, abs=0.12)
    assert not one.equals(other)


def test_columns_that_are_not_there_are_drawn(model: TrainedModel) -> None:
    (done,) = complete(model, pd.DataFrame({"country": ["CH"] * 300, "job": ["desk"] * 300}), Rng(1))
    assert list(done) == list(model.schema.names)
    assert set(done["city"]) == {"Bern", "Genf"}
    assert done["pay"].mean() == pytest.approx(50, abs=4)
    assert done["pay"].isna().mean() == pytest.approx(0.1, abs=0.08)
    assert done["id"].is_unique


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pd.DataFrame({"job": ["desk"], "salary": [1]}), "1 others"),
        (pd.DataFrame({"job": ["secret-job"]}), "'job'"),
        (pd.DataFrame({"job": []}), "one record"),
    ],
)
def test_what_the_model_does_not_know_is_refused_without_a_cell(model: TrainedModel, table, says: str) -> None:
    with pytest.raises(TableError, match=says) as caught:
        complete(model, table, Rng(0))
    assert "secret" not in str(caught.value)


def test_who_completes_the_training_file_is_not_refused_for_its_extremes(model: TrainedModel) -> None:
    """Few people have the extremes of `pay`, so the model emits none of them. They stay, and count as its ends."""
    table = law(2500, 0)
    ends = sample(model, 3000, Rng(0))["pay"]
    beyond = ((table["pay"] < ends.min()) | (table["pay"] > ends.max())).to_numpy()
    assert beyond.any()
    some = table[beyond].assign(pay=lambda each: each["pay"] * 10 if each["pay"].iloc[0] > 40 else each["pay"])
    (done,) = complete(model, some.assign(job=None), Rng(1))
    assert (done["pay"].to_numpy() == some["pay"].to_numpy()).all()
    (rich,) = complete(model, pd.DataFrame({"pay": [500_000.0] * 200}), Rng(1))
    assert (rich["pay"] == 500_000.0).all()
    assert (rich["job"] == "desk").mean() > 0.8, "as of who earns the most that the model knows"
    changed = change(model, table[beyond], {"country": "CH"}, Rng(1))
    kept = changed["job"].to_numpy() == table[beyond]["job"].to_numpy()
    assert (changed["pay"].to_numpy()[kept] == table[beyond]["pay"].to_numpy()[kept]).mean() > 0.8


def test_missing_cells_are_filled_with_their_uncertainty(model: TrainedModel, holed) -> None:
    table, gaps = holed
    found = impute_with(model, table.mask(gaps), Rng(3), times=4)
    learnt = [name for name in table if name != "id"]
    assert all(done[learnt].notna().all(axis=None) for done in found.tables)
    missing = table[learnt].mask(gaps[:, 1:]).isna()
    assert len(found.cells) == int(missing.to_numpy().sum())
    looked_up = found.cells[(found.cells["column"] == "country")].set_index("record")["uncertainty"]
    sure = [row for row in looked_up.index if not gaps[row, table.columns.get_loc("city")]]
    assert (looked_up[sure] == 0).all(), "what another column determines is certain"
    pay = next(each for each in found.means if each.column == "pay")
    assert pay.low < 35 < pay.high
    with pytest.raises(TableError, match="missing cells"):
        impute_with(model, found.tables[0], Rng(3))


def test_a_table_that_cannot_be_imputed_is_refused_before_a_training(model: TrainedModel) -> None:
    def train(*_: object) -> TrainedModel:
        raise AssertionError("nothing is to be trained")

    table = law(120, 4)
    with pytest.raises(TableError, match="missing cells"):
        impute(table.assign(id=None, pay=1.0), model.schema, Rng(0), train=train)
    several = table.assign(id=[f"P{i // 2}" for i in range(120)])
    people = model.schema.with_roles(person="id")
    with pytest.raises(TableError, match=r"column 'id': .* people with several: name no person column"):
        impute(several, people, Rng(0), train=train)
    few = table.assign(id=[f"P{max(i, 10)}" for i in range(120)])
    for taken, schema in ((several, model.schema), (table, people), (few, people)):
        with pytest.raises(AssertionError):
            impute(taken, schema, Rng(0), train=train)


def test_pooled_means_follow_rubins_rules() -> None:
    """Worked by hand: W = 1/3 of a variance of 1, B = 1, T = W + 1.5 B."""
    tables = [pd.DataFrame({"x": [0.0, 1.0, 2.0]}), pd.DataFrame({"x": [0.0, 1.0, 2.0]}) + np.sqrt(2)]
    (found,) = pooled_means(tables, pd.DataFrame({"x": [True, True, False]}))
    assert found.mean == pytest.approx(1 + np.sqrt(0.5))
    assert found.error == pytest.approx(np.sqrt(1 / 3 + 1.5))
    assert found.missing == pytest.approx(1 / 3)


def test_a_change_is_followed_by_what_depends_on_it_and_by_nothing_else(model: TrainedModel) -> None:
    before = sample(model, 800, Rng(5))
    after = change(model, before, {"level": "high"}, Rng(6))
    assert (after["level"] == "high").all()
    was = before["level"] == "high"
    assert after[was].equals(before[was]), "records that are so already are as they were"
    free = before[was]["job"].value_counts(normalize=True)["desk"]
    assert after["job"].value_counts(normalize=True)["desk"] == pytest.approx(free, abs=0.12)
    assert (after["age"] == before["age"]).mean() > 0.8
    moved = change(model, before, {"country": "CH"}, Rng(6))
    assert set(moved["city"]) <= {"Bern", "Genf"}
    with pytest.raises(ConditionError):
        change(model, before, {"id": "P00001"}, Rng(6))


def test_a_value_beyond_the_range_of_the_model_is_not_taken_for_one_that_is_asked_for(model: TrainedModel) -> None:
    table = law(40, 3).assign(age=[*[130] * 20, *[70] * 20])
    changed = change(model, table, {"age": Range(60, 100)}, Rng(0))
    assert changed["age"].between(60, 100).all()
    assert (changed["age"][20:] == 70).all(), "what is as asked stays"


def test_columns_that_tell_each_other_follow_a_change_together(longer: TrainedModel) -> None:
    """The job tells the pay and the pay tells the job: neither holds the other back."""
    before = law(2000, 5)
    after = change(longer, before, {"level": "high"}, Rng(6))
    was = (before["level"] == "high").to_numpy()
    assert after[was].equals(before[was])
    asked = sample(longer, 2000, Rng(3), conditions={"level": "high"})
    assert (after["job"][~was] == "desk").mean() == pytest.approx((asked["job"] == "desk").mean(), abs=0.08)
    paid = after[~was & after["pay"].notna()]
    assert ((paid["pay"] > 35) == (paid["job"] == "desk")).mean() > 0.95
    assert after[~was]["pay"].isna().mean() == pytest.approx(0.1, abs=0.06)
    stayed = (after["job"] == before["job"])[~was] & before["pay"].notna()[~was]
    assert (after["pay"] == before["pay"])[~was][stayed].mean() > 0.8, "who keeps the job keeps what it pays"
    assert (after[["city", "country", "age"]] == before[["city", "country", "age"]]).all(axis=1).mean() > 0.9


def test_the_same_seed_changes_the_same_cells(model: TrainedModel) -> None:
    before = law(200, 8)
    one, other = (change(model, before, {"level": "high"}, Rng(seed)) for seed in (6, 6))
    pd.testing.assert_frame_equal(one, other)


def test_records_that_do_not_hang_together_are_odd(model: TrainedModel) -> None:
    usual = law(300, 7)
    usual["job"] = usual["level"].map({"high": "desk", "low": "hall"})
    usual["pay"] = np.where(usual["job"] == "desk", 50.0, 20.0)
    broken = usual.head(30).copy()
    broken["country"] = broken["country"].map({"CH": "AT", "AT": "CH"})
    found = odd(model, pd.concat([usual.iloc[30:], broken], ignore_index=True), Rng(0))
    assert set(found.to_frame()["record"].head(30)) == set(range(270, 300))
    assert all("country" in said or "city" in said for said in found.reasons()[270:])


def test_a_score_says_how_many_columns_it_looks_at(model: TrainedModel) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ColumnsWarning)
        assert set(odd(model, law(50, 8), Rng(0)).columns) == {"level", "job", "city", "country", "age", "pay"}
    short = replace(model, chain=replace(model.chain, forest=no_forest()))
    with pytest.warns(ColumnsWarning, match="redraws 1 of 6 columns"):
        found = odd(short, law(50, 8), Rng(0))
    assert found.columns == ("country",)
    with pytest.raises(TableError, match="redraws none"):
        odd(replace(short, chain=replace(short.chain, dependencies=no_dependencies())), law(50, 8), Rng(0))


def test_a_mix_is_exact_in_each_column(longer: TrainedModel) -> None:
    mixed = [Mix.parse("level=low:0.25,high:0.75"), Mix.parse("country=CH:0.9,AT:0.1")]
    drawn = sample_mix(longer, 403, Rng(1), mixed)
    assert drawn["level"].value_counts().to_dict() == {"high": 302, "low": 101}
    assert drawn["country"].value_counts().to_dict() == {"CH": 363, "AT": 40}
    assert drawn["id"].is_unique
    assert drawn["job"].value_counts(normalize=True)["desk"] == pytest.approx(0.7, abs=0.12)


def test_a_cell_of_too_few_training_people_stays_empty_whatever_the_shares_are(model: TrainedModel) -> None:
    mixed = [Mix.parse("level=low:0.25,high:0.75"), Mix.parse("country=CH:0.9,AT:0.1")]
    behind = np.array([300, 4, 300, 300])  # four have low and AT
    source = mixed_source(model, 400, Rng(1), mixed, {}, behind=behind)
    drawn = model.encoder.decode(source.draw(0)[0], source.decoding(0))
    assert drawn.groupby(["level", "country"]).size().to_dict() == {
        ("high", "AT"): 40,
        ("high", "CH"): 260,
        ("low", "CH"): 100,
    }
    with pytest.raises(ConditionError, match="columns 'level', 'country'"):
        mixed_source(model, 400, Rng(1), mixed, {}, behind=np.array([4, 4, 300, 300]))
    with pytest.raises(ConditionError, match="few people"):
        mixed_source(model, 400, Rng(1), mixed[:1], {}, behind=np.array([4, 300]))


@pytest.mark.parametrize(
    "texts",
    [
        ["level=low:0.5,high:0.6"],
        ["level=low:0.5,other:0.5"],
        ["level=low:nan,high:1"],
        ["level=low:1", "level=low:1"],
        ["id=P00001:1"],
        ["nothing"],
        ["city & country=Bern & AT:1"],
    ],
    ids=str,
)
def test_a_mix_that_cannot_be_is_refused(model: TrainedModel, texts: list[str]) -> None:
    with pytest.raises(SynthError):
        sample_mix(model, 100, Rng(0), [Mix.parse(text) for text in texts])


def test_a_mix_that_aims_at_few_people_is_refused(model: TrainedModel) -> None:
    """About 3 of 10,000 records have the combination, of 2,500 that were learnt."""
    table = law(2500, 0).drop(columns="id")
    table["mark"] = np.where(np.arange(2500) < 60, "rare", "usual")
    table.loc[:59, "level"] = "low"
    columns = tuple(ColumnSpec(name=n, kind=KINDS.get(n, ColumnKind.CATEGORICAL)) for n in table)
    trained = fit(table, TableSchema(columns=columns), FAST.with_(steps=60), Rng(0))
    with pytest.raises(ConditionError, match="few people"):
        sample_mix(trained, 100, Rng(0), [Mix.parse("mark & level=rare & high:0.5,usual & low:0.5")])


def test_sets_and_missing_values_are_conditions(model: TrainedModel) -> None:
    drawn = sample(model, 500, Rng(1), conditions={"city": AnyOf(("Bern", "Graz")), "pay": Presence.MISSING})
    assert set(drawn["city"]) == {"Bern", "Graz"}
    assert drawn["pay"].isna().all()
    assert sample(model, 500, Rng(1), conditions={"pay": Presence.PRESENT})["pay"].notna().all()
    for wanted in ({"level": Presence.MISSING}, {"id": Presence.MISSING}, {"city": AnyOf(())}, {"city": AnyOf(("x",))}):
        with pytest.raises(ConditionError, match=next(iter(wanted))):
            sample(model, 5, Rng(1), conditions=wanted)


def test_more_of_a_class_comes_beside_a_table_of_the_usual_size(model: TrainedModel) -> None:
    rows, mix = augmented(model, 400, Augment.parse("level=high:0.8"))
    high = round(400 * float((law(2500, 0)["level"] == "high").mean()))
    assert rows == pytest.approx(400 + (0.8 * 400 - high) / 0.2, abs=10)
    drawn = sample_mix(model, rows, Rng(1), [mix])
    assert drawn["level"].value_counts()["high"] / rows == pytest.approx(0.8, abs=1 / rows)
    for text in ("level=high:0.1", "age=30:0.5", "level=other:0.5", "pay=1:0.9"):
        with pytest.raises(ConditionError):
            augmented(model, 400, Augment.parse(text))
    assert augmented(model, 400, Augment.parse("level=high:0.1"), counted=True)[0] == 400
