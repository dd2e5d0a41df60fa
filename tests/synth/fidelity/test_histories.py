"""People with several records: figures beside what a real sample reaches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.fidelity.frames import Part
from synth.fidelity.histories import Histories, histories
from synth.table.schema import ColumnRole
from tests.synth.sequences.visits import SCHEMA, visits


def measured(synthetic: pd.DataFrame) -> Histories:
    found = histories(visits(120, 1), visits(120, 2), synthetic, SCHEMA, np.random.default_rng(0))
    assert isinstance(found, Histories)
    return found


def test_other_real_people_are_as_close_as_the_floor() -> None:
    found = measured(visits(120, 3).sort_values(["patient", "at"]))
    assert set(found.constant) == {"sex", "born"}
    assert all(kept.synthetic == 1 for kept in found.constant.values())
    assert found.order == "at"
    assert found.ascends is not None
    assert found.ascends.synthetic == 1
    assert found.records.synthetic < 0.5
    assert found.detection.synthetic < 0.65
    assert all(each.synthetic < each.floor + 0.1 for each in found.transitions.values())


def test_records_dealt_out_at_random_are_seen_in_each_figure() -> None:
    shuffled = visits(120, 3)
    shuffled["patient"] = np.random.default_rng(0).permutation(shuffled["patient"])
    found = measured(shuffled)
    assert all(kept.synthetic < 0.3 for kept in found.constant.values())
    assert found.gaps is not None
    assert found.gaps.synthetic > found.gaps.floor + 0.2
    assert found.transitions["ward"].synthetic > found.transitions["ward"].floor + 0.2
    assert found.detection.synthetic > 0.9


def test_a_table_without_people_or_histories_says_why() -> None:
    table, rng = visits(100), np.random.default_rng(0)
    nobody = type(SCHEMA)(columns=tuple(c for c in SCHEMA if c.role is not ColumnRole.PERSON))
    once = table.drop_duplicates("patient")
    for given, schema in ((table.drop(columns="patient"), nobody), (once, SCHEMA)):
        assert isinstance(histories(given, given, given, schema, rng), Part)


def test_how_many_records_one_person_has_is_not_told() -> None:
    plain = visits(120, 1)
    one = plain[plain["patient"] == plain["patient"].iloc[0]].sample(2_000, replace=True, random_state=0)
    found = []
    for train in (plain, pd.concat([plain, one], ignore_index=True)):
        told = histories(train, visits(120, 2), visits(120, 3), SCHEMA, np.random.default_rng(0))
        assert isinstance(told, Histories)
        found.append(told)
    assert abs(found[0].records_each["train"] - found[1].records_each["train"]) < 0.5
    assert abs(found[0].records.floor - found[1].records.floor) < 0.5
