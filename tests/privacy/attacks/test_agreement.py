"""Near and partial copies of people of train, planted into otherwise fresh rows of Adult; fresh rows stay silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from privacy import pairs
from privacy.attacks.agreement import agreement
from privacy.attacks.replay import replay
from privacy.canonical import canonical
from privacy.cells import Cells, cells_of
from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus
from privacy.linkage import link
from privacy.pairs import near_pairs
from privacy.threat import AuditTables
from synth.detect.propose import propose_schema
from tests.privacy import adult
from tests.privacy.attacks.awkward import awkward, copied, fresh, seen
from tests.privacy.attacks.draws import most_alarms

KEYS = ("agreement.excess_surest", "agreement.excess_parts", "agreement.excess_all_but_two")
SUREST, WIDE, LEFT_OUT = KEYS
PAIRS = "agreement.excess_near_pairs"
METRE = 1 / 111_000
"""In degrees of latitude."""
VALUES = "replay.excess_values"
LIMITS = {SUREST: 0.005, LEFT_OUT: 0.005, WIDE: 0.02, VALUES: 0.02}


def findings(evidence) -> dict[str, Finding]:
    return {f.key: f for f in (*replay(evidence), *agreement(evidence, np.random.default_rng(0)))}


@cache
def small() -> Evidence:
    return seen(fresh(120))


def measured(tables: AuditTables) -> dict[str, Finding]:
    """The findings on everybody. Distances, which take most of the time and are not looked at, are those of others."""
    train, holdout, synthetic = cells_of([tables.train, tables.holdout], [tables.synthetic], tables.schema)
    return findings(
        replace(
            small(),
            train_keys=canonical(tables.train, tables.schema),
            holdout_keys=canonical(tables.holdout, tables.schema),
            synthetic_keys=canonical(tables.synthetic, tables.schema),
            train_cells=train,
            holdout_cells=holdout,
            synthetic_cells=synthetic,
            links=link(train, holdout, synthetic),
        )
    )


def people(tables: AuditTables, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """This share of train, and as many fresh rows."""
    n = round(share * len(tables.train))
    return tables.train.iloc[:n].reset_index(drop=True), tables.synthetic.iloc[:n].reset_index(drop=True)


def put(tables: AuditTables, rows: pd.DataFrame) -> AuditTables:
    return adult.with_synthetic(tables, pd.concat([rows, tables.synthetic.iloc[len(rows) :]]))


def one_unit_off(tables: AuditTables) -> AuditTables:
    rows, _ = people(tables, 0.01)
    names = [name for name in rows.columns if rows[name].dtype != object]
    for i in range(len(rows)):
        rows.loc[i, names[i % len(names)]] += 1
    return put(tables, rows)


def one_column_blank(tables: AuditTables) -> AuditTables:
    rows, _ = people(tables, 0.02)
    return put(tables, rows.assign(occupation=None))


def some_cells(tables: AuditTables, *, same: bool) -> AuditTables:
    """Ten cells of 5 % of the people and their income, the rest of fresh rows."""
    rows, others = people(tables, 0.05)
    rng = np.random.default_rng(1)
    names = np.array(rows.columns[:-1])
    fixed = rng.permutation(len(names))[:10]
    kept = np.zeros((len(rows), len(names)), dtype=bool)
    for row in kept:
        row[fixed if same else rng.permutation(len(names))[:10]] = True
    for place, name in enumerate(names):
        rows[name] = rows[name].where(kept[:, place], others[name])
    return put(tables, rows)


def column(change: Callable[[pd.Series], pd.Series]) -> Callable[[AuditTables], AuditTables]:
    def planted(tables: AuditTables) -> AuditTables:
        values = change(tables.train["fnlwgt"]).sample(frac=1, random_state=3).to_numpy()
        return adult.with_synthetic(tables, tables.synthetic.assign(fnlwgt=values))

    return planted


REVIEWED: dict[str, Callable[[AuditTables], AuditTables]] = {
    "1 % of the rows with a cell one unit off": one_unit_off,
    "2 % of the rows with one column blank": one_column_blank,
    "10 cells at random of 5 %": lambda tables: some_cells(tables, same=False),
    "the same 10 cells of 5 %": lambda tables: some_cells(tables, same=True),
}
BLOCKED: dict[str, Callable[[AuditTables], AuditTables]] = {
    "everybody's weight plus one": column(lambda weight: weight + 1),
    "everybody's weight plus 1,000": column(lambda weight: weight + 1_000),
    "everybody's weight times 1.01": column(lambda weight: weight * 1.01),
}


@cache
def base(seed: int) -> AuditTables:
    return adult.fresh(seed, n=5000, reference=100)


def beyond(found: dict[str, Finding]) -> set[str]:
    return {key for key, limit in LIMITS.items() if found[key].upper > limit}


@pytest.mark.parametrize("name", REVIEWED)
def test_near_and_partial_copies_are_proven_and_do_not_pass(name):
    found = measured(REVIEWED[name](base(41)))
    assert max(found[key].lower for key in KEYS) > 0
    assert beyond(found) & set(KEYS)


@pytest.mark.parametrize("name", BLOCKED)
def test_a_column_moved_alike_is_blocked(name):
    found = measured(BLOCKED[name](base(41)))
    assert found[VALUES].lower > 0.5


def test_a_dozen_verbatim_rows_are_proven():
    rows, _ = people(base(41), 12 / 5000)
    assert measured(put(base(41), rows))["replay.excess_records"].lower > 0


@pytest.mark.parametrize("draws", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_fresh_rows_stay_silent_and_within_the_limits(draws):
    alarms: dict[str, int] = dict.fromkeys(LIMITS, 0)
    doubts: dict[str, int] = dict.fromkeys(LIMITS, 0)
    for seed in range(draws):
        found = measured(base.__wrapped__(500 + seed))
        for key, limit in LIMITS.items():
            alarms[key] += found[key].lower > 0
            doubts[key] += found[key].upper > limit
    assert max(alarms.values()) <= most_alarms(draws)
    assert max(doubts[key] for key in KEYS) <= max(1, draws // 50)


def residents(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """People who live in twenty towns."""
    towns = np.random.default_rng(0).normal([45.0, 5.0], [3.0, 4.0], (20, 2))
    homes = towns[rng.integers(0, 20, n)] + rng.normal(0, 0.1, (n, 2))
    return pd.DataFrame(
        {"lat": homes[:, 0], "lon": homes[:, 1], "age": rng.integers(18, 90, n), "sex": rng.choice(["f", "m"], n)}
    )


def in_pairs(seed: int, *, share: float, metres: float) -> Finding:
    """The finding where this share of the synthetic records has a home of train, moved by about so many metres."""
    rng = np.random.default_rng(seed)
    train, holdout, synthetic = (residents(2500, rng) for _ in range(3))
    moved = round(share * len(train))
    noise = rng.normal(0, metres * METRE, (moved, 2))
    synthetic.loc[: moved - 1, ["lat", "lon"]] = train.loc[: moved - 1, ["lat", "lon"]].to_numpy() + noise
    tables = AuditTables(
        train=train, holdout=holdout, reference=None, synthetic=synthetic, schema=propose_schema(train)
    )
    return findings(gather(tables, np.random.default_rng(seed)))[PAIRS]


@pytest.mark.parametrize("metres", [0, 20, 100])
def test_homes_that_were_moved_a_little_are_found(metres):
    assert in_pairs(1, share=0.05, metres=metres).lower > 0


def test_fresh_homes_are_not_found_more_often_than_by_chance():
    found = [in_pairs(seed, share=0, metres=0) for seed in range(20)]
    assert sum(each.lower > 0 for each in found) <= most_alarms(20)
    assert max(each.upper for each in found) < LIMITS[WIDE]


def test_a_leak_of_one_pair_is_not_hidden_by_what_chance_finds_in_the_others():
    rng = np.random.default_rng(4)
    names = [f"x{i}" for i in range(8)]
    train, holdout, synthetic = (pd.DataFrame(rng.normal(size=(2500, 8)), columns=names) for _ in range(3))
    moved = train.loc[:124, names[:2]].to_numpy() + rng.normal(0, 0.002, (125, 2))
    leaking = synthetic.copy()
    leaking.loc[:124, names[:2]] = moved
    schema = propose_schema(train)
    for table, is_leak in ((leaking, True), (synthetic, False)):
        tables = AuditTables(train=train, holdout=holdout, reference=None, synthetic=table, schema=schema)
        found = findings(gather(tables, np.random.default_rng(0)))[PAIRS]
        assert (found.lower > 0) == is_leak
        assert found.details["maximum_over"] == 28


def test_in_other_units_homes_are_found_as_well():
    rng = np.random.default_rng(2)
    train, holdout, synthetic = (cells_of_homes(residents(1000, rng)) for _ in range(3))
    there = replace(synthetic, numbers={name: values.copy() for name, values in synthetic.numbers.items()})
    for name in there.numbers:
        there.numbers[name][:50] = train.numbers[name][:50]
    ((plain,), _) = near_pairs(train, holdout, there)
    ((scaled,), _) = near_pairs(*(in_other_units(each) for each in (train, holdout, there)))
    assert np.allclose(plain.train, scaled.train, atol=1e-6)
    assert (plain.train[:50] > 10).all()


def cells_of_homes(frame: pd.DataFrame) -> Cells:
    return Cells(columns={}, numbers={name: frame[name].to_numpy() for name in ("lat", "lon")}, size=len(frame))


def in_other_units(cells: Cells) -> Cells:
    return replace(cells, numbers={name: values * 1000 + 7 for name, values in cells.numbers.items()})


def test_a_table_too_large_for_all_pairs_says_how_many_it_left_out(monkeypatch):
    rng = np.random.default_rng(3)
    parts = [Cells(columns={}, numbers={name: rng.normal(size=500) for name in "abcd"}, size=500) for _ in range(3)]
    monkeypatch.setattr(pairs, "MOST_LOOK_UPS", 3000)
    found, possible = near_pairs(*parts)
    assert (len(found), possible) == (2, 6)


def test_a_copy_gives_everybody_away_and_a_copy_of_the_holdout_nobody():
    given = adult.fresh(3, n=1500)
    found = measured(adult.copied(given, 1.0))
    assert min(found[key].lower for key in KEYS) > 0.9
    other = measured(adult.with_synthetic(given, given.holdout))
    assert max(other[key].upper for key in KEYS) < 0.01
    assert max(other[key].lower for key in KEYS) < 0


def test_people_who_are_not_under_attack_are_named_and_looked_up():
    given = replace(adult.fresh(41, n=1000), reference=None)
    wide = replace(given, train=pd.concat([given.train, adult.fresh(7, n=1000).train]))
    rows = wide.train.iloc[-60:].assign(age=17)
    found = findings(gather(put(wide, rows), np.random.default_rng(0)))
    assert found[SUREST].details["train_not_under_attack"] == pytest.approx(1 / 2)
    assert found[LEFT_OUT].n == 2000
    assert found[LEFT_OUT].lower > 0


@pytest.mark.parametrize("name", list(awkward()))
def test_no_table_makes_it_crash_or_skip_in_silence(name):
    found = agreement(seen(awkward()[name]), np.random.default_rng(0))
    assert tuple(f.key for f in found) == (*KEYS, PAIRS)
    for finding in found:
        assert (finding.status is FindingStatus.MEASURED) == (finding.value is not None)
        assert finding.note or finding.lower <= finding.value <= finding.upper


def test_few_people_are_said_to_be_too_few():
    for finding in agreement(seen(fresh(60)), np.random.default_rng(0)):
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert "100" in finding.note


def test_the_same_numbers_give_the_same_findings():
    evidence = seen(copied(400, share=0.1))
    assert agreement(evidence, np.random.default_rng(4)) == agreement(evidence, np.random.default_rng(4))
