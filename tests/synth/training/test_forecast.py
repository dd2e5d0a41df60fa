"""What a forecast says of columns is what the encoders of a training do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.encode.table_encoder import fit_encoder
from synth.randomness import Rng
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.table.source import FrameTable
from synth.training.forecast import described_columns

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
