"""Conditions are met by every record, and the other columns follow the law that they have given the conditions."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synth.errors import ConditionError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema

RECORDS = 4000
QUANTITIES = ("age", "income", "gain", "joined")


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fit(people(), schema(), FAST, Rng(0))


def law(n: int, seed: int) -> pd.DataFrame:
    """`group` follows `x` and `side`; `y` follows `side`; `x` is uniform from 0 to 99."""
    r = np.random.default_rng(seed)
    x = r.integers(0, 100, n)
    side = r.choice(["left", "right"], n)
    often = np.where((x >= 25) & (x < 65) & (side == "left"), 0.9, 0.1)
    group = np.where(r.random(n) < often, "in", "out")
    y = np.round(r.normal(np.where(side == "left", 0.0, 4.0), 1.0), 3)
    return pd.DataFrame({"x": x, "side": side, "group": group, "y": y})


@pytest.fixture(scope="module")
def lawful() -> TrainedModel:
    kinds = {"x": ColumnKind.NUMERICAL, "y": ColumnKind.NUMERICAL}
    spec = TableSchema(
        columns=tuple(
            ColumnSpec(name=n, kind=kinds.get(n, ColumnKind.CATEGORICAL)) for n in ("x", "side", "group", "y")
        )
    )
    return fit(law(RECORDS, 0), spec, FAST.with_(steps=500, batch=500, width=64, look_every=100), Rng(0))


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, str | Range]:
    table = people()
    wanted: dict[str, str | Range] = {}
    for name in draw(st.lists(st.sampled_from(QUANTITIES), min_size=1, max_size=4, unique=True)):
        shares = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
        ends = [table[name].dropna().quantile(share, interpolation="nearest") for share in shares]
        ends = [None if draw(st.integers(0, 9)) == 0 else end for end in ends]
        wanted[name] = Range(*ends)
    for name, categories in {"sex": ["f", "m"], "city": ["Ulm", "Jena"], "flag": ["0", "1"]}.items():
        if draw(st.booleans()):
            wanted[name] = draw(st.sampled_from(categories))
    return wanted


@settings(max_examples=25, deadline=None)
@given(conditions(), st.integers(0, 1000))
@pytest.mark.filterwarnings("ignore::synth.errors.ConditionWarning")
def test_every_record_meets_any_set_of_conditions(
    model: TrainedModel, wanted: dict[str, str | Range], seed: int
) -> None:
    try:
        drawn = sample(model, 60, Rng(seed), conditions=wanted)
    except ConditionError:
        assume(False)
    assert len(drawn) == 60
    for name, one in wanted.items():
        column = drawn[name]
        if isinstance(one, Range):
            assert column.notna().all()
            assert one.low is None or (column >= one.low).all()
            assert one.high is None or (column <= one.high).all()
        else:
            assert (column.astype(str) == one).all()
    assert {name: drawn[name].dtype for name in drawn} == {name: people()[name].dtype for name in drawn}


@pytest.mark.parametrize(
    ("low", "high", "side"), [(30, 60, None), (30, 60, "left"), (0, 19, None), (70, 99, "left"), (41, 41, "left")]
)
def test_the_other_columns_are_as_in_the_records_that_meet_the_conditions(
    lawful: TrainedModel, low: int, high: int, side: str | None
) -> None:
    real = law(200_000, 1)
    real = real[real["x"].between(low, high) & ((real["side"] == side) | (side is None))]
    wanted: dict[str, str | Range] = {"x": Range(low, high)} | ({"side": side} if side else {})
    drawn = sample(lawful, 4000, Rng(2), conditions=wanted)
    for name in ("side", "group"):
        shares = [frame[name].value_counts(normalize=True) for frame in (drawn, real)]
        assert shares[0].sub(shares[1], fill_value=0.0).abs().max() < 0.12, name
    assert abs(drawn["x"].mean() - real["x"].mean()) < 0.1 * (high - low) + 1e-9
    assert drawn["y"].mean() == pytest.approx(real["y"].mean(), abs=0.5)


def test_conditions_change_little_of_what_the_model_holds_together(lawful: TrainedModel) -> None:
    """Sampling under a condition is the same as sampling without and keeping the records that meet it."""
    free = sample(lawful, 40_000, Rng(3))
    kept = free[free["x"].between(33, 47) & (free["group"] == "in")]
    drawn = sample(lawful, len(kept), Rng(4), conditions={"x": Range(33, 47), "group": "in"})
    assert len(kept) > 1000
    error = 5 * np.sqrt(0.5 / len(kept))
    for name in ("side", "x"):
        shares = [frame[name].value_counts(normalize=True) for frame in (drawn, kept)]
        assert shares[0].sub(shares[1], fill_value=0.0).abs().max() < error, name
    assert abs(drawn["y"].mean() - kept["y"].mean()) < error * kept["y"].std()


def test_a_given_target_is_met_by_the_records_that_its_trees_give_it() -> None:
    """Trees draw the target from the others: records under a condition on it are as those kept from a free sample."""
    r = np.random.default_rng(0)
    x, side = r.integers(0, 100, 3000), r.choice(["left", "right"], 3000)
    paid = np.where(r.random(3000) < np.where((x >= 50) & (side == "left"), 0.8, 0.05), "yes", "no")
    spec = TableSchema(
        columns=(
            ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
            ColumnSpec(name="side", kind=ColumnKind.CATEGORICAL),
            ColumnSpec(name="paid", kind=ColumnKind.CATEGORICAL, role=ColumnRole.TARGET),
        )
    )
    table = pd.DataFrame({"x": x, "side": side, "paid": paid})
    trained = fit(table, spec, FAST.with_(steps=60), Rng(0))
    assert trained.chain.target is not None
    free = sample(trained, 30_000, Rng(1))
    for low in (0, 30):
        kept = free[(free["paid"] == "yes") & (free["x"] >= low)]
        drawn = sample(trained, 4000, Rng(2), conditions={"paid": "yes", "x": Range(low, None)})
        assert (drawn["paid"] == "yes").all()
        error = 5 * np.sqrt(0.25 / len(kept) + 0.25 / len(drawn))
        for share in (lambda t: t["side"] == "left", lambda t: t["x"] >= 50, lambda t: t["x"] >= 80):
            assert share(drawn).mean() == pytest.approx(share(kept).mean(), abs=error)


def test_a_part_of_a_column_is_filled_as_the_model_fills_it(lawful: TrainedModel) -> None:
    drawn = sample(lawful, 6000, Rng(5), conditions={"x": Range(17, 26)})["x"]
    assert set(drawn) == set(range(17, 27))
    assert drawn.value_counts(normalize=True).between(0.05, 0.17).all()


def test_conditions_that_a_dependency_rules_out_are_refused() -> None:
    r = np.random.default_rng(0)
    a = r.choice(["a0", "a1"], 3000)
    x = np.where(a == "a0", r.integers(0, 50, 3000), r.integers(50, 100, 3000))
    spec = TableSchema(
        columns=(
            ColumnSpec(name="a", kind=ColumnKind.CATEGORICAL),
            ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
        )
    )
    trained = fit(pd.DataFrame({"a": a, "x": x}), spec, FAST.with_(steps=200), Rng(0))
    with pytest.raises(ConditionError, match="'x' and 'a'"):
        sample(trained, 300, Rng(1), conditions={"a": "a0", "x": Range(60, 70)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample(trained, 300, Rng(1), conditions={"a": "a1", "x": Range(60, 70)})
        sample(trained, 300, Rng(1))


@pytest.mark.parametrize(
    "wanted",
    [
        {"age": Range(500, 600)},
        {"joined": Range("1950-01-01", "1950-12-31")},
        {"person": "P00001"},
        {"sex": Range(0, 1)},
    ],
    ids=str,
)
def test_what_the_model_may_not_emit_is_refused_by_name(model: TrainedModel, wanted: dict[str, str | Range]) -> None:
    with pytest.raises(ConditionError, match=next(iter(wanted))):
        sample(model, 5, Rng(0), conditions=wanted)


def test_a_protected_extreme_cannot_be_asked_for() -> None:
    table = people()
    table.loc[0, "age"] = 117
    trained = fit(table, schema(), FAST.with_(steps=5), Rng(0))
    with pytest.raises(ConditionError, match="age"):
        sample(trained, 5, Rng(0), conditions={"age": Range(100, None)})


def test_pairs_that_the_model_keeps_are_those_that_enough_records_have() -> None:
    table = pd.DataFrame({"a": ["u"] * 40 + ["v"] * 40, "b": ["p"] * 40 + ["p"] * 4 + ["q"] * 36})
    spec = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL) for n in "ab"))
    kept = fit(table, spec, FAST.with_(steps=2), Rng(0)).together
    assert kept is not None
    # codes: u, v by frequency and name; p, q
    assert kept[:2, 2:].tolist() == [[True, False], [False, True]], "four records are too few to be told"
    every = fit(table, spec, FAST.with_(steps=2, protect=False), Rng(0)).together
    assert every is not None
    assert every[:2, 2:].tolist() == [[True, False], [True, True]]
    people_too = people(100).assign(person=[f"P{i % 30}" for i in range(100)])
    person = ColumnSpec(name="person", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
    with_person = TableSchema(columns=(person, *schema().columns[1:]))
    by_people = fit(people_too, with_person, FAST.with_(steps=2), Rng(0))
    assert by_people.sequences is not None
    assert by_people.records == 30, "pairs are counted in people"
