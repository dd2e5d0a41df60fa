"""What a forecast says of columns is what the encoders of a training do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.gan.objective import OBJECTIVES
from synth.gan.step import Material, Networks, make_networks
from synth.randomness import Rng
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.table.source import FrameTable
from synth.training.described import described_columns
from synth.training.forecast import forecast
from synth.training.schedule import step_count

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


def test_columns_that_a_rule_replaces_are_not_said_to_be_lost() -> None:
    r = np.random.default_rng(0)
    net, days = r.integers(1, 90, 800), r.integers(0, 9, 800)
    begun = pd.Timestamp("2024-01-01") + pd.to_timedelta(r.integers(0, 300, 800), "D")
    ended = begun + pd.to_timedelta(days, "D")
    frame = pd.DataFrame({"net": net, "tax": days, "total": net + days, "begun": begun, "ended": ended})
    kinds = dict.fromkeys(("net", "tax", "total"), ColumnKind.NUMERICAL)
    kinds |= dict.fromkeys(("begun", "ended"), ColumnKind.DATETIME)
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in kinds.items()))
    schema = schema.with_rules("total = net + tax", "begun <= ended", find=False)
    config, source = TrainConfig(device="cpu"), FrameTable(frame)
    encoder = fit_encoder(source, schema, config, Rng(0))
    found = {each.name: each for each in described_columns(encoder, source, schema, config)}
    assert (found["total"].becomes, found["total"].loses) == ("computed by the rule total = net + tax", ())
    assert found["ended"].becomes == "its distance from 'begun'"
    assert all("further out" in lost and not lost.startswith("100") for lost in found["ended"].loses)
    assert sum(each.codes for each in found.values()) == sum(encoder.widths)


def test_the_steps_are_those_of_the_objective() -> None:
    config = TrainConfig(device="cpu", objective="ctgan")
    assert forecast(table(600), SCHEMA, config, Rng(0), records=6_000).steps == 300 * 6_000 // 500


def test_people_with_several_records_are_tried_as_they_are_learnt() -> None:
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"who": np.repeat([f"p{i}" for i in range(150)], 4), "score": r.normal(0, 1, 600)})
    columns = (ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER), ColumnSpec(name="score", kind=ColumnKind.NUMERICAL))
    schema = TableSchema(columns=columns).with_roles(person="who")
    config, source = TrainConfig(device="cpu"), FrameTable(frame)
    found = forecast(source, schema, config, Rng(0), records=60_000)
    # a score and a number of records are too few columns to redraw
    assert (found.records, found.steps) == (60_000, step_count(15_000, redrawn=False))


def test_the_trial_is_as_wide_as_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,500 categories with eight people each, a trial of 4,000 records by itself would learn a few only."""
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"place": r.integers(0, 1_500, 12_000).astype(str), "kind": r.choice(["a", "b"], 12_000)})
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in frame))
    tried = list[int]()

    def made(config: TrainConfig, material: Material, rng: Rng) -> Networks:
        tried.append(material.layout.codes)
        return make_networks(config, material, rng)

    monkeypatch.setitem(OBJECTIVES, "tables", replace(OBJECTIVES["tables"], make=made))
    config = TrainConfig(device="cpu", steps=1)
    found = forecast(FrameTable(frame), schema, config, Rng(0))
    assert tried == [found.codes]
    assert found.codes > 1_200
