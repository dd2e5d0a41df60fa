"""Conditions are counted before a job is made: by people, and by ranges whose ends find no single value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.blobs import Stored
from app.errors import InvalidRequestError
from app.services.conditions import conditions_held
from synth.detect.propose import propose_schema
from synth.table.ranges import AnyOf, Condition, Presence, Range
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.support.web import Web

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="pay", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="day", kind=ColumnKind.DATETIME),
        ColumnSpec(name="ward", kind=ColumnKind.CATEGORICAL),
    )
)


@pytest.fixture
def stored(web: Web, tmp_path: Path) -> Stored:
    """600 pays of a continuous distribution, of which 60 are the very same; a day for each record."""
    rng = np.random.default_rng(0)
    pay = rng.normal(50_000, 10_000, 600)
    pay[:60] = 43_210.5
    frame = pd.DataFrame(
        {"pay": pay, "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(600) % 365, "D"), "ward": "x"}
    )
    frame.to_parquet(tmp_path / "table.parquet")
    return web.backend.blobs.put(f"tenant_a/datasets/{tmp_path.name}/table", tmp_path / "table.parquet")


def is_taken(web: Web, stored: Stored, **conditions: Condition) -> bool:
    try:
        conditions_held(web.backend.blobs, stored, SCHEMA, conditions)
    except InvalidRequestError:
        return False
    return True


def test_the_end_of_a_range_is_moved_without_effect_inside_of_a_cell(web: Web, stored: Stored) -> None:
    """The step is 1,000: answers change at no pay of a person, but at lines that are the same for all."""
    ends = [60_000 + 125 * i for i in range(80)]
    taken = [is_taken(web, stored, pay=Range(60_000, end)) for end in ends]
    changes = [end for end, before, after in zip(ends[1:], taken, taken[1:], strict=False) if before != after]
    assert len(changes) == 1
    assert changes[0] % 500 == 0


def test_a_value_of_many_people_is_a_range_and_one_of_a_person_is_none(web: Web, stored: Stored) -> None:
    assert is_taken(web, stored, pay=Range(43_210.5, 43_210.5))
    assert is_taken(web, stored, pay=Range(43_210, 43_211))
    assert not is_taken(web, stored, pay=Range(43_211, 43_212))


def test_dates_count_by_whole_days(web: Web, stored: Stored) -> None:
    assert is_taken(web, stored, day=Range("2024-02-01", "2024-03-31"))
    assert is_taken(web, stored, day=Range(None, "2024-12-30"), pay=Range(30_000, None))
    assert not is_taken(web, stored, day=Range("2025-02-01", None))


@pytest.mark.parametrize(
    "conditions",
    [
        {"ward": "x"},
        {"ward": AnyOf(("y", "x"))},
        {"age": Range(low=90)},
        {"note": Presence.PRESENT},
        {"ward": "y", "sex": "f"},
    ],
)
def test_many_records_of_one_person_do_not_make_a_condition_of_many_people(
    web: Web, tmp_path: Path, conditions: dict[str, Condition]
) -> None:
    one = pd.DataFrame({"who": "p0", "ward": ["x"] * 50 + ["y"] * 50, "age": 99.0, "note": 1.0, "sex": "f"})
    others = pd.DataFrame({"who": [f"q{i % 30}" for i in range(90)], "ward": "y", "age": 40.0, "sex": "m"})
    table = pd.concat([one, others], ignore_index=True)
    table.to_parquet(tmp_path / "table.parquet")
    stored = web.backend.blobs.put("tenant_a/datasets/dataset_1/table", tmp_path / "table.parquet")
    schema = propose_schema(table).with_roles(person="who")
    with pytest.raises(InvalidRequestError, match="10 people"):
        conditions_held(web.backend.blobs, stored, schema, conditions)
    assert conditions_held(web.backend.blobs, stored, schema, {"ward": "y"}) == {"ward": "y"}
