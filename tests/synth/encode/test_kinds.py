"""A kind of column takes an encoder and a line in the registry: all else asks the encoder, not its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synth.artifact import load, save
from synth.encode import kinds
from synth.encode.base import Codes, EncodedColumn, Kind, Residuals, Selected, text_of
from synth.encode.kinds import FITS
from synth.encode.ranges import ends
from synth.errors import ConditionError
from synth.people import People
from synth.randomness import Rng
from synth.sampling.sample import sample, sample_batches
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity(Kind):
    """Whole numbers of which only the parity is kept: 0 and 1 come out."""

    name: str

    @property
    def width(self) -> int:
        return 2

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:
        return EncodedColumn(codes=(column.to_numpy() % 2).astype(np.int32), residuals=None)

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:
        return pd.Series(codes.astype(np.int64), name=self.name)

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:
        return pa.array(codes.astype(np.int64))

    def select(self, wanted: str | Range) -> Selected:
        if wanted not in ("even", "odd"):
            raise ConditionError(f"column {self.name!r}: expected even or odd")
        shares = np.array([1.0, 0.0] if wanted == "even" else [0.0, 1.0])
        return Selected(shares=shares, low=ends(2, -1.0), high=ends(2, 1.0))

    def to_json(self) -> dict[str, Any]:
        return {"encoder": "parity", "name": self.name}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Parity:
        return Parity(name=text_of(values, "name"))


def fit_parity(column: pd.Series, spec: ColumnSpec, people: People, limits: object, rng: object) -> Parity:
    return Parity(name=spec.name)


def test_every_kind_of_the_schema_is_registered() -> None:
    assert set(FITS) == set(ColumnKind)


def test_a_further_kind_is_learnt_sampled_saved_and_conditioned_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(FITS, ColumnKind.NUMERICAL, fit_parity)  # type: ignore[arg-type]
    monkeypatch.setitem(kinds.READS, "parity", Parity.from_json)  # type: ignore[arg-type]
    r = np.random.default_rng(0)
    table = pd.DataFrame({"side": r.choice(["left", "right"], 300).astype(object), "x": r.integers(0, 50, 300)})
    schema = TableSchema(
        columns=(
            ColumnSpec(name="side", kind=ColumnKind.CATEGORICAL),
            ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
        )
    )
    model = fit(table, schema, FAST.with_(steps=3), Rng(0))
    save(model, tmp_path)
    again = load(tmp_path)
    drawn = sample(again, 200, Rng(1))
    assert set(drawn["x"]) == {0, 1}
    pd.testing.assert_frame_equal(sample(model, 200, Rng(1)), drawn)
    assert next(sample_batches(again, 200, Rng(1))).column("x").to_pylist() == drawn["x"].tolist()
    assert (sample(again, 50, Rng(1), conditions={"x": "odd", "side": "left"})["x"] == 1).all()
    with pytest.raises(ConditionError, match="even or odd"):
        sample(again, 5, Rng(1), conditions={"x": Range(0, 1)})
