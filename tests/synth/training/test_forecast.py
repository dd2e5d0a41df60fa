"""What a forecast says of columns is what the encoders of a training do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.table_encoder import fit_encoder
from synth.errors import SchemaError
from synth.randomness import Rng
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable
from synth.training.forecast import described_columns, forecast
from tests.synth.rules.tables import visits
from tests.synth.tables_about_people import FAST

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="id", kind=ColumnKind.IDENTIFIER),
        ColumnSpec(name="age", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="city", kind=ColumnKind.CATEGORICAL),
    )
)


def table(rows: int) -> FrameTable:
    r = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"p{i:05d}" for i in range(rows)],
            "age": np.r_[r.normal(40, 12, rows - 1), 9_999.0],
            "city": ["Nobodyville", *r.choice(["Oslo", "Bergen"], rows - 1)],
        }
    )
    return FrameTable(frame)


def test_rare_categories_outer_ends_and_identifiers_are_announced_without_a_cell() -> None:
    config = TrainConfig(device="cpu")
    encoder = fit_encoder(table(800), SCHEMA, config, Rng(0))
    found = {each.name: each for each in described_columns(encoder, table(800), SCHEMA, config)}
    assert (found["id"].codes, found["id"].loses) == (0, ("every value: none of the table's comes back",))
    assert found["city"].becomes == "2 categories"
    assert found["city"].loses[0].startswith("1 of 3 categories, 0.12% of the values")
    assert any("further out than 5 people share" in lost for lost in found["age"].loses)
    assert sum(each.codes for each in found.values()) == sum(encoder.widths)
    said = repr(found)
    assert "Nobodyville" not in said
    assert "9999" not in said


def test_columns_that_a_rule_restores_are_not_announced_as_lost() -> None:
    held = visits(800)[["drugs", "care", "total", "low", "high", "smoker"]]
    schema = propose_schema(held).with_rules("total = drugs + care", "low <= high", find=False)
    config = TrainConfig(device="cpu")
    encoder = fit_encoder(FrameTable(held), schema, config, Rng(0))
    found = {each.name: each for each in described_columns(encoder, FrameTable(held), schema, config)}
    assert found["total"].becomes == "computed from drugs, care by a rule"
    assert found["total"].loses == ()
    assert found["high"].becomes.startswith("its distance from low, by a rule: ")
    assert sum(each.codes for each in found.values()) == sum(encoder.widths)


def test_where_people_have_several_records_rules_are_neither_announced_nor_taken() -> None:
    random = np.random.default_rng(0)
    held = visits(400)[["drugs", "care", "total"]].assign(patient=[f"P{n // 2:03d}" for n in range(400)])
    held["seen"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, 400), unit="D")
    schema = propose_schema(held)
    person = replace(schema["patient"], kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
    schema = replace(schema, columns=tuple(person if each.name == "patient" else each for each in schema))
    found = forecast(FrameTable(held), schema, FAST.with_(steps=1), Rng(0))
    assert not any("by a rule" in each.becomes for each in found.columns)
    with pytest.raises(SchemaError, match="leave the rules out, or name no person column"):
        forecast(FrameTable(held), schema.with_rules("total = drugs + care"), FAST.with_(steps=1), Rng(0))
