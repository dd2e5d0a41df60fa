"""A table read by columns gives the model that the table in memory gives; nothing grows faster than the table."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synth.encode import kinds, table_encoder
from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import make_layout, part_of
from synth.encode.numeric import NumericEncoder
from synth.errors import TableError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.frame import write_parquet
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import ParquetTable
from synth.training.evaluate import distance, make_yardstick
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema


def weights(model: TrainedModel) -> list[torch.Tensor]:
    last = model.chain.target.tensors().values() if model.chain.target else ()
    together = () if model.together is None else (model.together,)
    return [
        *model.generator.state_dict().values(),
        model.counts,
        *last,
        *model.chain.dependencies.tensors().values(),
        *together,
    ]


@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_and_a_frame_give_the_same_model(mapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if mapped:
        monkeypatch.setattr(table_encoder, "MAPPED_BYTES", 0)
    spec = schema().with_roles(person="person")
    write_parquet(people(), tmp_path / "t.parquet")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    one = fit(ParquetTable(tmp_path / "t.parquet", spec), spec, FAST, Rng(0), scratch=scratch)
    other = fit(people(), spec, FAST, Rng(0))
    assert one.encoder == other.encoder
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))
    assert not list(scratch.iterdir())


def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text("no table")
    with pytest.raises(TableError):
        fit(ParquetTable(path, schema()), schema(), FAST, Rng(0))
    write_parquet(people().drop(columns="age"), path)
    with pytest.raises(TableError, match="age"):
        fit(ParquetTable(path, schema()), schema(), FAST, Rng(0))
    write_parquet(people().assign(age="old"), path)
    with pytest.raises(TableError, match="age"):
        fit(ParquetTable(path, schema()), schema(), FAST, Rng(0))


def test_a_part_of_a_large_table_does_not_follow_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    table = people()
    first_visit = np.arange(len(table)) % 2 == 0
    table["income"] = table["income"].fillna(0.0).mask(first_visit)
    table["age"] = np.where(first_visit, 20 + table["age"] % 7, 60 + table["age"] % 7)
    monkeypatch.setattr(kinds, "FITTED_RECORDS", len(table) // 2)
    learnt = {column.name: column for column in fit_encoder(table, schema(), FAST, Rng(0)).encoders}
    income, age = learnt["income"], learnt["age"]
    assert isinstance(income, NumericEncoder)
    assert isinstance(age, NumericEncoder)
    assert income.missing
    assert income.pieces
    assert age.low < 30
    assert age.high > 59
    codes = torch.arange(2).repeat(1000)[:, None]
    assert 0.4 < float(part_of(codes, 1000, np.random.default_rng(0)).float().mean()) < 0.6


def test_codes_take_as_few_bytes_as_they_can() -> None:
    encoded = fit_encoder(people(), schema(), FAST, Rng(0)).encode(people(), Rng(1))
    assert encoded.codes.dtype == np.uint8
    wide = pd.DataFrame({"x": np.repeat([f"c{i}" for i in range(300)], 5)})
    spec = TableSchema(columns=(ColumnSpec(name="x", kind=ColumnKind.CATEGORICAL),))
    encoded = fit_encoder(wide, spec, FAST, Rng(0)).encode(wide, Rng(1))
    assert encoded.codes.dtype == np.int16
    assert len(np.unique(encoded.codes)) == 300


@contextmanager
def memory_for(more: int) -> Iterator[None]:
    """This process may ask for so many bytes more than it has: what grows with the square of a width does not fit."""
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.slow
def test_many_categories_take_memory_in_proportion() -> None:
    many = 30_000
    names = np.repeat(np.char.add("c", np.arange(many).astype(str)).astype(object), 5)
    r = np.random.default_rng(0)
    table = pd.DataFrame({"x": names, "y": r.permutation(names), "z": r.choice(["u", "v"], len(names))})
    spec = TableSchema(
        columns=tuple(
            ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL, role=ColumnRole.TARGET if n == "z" else ColumnRole.FEATURE)
            for n in "xyz"
        )
    )
    with memory_for(3 * 2**30):
        model = fit(table, spec, FAST.with_(steps=3, look_every=2), Rng(0))
    assert sum(model.encoder.widths) > 2 * many
    assert 4 * (2 * many) ** 2 > 3 * 2**30, "a table of pairs would not have fitted"


def test_two_very_wide_columns_are_compared_by_the_cells_that_are_filled() -> None:
    width = 200_000
    layout = make_layout([width, width], [], "cpu")
    codes = torch.stack([torch.arange(1000), torch.arange(1000) * 7], 1)
    other = torch.cat([codes[:500], codes[:500] + 3])
    one, two = distance(other, make_yardstick(codes, np.random.default_rng(0), held_out=False), layout)
    assert one < 1
    assert two == pytest.approx(0.5)


def test_columns_whose_names_go_on_behind_a_dot_are_told_apart(tmp_path: Path) -> None:
    names = ["visit", "visit.day", "visit.day.hour"]
    frame = pd.DataFrame({name: [float(place), 2.0] for place, name in enumerate(names)})
    frame.to_parquet(tmp_path / "t.parquet")
    spec = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in reversed(names)))
    table = ParquetTable(tmp_path / "t.parquet", spec)
    assert {name: table.column(name).iloc[0] for name in names} == {"visit": 0, "visit.day": 1, "visit.day.hour": 2}
    assert len(table) == 2
