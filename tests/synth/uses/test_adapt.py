"""Records that are carried over to another domain: what differs there follows, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.errors import SynthError, TableError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.uses.adapt import Adapted, adapt, domain_name
from tests.synth.tables_about_people import FAST

KINDS = {"id": ColumnKind.IDENTIFIER, "age": ColumnKind.NUMERICAL, "pay": ColumnKind.NUMERICAL}
SCHEMA = TableSchema(
    columns=tuple(
        ColumnSpec(name=name, kind=KINDS.get(name, ColumnKind.CATEGORICAL))
        for name in ("id", "domain", "job", "age", "pay")
    )
)


def hospital(n: int, seed: int, *, desk: float, raised: float) -> pd.DataFrame:
    """`pay` follows `job`; how many sit at desks and what they earn differs between two; `age` follows nothing."""
    r = np.random.default_rng(seed)
    job = np.where(r.random(n) < desk, "desk", "hall")
    pay = np.where(job == "desk", 50.0 + raised, 20.0) + np.round(r.normal(0, 3, n), 1)
    ages, wards = r.integers(18, 80, n), r.choice(["north", "south"], n)
    return pd.DataFrame(
        {"id": [f"P{seed}{i:05d}" for i in range(n)], "domain": wards, "job": job, "age": ages, "pay": pay}
    )


FIRST, SECOND = hospital(1400, 1, desk=0.3, raised=0.0), hospital(1100, 2, desk=0.7, raised=30.0)


@pytest.fixture(scope="module")
def adapted() -> Adapted:
    return adapt(FIRST, SECOND, SCHEMA, Rng(0), config=FAST.with_(steps=60, protect=False))


def test_what_differs_between_the_domains_is_carried_over(adapted: Adapted) -> None:
    after = adapted.table
    assert (after["job"] == "desk").mean() == pytest.approx(0.7, abs=0.1)
    assert after["pay"][after["job"] == "desk"].mean() == pytest.approx(80, abs=8)
    assert after["pay"][after["job"] == "hall"].mean() == pytest.approx(20, abs=8)


def test_what_is_alike_stays_in_its_record(adapted: Adapted) -> None:
    assert list(adapted.table["id"]) == list(FIRST["id"])
    assert (adapted.table["age"] == FIRST["age"]).mean() > 0.8
    assert adapted.changed["domain"] < 0.1, "a column of that name is the table's own"
    assert adapted.changed["pay"] == pytest.approx((adapted.table["pay"] != FIRST["pay"]).mean())
    stayed = adapted.table["job"] == FIRST["job"]
    assert stayed.mean() == pytest.approx(0.6, abs=0.12), "no more jobs change than have to"


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (FIRST, SECOND.drop(columns="pay"), "second table.*'pay'"),
        (FIRST.assign(more=1), SECOND, "first table.*1 are others"),
        (FIRST.head(3), SECOND, "first table.*50 records"),
        (FIRST, SECOND.assign(pay="secret"), "second table: column 'pay'"),
    ],
)
def test_tables_that_do_not_match_are_refused_without_a_cell(first, second, says: str) -> None:
    with pytest.raises(TableError, match=says) as caught:
        adapt(first, second, SCHEMA, Rng(0))
    assert "secret" not in str(caught.value)


def test_what_no_model_could_carry_over_is_refused_before_a_training() -> None:
    def train(*_: object) -> TrainedModel:
        raise AssertionError("nothing is to be trained")

    with pytest.raises(TableError, match="500 records or more in both tables together, got 499"):
        adapt(FIRST.head(250), SECOND.head(249), SCHEMA, Rng(0), train=train)
    with pytest.raises(SynthError, match="redrawn"):
        adapt(FIRST, SECOND, SCHEMA, Rng(0), config=FAST.with_(objective="ctgan"), train=train)
    with pytest.raises(AssertionError):
        adapt(FIRST.head(250), SECOND.head(250), SCHEMA, Rng(0), train=train)


def test_people_with_several_records_are_refused() -> None:
    schema = SCHEMA.with_roles(person="id")
    assert schema.with_role(ColumnRole.PERSON) == "id"
    with pytest.raises(TableError, match="names people"):
        adapt(FIRST, SECOND, schema, Rng(0))
    assert domain_name(schema) == "domain_"


@pytest.mark.parametrize("change", [{"redraw": False}, {"objective": "ctgan"}])
def test_settings_by_which_nothing_is_redrawn_are_refused_by_name(change: dict[str, object]) -> None:
    name, value = next(iter(change.items()))
    with pytest.raises(SynthError, match=f"redraw=True and objective='tables'.*got .*{name}={value!r}"):
        adapt(FIRST, SECOND, SCHEMA, Rng(0), config=FAST.with_(**change))
