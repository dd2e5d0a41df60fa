"""Decimals are shown with a fixed number of places only where each of them can be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.detect.correct import Content, Said, Stored, correct
from synth.encode.fit_encoder import fit_encoder
from synth.randomness import Rng
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema


@pytest.mark.parametrize(
    ("marker", "places"),
    [("-9.0", {"x": 2}), ("-9.5", {"x": 2}), ("-9.125", {}), ("-3.4028234663852886e+38", {}), ("9.97e+36", {})],
)
def test_a_marker_that_no_fixed_number_of_places_can_show_is_written_as_it_is(
    marker: str, places: dict[str, int]
) -> None:
    values = np.random.default_rng(0).normal(50, 9, 400).round(2)
    values[:40] = float(marker)
    spec = ColumnSpec(name="x", kind=ColumnKind.NUMERICAL, markers=(marker,), places=2)
    schema = TableSchema(columns=(spec,))
    assert fit_encoder(pd.DataFrame({"x": values}), schema, TrainConfig(device="cpu"), Rng(1)).places == places


@pytest.mark.parametrize("said", [Said(missing={"x": ["-9.0"]}), Said(kinds={"x": "numerical"})])
def test_a_correction_keeps_how_many_places_the_decimals_were_written_with(said: Said) -> None:
    schema = TableSchema(columns=(ColumnSpec(name="x", kind=ColumnKind.NUMERICAL, places=2),))
    corrected = correct(schema, said, lambda _: Content(stored=Stored.REAL, counts={}))
    assert corrected["x"].places == 2
