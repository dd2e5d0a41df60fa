"""Records that are not learnt are nobody's under attack, and no few people's records count as people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.attacks.people import people as attack_people
from privacy.audit import ATTACKS, audit
from privacy.finding import FindingStatus
from privacy.threat import AuditTables
from synth.config import TrainConfig
from synth.randomness import Rng
from synth.sequences.learnt import learnable
from synth.sequences.ruled import rule_people
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable
from tests.synth.sequences.visits import SCHEMA as VISITS
from tests.synth.sequences.visits import visits

NUMBERS = ("x", "y", "z")
PLAIN = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in NUMBERS))
NAMED = TableSchema(columns=(ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON), *PLAIN))
LEAST = 5


def numbers(n: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(0, 1, (n, 3)), columns=list(NUMBERS))


def auc(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema) -> float:
    given = AuditTables(train=train, holdout=holdout, synthetic=synthetic, schema=schema)
    only = {"membership": ATTACKS["membership"]}
    found = audit(given, np.random.default_rng(0), attacks=only, planting=False).findings
    return next(each.value for each in found if each.key == "membership.plain_k1_auc") or 0.0


def test_records_that_break_a_rule_and_are_left_out_are_no_members() -> None:
    schema = PLAIN.with_rules("x <= 0.2", find=False, leave_out=True)
    train, holdout = numbers(1600, 1), numbers(1600, 2)
    found = learnable(FrameTable(train), schema, LEAST)
    learnt, others = found.of(train), found.of(holdout)
    assert (learnt["x"] <= 0.2).all()
    assert (others["x"] <= 0.2).all()
    assert len(learnt) < 0.65 * len(train)
    synthetic = pd.concat([learnt[: len(learnt) // 4] + 0.001, found.of(numbers(1200, 3))], ignore_index=True)
    assert auc(learnt, others, synthetic, schema) > 0.58
    assert auc(train, holdout, synthetic, schema) < 0.57


def test_records_of_nobody_and_those_without_an_order_are_no_members_where_people_have_several() -> None:
    table = visits(200)
    table.loc[:30, "patient"] = None
    few = table["patient"].dropna().unique()[: LEAST - 1]
    table.loc[table["patient"].isin(few), "at"] = pd.NaT
    found = learnable(FrameTable(table), VISITS, LEAST)
    assert found.outline is not None
    rows = found.rows(FrameTable(table))
    assert rows.tolist() == sorted(found.outline.rows.tolist())
    assert len(rows) == len(table) - found.outline.unnamed - found.outline.unordered
    other = visits(40, seed=7)
    other.loc[:9, "patient"] = None
    other.loc[10:14, "at"] = pd.NaT
    assert len(found.of(other)) == len(other) - 15
    ruled = rule_people(FrameTable(table), VISITS.with_rules(find=False), TrainConfig(device="cpu"), Rng(0))
    assert ruled is not None
    assert sorted(ruled.outline.rows) == rows.tolist()


def heavy(few: int, each: int, single: int) -> pd.DataFrame:
    who = [*np.repeat([f"h{n}" for n in range(few)], each), *(f"s{n}" for n in range(single))]
    return numbers(len(who), 4).assign(who=who)[list(NAMED.names)]


def test_one_record_each_is_learnt_where_few_people_have_very_many() -> None:
    table = heavy(19, 500, 500)
    found = learnable(FrameTable(table), NAMED, LEAST)
    assert found.outline is None
    learnt = found.of(table)
    assert len(learnt) == 519
    assert learnt["who"].is_unique
    pd.testing.assert_frame_equal(learnt.head(2), table.iloc[[0, 500]].reset_index(drop=True))
    assert len(found.source(FrameTable(table))) == 519
    assert len(found.of(table.assign(who=None))) == len(table), "whoever is not named is a person of their own"
    assert len(learnable(FrameTable(heavy(20, 500, 0)), NAMED, LEAST).of(table)) == len(table)


def test_so_it_is_where_leaving_records_out_leaves_too_few_with_several() -> None:
    table = heavy(300, 2, 0)
    table["x"] = np.tile([0.2, 0.8], 300)
    table.loc[table.index[:38], "x"] = 0.2
    schema = NAMED.with_rules("x <= 0.5", find=False, leave_out=True)
    assert rule_people(FrameTable(table), schema, TrainConfig(device="cpu"), Rng(0)) is None
    assert learnable(FrameTable(table), schema, LEAST).of(table)["who"].is_unique


def test_the_attack_on_people_says_why_it_was_not_made() -> None:
    table = heavy(19, 30, 500)
    for given in (table, learnable(FrameTable(table), NAMED, LEAST).of(table)):
        tables = AuditTables(train=given, holdout=heavy(10, 10, 200), synthetic=heavy(0, 0, 500), schema=NAMED)
        found = audit(tables, np.random.default_rng(0), attacks={"people": attack_people}, planting=False).findings
        assert {each.key for each in found} == {
            f"membership.{name}_{what}" for name in ("history", "person") for what in ("auc", "tpr_at_1_percent")
        }
        assert all(each.status is FindingStatus.NOT_APPLICABLE for each in found)
        assert all("Fewer than 20 people" in each.note for each in found)
