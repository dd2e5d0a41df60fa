"""Near and partial copies of people of train, planted into otherwise fresh rows of Adult; fresh rows stay silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.agreement import agreement
from privacy.attacks.replay import replay
from privacy.canonical import canonical
from privacy.cells import cells_of
from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus
from privacy.linkage import link
from privacy.threat import AuditTables
from tests.privacy import adult
from tests.privacy.attacks.awkward import awkward, copied, fresh, seen
from tests.privacy.attacks.draws import most_alarms

KEYS = ("agreement.excess_surest", "agreement.excess_parts", "agreement.excess_all_but_two")
SUREST, WIDE, LEFT_OUT = KEYS
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
    assert tuple(f.key for f in found) == KEYS
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
